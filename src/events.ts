/**
 * What a supervisor announces: past facts, plain data, told apart by `type`.
 *
 * @module
 */

import type { Pause } from "./pause.ts";

/** Why a process is started. */
export type StartCause = "restore" | "call" | "change" | "retry" | "reconcile";

/** How a process ended: as asked, by itself without an error, or with an error. */
export type ExitOutcome = "stopped" | "returned" | "failed";

/**
 * Why a key is parked: so many failures in a row, `restart.decide` said so, or the process has thrown an
 * `UnrecoverableError`.
 */
export type ParkedCause = "limit" | "decided" | "unrecoverable";

/** What every event has. */
export interface EventBase {
  /** When it happened, epoch ms. */
  readonly at: number;
}

/** What every event about one process has. */
export interface KeyedEvent<K> extends EventBase {
  /** The key of the process. */
  readonly key: K;
}

/** Right before the runnable is built. */
export interface StartingEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "starting";
  /** Why it is started. */
  readonly cause: StartCause;
  /** 1 for the first try, and one more for each consecutive failure. */
  readonly attempt: number;
  /** Where the call came from that caused the start, if `Supervisor.originBy` says so. */
  readonly origin?: string;
}

/** Its callback was called. */
export interface RunningEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "running";
  /** How long the start-up took, in ms. */
  readonly startMs: number;
  /** As in the `starting` before it: more than 1 means that it is up again after failures, which it may repeat. */
  readonly attempt: number;
}

/** Its run settled. */
export interface ExitedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "exited";
  /** How far it got. */
  readonly phase: "starting" | "running";
  /** How it ended. */
  readonly outcome: ExitOutcome;
  /** What it failed with; absent unless the outcome is "failed". */
  readonly error?: unknown;
  /** How long it had been running, in ms, including the time it took to stop; 0 if it never was. */
  readonly uptimeMs: number;
  /** How long its end took, in ms, once it was asked to end, was given up or began to return; absent if it just failed. */
  readonly stopMs?: number;
  /** Present if it was running and its signal was aborted: its graceful stop may not be complete. */
  readonly isForced?: true;
}

/** A restart is scheduled. */
export interface RetryingEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "retrying";
  /** Consecutive failures so far. */
  readonly failures: number;
  /** How long until the restart, in ms. */
  readonly delayMs: number;
  /** When the restart is due, epoch ms. */
  readonly retryAt: number;
  /**
   * Present at the first of the restarts that are held up because the key has started ten times within 10 s: its process
   * fails, returns or rewrites its own entry at once. Starts by call do not count, and it is forgotten after 10 s without a start.
   */
  readonly cause?: "brake";
}

/** Restarts are given up until something changes. */
export interface ParkedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "parked";
  /** Why restarts are given up. */
  readonly cause: ParkedCause;
  /** Consecutive failures. */
  readonly failures: number;
  /** The last of them. */
  readonly error: unknown;
}

/** The table says that it is not to run for now; its stop begins, if it has a process. */
export interface PausedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "paused";
  /** Since when, why, by whom and until when. */
  readonly pause: Pause;
}

/** The table says that it may run again. */
export interface ResumedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "resumed";
}

/** Restarts are allowed again. */
export interface UnparkedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "unparked";
  /** A call, or a new version of the entry. */
  readonly cause: "call" | "change";
}

/**
 * It was asked to stop, then aborted, and the time for both is up.
 *
 * A process that awaits the stop of its own key from inside ends like this: its stop waits for its end, and its end for the
 * stop. So does a supervisor that is a process itself while one of its own processes is stuck: the outer supervisor
 * announces it as stuck too, since its run has not ended.
 */
export interface StuckEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "stuck";
  /** Since when, epoch ms. */
  readonly sinceAt: number;
}

/** It ended after all. An `exited` event follows. */
export interface UnstuckEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "unstuck";
  /** Since when it was stuck, epoch ms. */
  readonly sinceAt: number;
}

/**
 * It was stuck, and the supervisor has let go of it: its key is free. It takes the place of `exited`, and how the process would
 * have ended by now is how it is said to have ended.
 */
export interface AbandonedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "abandoned";
  /** Since when it was stuck, epoch ms. */
  readonly sinceAt: number;
  /** How far it got. */
  readonly phase: "starting" | "running";
  /** How it is said to have ended. */
  readonly outcome: ExitOutcome;
  /** What it is said to have failed with; absent unless the outcome is "failed". */
  readonly error?: unknown;
  /** How long it has been running, in ms; 0 if it never was. */
  readonly uptimeMs: number;
}

