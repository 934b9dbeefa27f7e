/**
 * Does what an operator asks for. What the table can do works for keys of every instance, as the table tells their owner; what
 * only a supervisor can do works for the keys of this one.
 *
 * @module
 */

import { settlesWithin } from "../clock.ts";
import { findNamed, isInstance, propertyOf } from "../error_data.ts";
import { oneLine } from "../one_line.ts";
import { textOf } from "./key_id.ts";
import type { InspectedSupervisor, InspectSettings } from "./options.ts";
import { Problem } from "./problem.ts";
import type { actions } from "./routes.ts";

/** What to do, to which key or to the whole table, why, and until when. */
export interface Order<K> {
  readonly action: (typeof actions)[number];
  readonly key?: K;
  readonly reason?: string;
  /** When a pause is over by itself, epoch ms. */
  readonly untilAt?: number;
  /** Who it is. */
  readonly by?: string;
  /** Which keys to restart. */
  readonly state: string | null;
}

/** What came of it: the same action twice changes something once. */
interface Outcome {
  readonly isChanged: boolean;
  /** How many keys it was about, if it was about several. */
  readonly count?: number;
}

/** How long a request waits for a start, in ms: it goes on after that. */
const startWaitMs = 5_000;

/** What a client is told of errors. */
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

const maxBytes = 16 * 1024, maxReasonLength = 1_000, maxAt = 8_640_000_000_000_000;

/** Says what a client is told of an error that is no problem yet; `undefined` if it is not told. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  const found = findNamed(error, Object.keys(statuses));
  const message = oneLine(String(propertyOf(found?.error ?? error, "message")));
  if (found) {
    const [session, state] = ["session", "state"].map((name) => propertyOf(found.error, name));
    return new Problem(statuses[found.name], message, { session, state });
  }
  // A key that a path can hold may be none that the table can.
  const isOfKey = isInstance(error, TypeError) && /^Cannot use (a string|the key)/.test(message);
  return isOfKey ? new Problem(400, message) : undefined;
}

/**
 * Reads what comes with an action: JSON, or nothing.
 *
 * @param now The moment, epoch ms.
 * @throws {Problem} 400, 413 or 415, if it is not that.
 */
export async function readBody(request: Request, now: number): Promise<Pick<Order<never>, "reason" | "untilAt">> {
  const body = await readJson(request);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Problem(400, "The body must be an object");
  }
  const { reason, untilAt } = body as Record<string, unknown>;
  if (reason !== undefined && (typeof reason !== "string" || reason.length > maxReasonLength)) {
    throw new Problem(400, `The reason must be a text of at most ${maxReasonLength} characters`);
  }
  if (untilAt !== undefined && (typeof untilAt !== "number" || !(untilAt > now && untilAt <= maxAt))) {
    throw new Problem(400, "untilAt must be a moment after now, in epoch ms");
  }
  return { reason, untilAt };
}

/** Leaving the loop cancels the stream: no more is read of a body than it may have. */
async function readJson(request: Request): Promise<unknown> {
  const chunks: BlobPart[] = [];
  let size = 0;
  for await (const bytes of request.body ?? []) {
    size += bytes.length;
    if (size > maxBytes) throw new Problem(413, `The body must have at most ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  if (size === 0) return {};
  const type = request.headers.get("content-type") ?? "application/json";
  if (!/^(application\/json|text\/plain)\s*(;|$)/i.test(type)) {
    throw new Problem(415, "The body must be application/json");
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await new Blob(chunks).arrayBuffer()));
  } catch (_malformed) {
    throw new Problem(400, "The body must be JSON in UTF-8");
  }
}

/**
 * Acts on a key or on the whole table.
 *
 * @throws {Problem} 400, 404 or 409, if that cannot be done.
 */
export async function act<K>(settings: InspectSettings<K>, order: Order<K>): Promise<Outcome> {
  const { table } = settings, { action, key, reason, by, untilAt, state } = order, said = { reason, by, untilAt };
  if (key === undefined) {
    if (action === "restart") return await restartAll(settings, state);
    return changed(action === "pause" ? await table?.pauseAll?.(said) : await table?.resumeAll?.());
  }
  if (action === "pause" || action === "resume") {
    const outcome = changed(action === "pause" ? await table?.pause?.(key, said) : await table?.resume?.(key));
    if (!outcome.isChanged && await table?.get(key) === undefined) throw missing(key);
    return outcome;
  }
  if (action === "restart" && table?.restart) {
    if (!await table.restart(key)) throw missing(key);
    return { isChanged: true };
  }
  const supervisor = ownerOf(settings, key);
  if (action === "abandon") {
    if (!supervisor.status(key)) throw missing(key);
    supervisor.abandon(key);
  } else await start(settings, action === "start" ? supervisor.ensure(key) : supervisor.restart(key));
  return { isChanged: true };
}

async function restartAll<K>({ table }: InspectSettings<K>, state: string | null): Promise<Outcome> {
  if (state !== "parked" && state !== "retrying" && state !== "stuck") {
    throw new Problem(400, "Say which processes to restart: state is parked, retrying or stuck");
  }
  if (!table?.restartAll) throw new Problem(409, "The table cannot restart many processes at once");
  const count = await table.restartAll({ state });
  return { isChanged: count > 0, count };
}

function changed(isChanged: boolean | undefined): Outcome {
  if (isChanged === undefined) throw new Problem(409, "The table cannot pause");
  return { isChanged };
}

/** Waits for a start, but not for ever. A failure is told to the client, and by an event as well. */
async function start<K>({ clock }: InspectSettings<K>, started: Promise<unknown>): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  await settlesWithin(clock, started.then(() => {}, (error) => void (failure = { error })), startWaitMs);
  if (failure) throw problemOf(failure.error) ?? new Problem(409, "It was started and has failed: see its last error");
}

/** The supervisor of this instance, if the key is one of its own. */
function ownerOf<K>({ supervisor, cluster }: InspectSettings<K>, key: K): InspectedSupervisor<K> {
  if (cluster?.snapshot().sessions.length && !supervisor?.status(key)) {
    const { id: session = null, isSelf } = cluster.sessionOf(key as never) ?? {};
    const owner = session === null ? "no instance owns it now" : `the instance with session ${session} owns it`;
    if (!isSelf) throw new Problem(409, `This can only be done where the process runs: ${owner}`, { session });
  }
  if (supervisor) return supervisor;
  throw new Problem(409, "This instance runs no processes: only what the table can do can be done here");
}

function missing(key: unknown): Problem {
  return new Problem(404, `There is no process ${oneLine(textOf(key), 200)}`);
}
