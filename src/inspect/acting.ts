/**
 * Does what an operator asks for. What the table can do works for keys of every instance, as the table tells their owner; what
 * only a supervisor can do works for the keys of this one.
 *
 * @module
 */

import { settlesWithin } from "../clock.ts";
import { findNamed, isInstance, propertyOf } from "../error_data.ts";
import { textOf } from "./key_id.ts";
import { oneLine } from "../one_line.ts";
import type { InspectedSupervisor, InspectSettings } from "./options.ts";
import { Problem } from "./problem.ts";
import type { ActionBody } from "./request_body.ts";
import type { KeyAction, TableAction } from "./routes.ts";
import type { Sources } from "./sources.ts";

/** What came of an action. */
export interface Outcome {
  /** Whether something has changed: the same action twice changes something once. */
  readonly isChanged: boolean;
  /** How many keys it was about, if it was about several. */
  readonly count?: number;
}

/** An action of someone. */
export interface Order extends ActionBody {
  /** Who it is. */
  readonly by?: string;
}

/** How long a request waits for a start, in ms: it goes on after that. */
const startWaitMs = 5_000;

/**
 * Acts on a key.
 *
 * @throws {Problem} 404, 409 or 503, if that cannot be done.
 */
export async function act<K>(sources: Sources<K>, action: KeyAction, key: K, order: Order): Promise<Outcome> {
  switch (action) {
    case "pause":
    case "resume":
      return await changePause(sources, action, key, order);
    case "restart":
      return await restart(sources, key);
    case "start":
      await startHere(sources, "start", key);
      return { isChanged: true };
    case "abandon":
      return abandon(sources, key);
  }
}

/**
 * Acts on the whole table.
 *
 * @param state Which keys to restart.
 * @throws {Problem} 400 or 409, if that cannot be done.
 */
export async function actOnTable<K>(
  { table }: Sources<K>,
  action: TableAction,
  state: string | null,
  order: Order,
): Promise<Outcome> {
  if (action === "restart") {
    const isState = state === "parked" || state === "retrying" || state === "stuck";
    if (!isState) throw new Problem(400, "Say which processes to restart: state is parked, retrying or stuck");
    if (!table?.restartAll) throw lacking("restart many processes at once");
    const count = await table.restartAll({ state });
    return { isChanged: count > 0, count };
  }
  const isChanged = action === "pause" ? await table?.pauseAll?.(said(order)) : await table?.resumeAll?.();
  if (isChanged === undefined) throw lacking("pause");
  return { isChanged };
}

/** Says what a client is told of an error that is no problem yet; `undefined` if it is not told. */
export function problemOf(error: unknown): Problem | undefined {
  const found = findNamed(error, [...conflicts, ...unavailable, "ProcessNotFoundError", "ProcessElsewhereError"]);
  if (found === undefined) return keyProblem(error);
  const { name } = found, message = oneLine(String(propertyOf(found.error, "message")));
  const state = propertyOf(found.error, "state");
  if (name === "ProcessNotFoundError") return new Problem(404, message);
  if (name === "ProcessElsewhereError") return elsewhere(propertyOf(found.error, "session") as string | undefined);
  if (unavailable.includes(name)) return new Problem(503, message);
  return new Problem(409, message, { ...typeof state === "string" && { state } });
}

/** A key that a path can hold may be none that the table can. */
function keyProblem(error: unknown): Problem | undefined {
  const isOfKey = isInstance(error, TypeError) && /^Cannot use (a string|the key)/.test(error.message);
  return isOfKey ? new Problem(400, oneLine(error.message)) : undefined;
}

const conflicts = ["ProcessStateError", "ProcessStuckError", "ProcessPausedError", "ProcessExistsError"];
const unavailable = ["KvTimeoutError", "KvUnavailableError", "KvClosedError", "SupervisorNotRunningError"];

async function changePause<K>(
  { table }: Sources<K>,
  action: "pause" | "resume",
  key: K,
  order: Order,
): Promise<Outcome> {
  const isChanged = action === "pause" ? await table?.pause?.(key, said(order)) : await table?.resume?.(key);
  if (isChanged === undefined) throw lacking("pause");
  if (!isChanged && await table?.get(key) === undefined) throw unknown(key);
  return { isChanged };
}

async function restart<K>(sources: Sources<K>, key: K): Promise<Outcome> {
  const { table } = sources;
  if (!table?.restart) {
    await startHere(sources, "restart", key);
    return { isChanged: true };
  }
  if (!await table.restart(key)) throw unknown(key);
  return { isChanged: true };
}

/** Starts a process and waits for it, but not for ever. A failure is told to the client, and an event as well. */
async function startHere<K>(sources: Sources<K>, action: "start" | "restart", key: K): Promise<void> {
  const supervisor = ownerOf(sources, key), { clock } = sources.settings;
  const started = action === "start" ? supervisor.ensure(key) : supervisor.restart(key);
  let failure: { readonly error: unknown } | undefined;
  const settled = started.then(() => {}, (error) => void (failure = { error }));
  await settlesWithin(clock, settled, startWaitMs);
  if (failure) throw problemOf(failure.error) ?? new Problem(409, "It was started and has failed: see its last error");
}

function abandon<K>(sources: Sources<K>, key: K): Outcome {
  const supervisor = ownerOf(sources, key);
  if (!supervisor.status(key)) throw unknown(key);
  supervisor.abandon(key);
  return { isChanged: true };
}

/** The supervisor of this instance, if the key is one of its own. */
function ownerOf<K>({ settings, outlook }: Sources<K>, key: K): InspectedSupervisor<K> {
  const { supervisor, cluster }: InspectSettings<K> = settings;
  const owner = outlook.knowsOwners ? cluster?.sessionOf(key as never) : undefined;
  if (outlook.knowsOwners && !owner?.isSelf && !supervisor?.status(key)) throw elsewhere(owner?.id);
  if (!supervisor) {
    throw new Problem(409, "This instance runs no processes: only what the table can do can be done here");
  }
  return supervisor;
}

function elsewhere(session: string | undefined): Problem {
  const where = session === undefined ? "no instance owns it now" : `the instance with session ${session} owns it`;
  return new Problem(409, `This can only be done where the process runs: ${where}`, { session: session ?? null });
}

function unknown(key: unknown): Problem {
  return new Problem(404, `There is no process ${oneLine(textOf(key), 200)}`);
}

function lacking(what: string): Problem {
  return new Problem(409, `The table cannot ${what}`);
}

function said({ reason, by, untilAt }: Order): Order {
  return {
    ...reason !== undefined && { reason },
    ...by !== undefined && { by },
    ...untilAt !== undefined && { untilAt },
  };
}
