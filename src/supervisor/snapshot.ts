/**
 * What a supervisor looks like at one moment, as plain data.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { errorData } from "../error_data.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Attempt } from "./attempt.ts";
import type { Keeper } from "./keeper.ts";

/** What is going on with one key. */
export type ProcessSnapshotState =
  | "queued"
  | "starting"
  | "running"
  | "stopping"
  | "stuck"
  | "retrying"
  | "parked"
  | "resting";

/** One key. */
export interface ProcessSnapshot<K> {
  /** The key. */
  readonly key: K;
  /** What is going on with it. */
  readonly state: ProcessSnapshotState;
  /** Since when its process is in this state, epoch ms; absent when it has no process. */
  readonly sinceAt?: number;
  /** The version of the entry it was started from, when that is a string or a number. */
  readonly version?: string | number;
  /** Consecutive failures. */
  readonly failures: number;
  /** When the restart is due, epoch ms; only in the state "retrying". */
  readonly retryAt?: number;
  /** The last failure, overcome or not; absent when there was none. */
  readonly lastError?: { readonly name: string; readonly message: string };
}

/** A supervisor at one moment. Fit for JSON as long as no key is a bigint. */
export interface SupervisorSnapshot<K> {
  /** When it was taken, epoch ms. */
  readonly at: number;
  /** Whether `run` is in progress and has not begun to shut down. */
  readonly isRunning: boolean;
  /** How many keys are in each state; a state that no key is in is absent. */
  readonly counts: Readonly<Partial<Record<ProcessSnapshotState, number>>>;
  /** Every key that the supervisor has to do with. */
  readonly processes: readonly ProcessSnapshot<K>[];
}

/** Takes a snapshot: plain data that shares nothing with the supervisor. */
export function takeSnapshot<K, P extends Runnable>(
  keepers: Iterable<Keeper<K, P>>,
  clock: Clock,
  isRunning: boolean,
): SupervisorSnapshot<K> {
  const at = clock.now(), aheadMs = at - clock.monotonic();
  const counts: Partial<Record<ProcessSnapshotState, number>> = {};
  const processes: ProcessSnapshot<K>[] = [];
  for (const keeper of keepers) {
    if (keeper.phase === "asking") continue;
    const process = describe(keeper, aheadMs);
    counts[process.state] = (counts[process.state] ?? 0) + 1;
    processes.push(process);
  }
  return { at, isRunning, counts, processes };
}

/** The wall clock is that many ms ahead of the monotonic one, by which deadlines are kept. */
function describe<K, P extends Runnable>(keeper: Keeper<K, P>, aheadMs: number): ProcessSnapshot<K> {
  const { key, attempt, version, backoff } = keeper;
  const state = stateOf(keeper);
  const isPlain = typeof version === "string" || typeof version === "number";
  return {
    key,
    state,
    ...(attempt && { sinceAt: attempt.sinceAt }),
    ...(isPlain && { version }),
    failures: backoff?.failures ?? 0,
    ...(state === "retrying" && { retryAt: Math.round(keeper.deadlineAt + aheadMs) }),
    ...(backoff?.lastError !== undefined && { lastError: briefly(backoff.lastError) }),
  };
}

function briefly(error: unknown): { name: string; message: string } {
  const { name, message } = errorData(error, 0);
  return { name, message };
}

/** Names what is going on with a key. */
export function stateOf<K, P extends Runnable>({ attempt, phase }: Keeper<K, P>): ProcessSnapshotState {
  switch (phase) {
    case "asking":
    case "looking":
    case "forgotten":
      return "queued";
    case "attempting":
      return attempt ? stateOfAttempt(attempt) : "starting";
    default:
      return phase;
  }
}

function stateOfAttempt<K, P extends Runnable>({ isStuck, state }: Attempt<K, P>): ProcessSnapshotState {
  if (isStuck) return "stuck";
  return state === "initial" || state === "stopped" ? "starting" : state;
}