/** A process that was abandoned has ended after all. Its key may have another process by now, which this does not concern. */
export interface AbandonedEndedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "abandoned-ended";
  /** When it was abandoned, epoch ms. */
  readonly sinceAt: number;
  /** How it ended: quietly, or with an error that was not told of before. */
  readonly outcome: "stopped" | "failed";
  /** What it failed with; absent unless the outcome is "failed". */
  readonly error?: unknown;
}

/** Its entry is gone, which `get` has confirmed; its stop begins. */
export interface RemovedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "removed";
  /** Whether the table has no such entry any more, or the entry belongs to another instance of the program now. */
  readonly cause: "deleted" | "moved";
}

/** The version of its entry changed; its stop begins, and a start follows. */
export interface ReplacedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "replaced";
  /** The new version. */
  readonly version: unknown;
}

/** An entry could not be read or built, or what it says of restarts cannot be used. */
export interface EntryFailedEvent<K> extends KeyedEvent<K> {
  /** Tells the kind of event. */
  readonly type: "entry-failed";
  /** Why. */
  readonly error: unknown;
}

/** The table failed. Nothing is stopped because of it. */
export interface TableFailedEvent extends EventBase {
  /** Tells the kind of event. */
  readonly type: "table-failed";
  /** What failed. */
  readonly operation: "get" | "iterate" | "changes" | "report";
  /** Why. */
  readonly error: unknown;
}

/** A pass over the table ended. */
export interface ReconciledEvent extends EventBase {
  /** Tells the kind of event. */
  readonly type: "reconciled";
  /** How many entries were seen. */
  readonly seen: number;
  /** How many starts it caused, not counting replacements. */
  readonly started: number;
  /** How many keys were gone from the table, which `get` has confirmed. */
  readonly stopped: number;
  /** How many processes it replaced. */
  readonly replaced: number;
  /** How many of the starts it caused had failed by its end. */
  readonly failed: number;
  /** How long it took, in ms, including the wait for its starts. */
  readonly durationMs: number;
}

/**
 * What a supervisor announces. For each key the order is:
 *
 * - a life begins with `starting` and ends with exactly one `exited`, or `entry-failed` if there was nothing to run, or
 *   `abandoned` after `stuck`; `abandoned-ended` comes once for each of these, whenever it ends, and has no place in the order;
 * - `running` comes at most once in between, and is missing when the `exited` has phase "starting";
 * - `replaced` comes before the `exited` that it causes, `removed` once, when the entry is found to be gone;
 * - `stuck` comes at most once in a life, and then `unstuck` comes right before the `exited`;
 * - `retrying` or `parked` comes right after the `exited` or `entry-failed` that it answers; `retrying` also comes
 *   when the entry could not be read;
 * - `retrying` also comes after a `replaced` and its `exited`, or after `unparked`, when the brake holds the start up;
 * - `paused` comes before the `exited` that it causes, and alone for a key without a process; `resumed` before the `starting`
 *   that it allows, or the `retrying` of a key that goes on waiting; and alone for a key that was parked or rested when the
 *   whole table was paused, and goes on so;
 * - `retrying` also comes first of all, when the table remembers that the key has to wait;
 * - `unparked` comes right before the `starting` that it allows, unless its entry cannot be read, or is gone;
 * - `entry-failed` may also come alone: a lease could not be given back. It comes between an exit and its answer, once for
 *   each version, when `restart.decide` or a `RetryAfterError` gives what cannot be used.
 *
 * No event of a key's next life comes before the `exited`, `entry-failed` or `abandoned` of the previous one.
 */
export type SupervisorEvent<K> =
  | StartingEvent<K>
  | RunningEvent<K>
  | ExitedEvent<K>
  | RetryingEvent<K>
  | ParkedEvent<K>
  | PausedEvent<K>
  | ResumedEvent<K>
  | UnparkedEvent<K>
  | StuckEvent<K>
  | UnstuckEvent<K>
  | AbandonedEvent<K>
  | AbandonedEndedEvent<K>
  | RemovedEvent<K>
  | ReplacedEvent<K>
  | EntryFailedEvent<K>
  | TableFailedEvent
  | ReconciledEvent;
