/**
 * Does what an operator asks for. What the table can do works for keys of every instance, as the table tells their owner; what
 * only a supervisor can do works for the keys of this one.
 *
 * @module
 */

import { settlesWithin } from "../clock.ts";
import { propertyOf } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import { oneLine } from "../one_line.ts";
import type { InspectedSupervisor, InspectSettings } from "./options.ts";
import { Problem } from "./problem.ts";
import type { actions } from "./routes.ts";

/** What to do, to which key or to the whole table, and what is said of it. */
export interface Order<K> {
  readonly action: (typeof actions)[number];
  readonly key?: K;
  /** Which keys to restart. */
  readonly state: string | null;
  readonly by?: string;
  readonly reason?: string;
  /** When a pause is over by itself, epoch ms. */
  readonly untilAt?: number;
}

/** What came of it: the same action twice changes something once. */
interface Outcome {
  readonly isChanged: boolean;
  /** How many keys were restarted, if it was about several. */
  readonly count?: number;
}

/** How long a request waits for a start, in ms: it goes on after that. */
const startWaitMs = 5_000;
const maxBytes = 16 * 1024, maxReasonLength = 1_000;

/** Errors that a client is told of, since they say what is wrong with its request or with the moment. */
const statuses: Readonly<Record<string, number>> = {
  ProcessElsewhereError: 409,
  ProcessExistsError: 409,
  ProcessPausedError: 409,
  ProcessStateError: 409,
  ProcessStuckError: 409,
  ProcessNotFoundError: 404,
  KvTimeoutError: 503,
  KvUnavailableError: 503,
  KvClosedError: 503,
  SupervisorNotRunningError: 503,
};

/** Says what a client is told of an error; `undefined` if it is not told of it. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  const [name = "", message = "", session, state] = ["name", "message", "session", "state"].map((each) => {
    const text = propertyOf(error, each);
    return typeof text === "string" ? text : undefined;
  });
  const text = oneLine(message);
  if (Object.hasOwn(statuses, name)) return new Problem(statuses[name], text, { session, state });
  // A path can hold a key that the table cannot, and a body a moment that has passed.
  return /^Cannot (use (a string|the key)|pause) /.test(text) ? new Problem(400, text) : undefined;
}

/** Reads what comes with an action: JSON, or nothing. */
export async function readBody(request: Request): Promise<Pick<Order<never>, "reason" | "untilAt">> {
  if (request.bodyUsed) throw new Error("Cannot read the body: authorize has read it, instead of that of a clone");
  const chunks: BlobPart[] = [];
  let size = 0;
  try {
    // Leaving the loop cancels the stream: no more is read of a body than it may have.
    for await (const bytes of request.body ?? []) {
      size += bytes.length;
      if (size > maxBytes) throw new Problem(413, `The body must have at most ${maxBytes} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(400, "The body was cut off");
  }
  if (size === 0) return {};
  const type = request.headers.get("content-type") ?? "application/json";
  if (!/^(application\/json|text\/plain)\s*(;|$)/i.test(type)) {
    throw new Problem(415, "The body must be application/json");
  }
  const body = parse(await new Blob(chunks).arrayBuffer());
  if (Object.prototype.toString.call(body) !== "[object Object]") throw new Problem(400, "The body must be an object");
  const { reason, untilAt } = body as Partial<Order<never>>;
  if (reason === undefined || (typeof reason === "string" && reason.length <= maxReasonLength)) {
    return { reason, untilAt };
  }
  throw new Problem(400, `The reason must be a text of at most ${maxReasonLength} characters`);
}

function parse(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (_malformed) {
    throw new Problem(400, "The body must be JSON in UTF-8");
  }
}

/** Acts on a key or on the whole table. */
export async function act<K>(
  settings: InspectSettings<K>,
  { action, key, state, ...said }: Order<K>,
): Promise<Outcome> {
  const { table, clock, cluster } = settings;
  if (key === undefined) {
    if (action === "restart") return await restartAll(settings, state);
    return changed(action === "pause" ? await table?.pauseAll?.(said) : await table?.resumeAll?.());
  }
  if (action === "pause" || action === "resume") {
    const isChanged = await (action === "pause" ? table?.pause?.(key, said) : table?.resume?.(key));
    const outcome = changed(isChanged, cluster?.sessionOf(key as never)?.id);
    return outcome.isChanged || await table?.get(key) ? outcome : fail(404, missing(key));
  }
  if (action === "restart" && table?.restart) {
    return await table.restart(key) ? { isChanged: true } : fail(404, missing(key));
  }
  const supervisor = await ownerOf(settings, key), before = supervisor.status(key)?.state;
  if (action === "abandon") {
    const { abandoned } = supervisor.snapshot();
    if (before !== "stuck" && abandoned.some((each) => each.key === key)) return { isChanged: false };
    if (!before) fail(404, missing(key));
    supervisor.abandon(key);
    return { isChanged: true };
  }
  // A failure of the start is told to the client, and by an event as well.
  const started = action === "start" ? supervisor.ensure(key) : supervisor.restart(key);
  let failure: { readonly error: unknown } | undefined;
  await settlesWithin(clock, started.then(() => {}, (error) => void (failure = { error })), startWaitMs);
  if (failure) throw problemOf(failure.error) ?? new Problem(409, "It was started and has failed: see its last error");
  return { isChanged: action === "restart" || before !== "running" };
}

async function restartAll<K>({ table }: InspectSettings<K>, state: string | null): Promise<Outcome> {
  if (state !== "parked" && state !== "retrying" && state !== "stuck") {
    fail(400, "Say which processes to restart: state is parked, retrying or stuck");
  }
  if (!table?.restartAll) fail(409, "The table cannot restart many processes at once");
  const count = await table.restartAll({ state });
  return { isChanged: count > 0, count };
}

/** The session is that of the owner of the key. */
function changed(isChanged: boolean | undefined, session?: string): Outcome {
  if (isChanged === undefined) throw new Problem(409, "The table cannot pause", { session });
  return { isChanged };
}

/** The supervisor of this instance, if the key is one of its own. */
async function ownerOf<K>({ supervisor, cluster, table }: InspectSettings<K>, key: K): Promise<InspectedSupervisor<K>> {
  if (cluster?.snapshot().sessions.length && !supervisor?.status(key)) {
    const { id: session = null, isSelf } = cluster.sessionOf(key as never) ?? {};
    const owner = session === null ? "no instance owns it now" : `the instance with session ${session} owns it`;
    if (!isSelf && table && !await table.get(key)) fail(404, missing(key));
    if (!isSelf) throw new Problem(409, `This can only be done where the process runs: ${owner}`, { session });
  }
  return supervisor ?? fail(409, "This instance runs no processes: only what the table can do can be done here");
}

function missing(key: unknown): string {
  return `There is no process ${describeKey(key)}`;
}

function fail(status: number, message: string): never {
  throw new Problem(status, message);
}
