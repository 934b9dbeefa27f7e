/**
 * What a supervisor looks like at one moment, as plain data.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { ErrorData } from "../error_data.ts";
import type { Runnable } from "../process/runnable.ts";
import type { AbandonedSnapshot } from "./abandoned.ts";
import type { Pause } from "../pause.ts";
import type { Attempt } from "./attempt.ts";
import type { Keeper } from "./keeper.ts";
import type { Registry } from "./registry.ts";

/** What is going on with one key. */
export type ProcessSnapshotState =
  | "queued"
  | "starting"
  | "running"
  | "stopping"
  | "stuck"
  | "retrying"
  | "parked"
  | "resting"
  | "paused";

/** One key. */
export interface ProcessSnapshot<K> {
  /** The key. */
  readonly key: K;
  /** What is going on with it. */
  readonly state: ProcessSnapshotState;
  /** Since when it is in this state, epoch ms. */
  readonly sinceAt: number;
  /** The version of the entry it was started from, when that is a string or a number. */
  readonly version?: string | number;
  /** Consecutive failures. */
  readonly failures: number;
  /** When the restart is due, epoch ms; only in the state "retrying". */
  readonly retryAt?: number;
  /** What its process said last with `alive`, as one line of at most 200 characters; absent when it said nothing. */
  readonly note?: string;
  /** The last failure, overcome or not; absent when there was none. */
  readonly lastError?: ErrorData;
  /** Since when, why, by whom and until when it is not to run; present from the moment that this is known here. */
  readonly pause?: Pause;
}

/** A pass that has read the whole table. */
export interface PassSnapshot {
  /** When it ended, epoch ms. */
  readonly at: number;
  /** How long it took, in ms, including the wait for its starts. */
  readonly durationMs: number;
  /** How many of the starts it caused had failed by its end. */
  readonly failed: number;
}

/** A supervisor at one moment, in numbers. */
export interface SupervisorSummary {
  /** When it was taken, epoch ms. */
  readonly at: number;
  /** Whether `run` is in progress and has not begun to shut down. */
  readonly isRunning: boolean;
  /** How many keys are in each state; a state that no key is in is absent. */
  readonly counts: Readonly<Partial<Record<ProcessSnapshotState, number>>>;
  /** The last pass of this run that has read the whole table; absent before the first one has ended. */
  readonly pass?: PassSnapshot;
}

/** A supervisor at one moment. Fit for JSON as long as no key is a bigint. */
export interface SupervisorSnapshot<K> extends SupervisorSummary {
  /** Every key that the supervisor has to do with. */
  readonly processes: readonly ProcessSnapshot<K>[];
  /** Lives that were abandoned and have not ended: they hold no key, and are in no count. */
  readonly abandoned: readonly AbandonedSnapshot<K>[];
}

/** Takes a snapshot: plain data that shares nothing with the supervisor. */
export function takeSnapshot<K, P extends Runnable>(registry: Registry<K, P>): SupervisorSnapshot<K> {
  const { keepers, clock, abandoned } = registry;
  const processes = Array.from(keepers.values(), (keeper) => describeKeeper(keeper, clock));
  return {
    ...takeSummary(registry),
    processes: processes.filter((process) => process !== undefined),
    abandoned: abandoned.list(),
  };
}

/** Sums up the keys without listing them. */
export function takeSummary<K, P extends Runnable>(registry: Registry<K, P>): SupervisorSummary {
  const { keepers, clock, isAccepting: isRunning, run } = registry;
  const counts: Partial<Record<ProcessSnapshotState, number>> = {};
  for (const keeper of keepers.values()) {
    if (keeper.phase === "asking") continue;
    const state = stateOf(keeper);
    counts[state] = (counts[state] ?? 0) + 1;
  }
  const pass = run?.pass;
  return { at: clock.now(), isRunning, counts, ...pass && { pass: { ...pass } } };
}

/** Shows one key; `undefined` if it is only asked whether the table has it. */
export function describeKeeper<K, P extends Runnable>(
  keeper: Keeper<K, P>,
  clock: Clock,
): ProcessSnapshot<K> | undefined {
  if (keeper.phase === "asking") return undefined;
  const { key, attempt, version, backoff, pausing } = keeper, lastError = backoff?.lastError;
  const state = stateOf(keeper);
  const isPlain = typeof version === "string" || typeof version === "number";
  return {
    key,
    state,
    sinceAt: attempt ? attempt.sinceAt : keeper.sinceAt,
    ...(isPlain && { version }),
    failures: backoff?.failures ?? 0,
    ...(state === "retrying" && { retryAt: momentOf(keeper.deadlineAt, clock) }),
    ...(attempt?.note !== undefined && { note: attempt.note }),
    ...(pausing && { pause: { ...pausing.pause } }),
    ...(lastError && { lastError: { ...lastError, causes: [...lastError.causes] } }),
  };
}

/** The moment of a deadline: deadlines are kept by the monotonic clock, and the wall clock may have been set since. */
function momentOf(deadlineAt: number, clock: Clock): number {
  return Math.round(clock.now() + deadlineAt - clock.monotonic());
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
