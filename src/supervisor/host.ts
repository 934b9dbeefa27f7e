/**
 * What the parts of a supervisor ask of each other.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { SupervisorEvent } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import type { DeadlineHolder, Deadlines } from "./deadlines.ts";
import type { Leases } from "./leases.ts";
import type { Sought } from "./lookups.ts";
import type { SupervisorSettings } from "./options.ts";
import type { StartQueue } from "./start_queue.ts";

/** What one attempt needs from the supervisor. */
export interface AttemptHost<K> {
  readonly settings: SupervisorSettings;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly leases: Leases<K>;
  emit(event: SupervisorEvent<K>): void;
}

/** What the keeper of one key needs from the supervisor. */
export interface KeeperHost<K> extends AttemptHost<K> {
  readonly starts: StartQueue;
  /** Whether processes may be started: false from the moment a shutdown begins. */
  readonly isAccepting: boolean;
  /** What is up: a look-up of its own, as nothing is asked for as often. */
  readonly running: Map<K, Runnable>;
  /** How many keepers have no process, nor are about to. */
  absent: number;
  /** Looks a key up from now on; the answer comes as `looked` or `lookFailed`. */
  lookAfresh(sought: Sought<K, unknown>): void;
  /** Looks a key up that may have no keeper any more. */
  lookAt(key: K): void;
  /** The table could not be asked, and no caller can be told. */
  announceLookFailed(error: unknown): void;
  /** Drops a keeper. */
  forget(keeper: { readonly key: K }): void;
}

/** Whose attempt it is: is told how it goes, and lends it its place among the deadlines. */
export interface AttemptOwner<K> extends DeadlineHolder {
  readonly key: K;
  attemptIsUp(): void;
  /** It was not asked to, and is about to end. */
  attemptIsLeaving(): void;
  /** The entry is not ours now: nothing was started, nothing is announced. */
  attemptIsNotOurs(): void;
  /** The start-up took too long; the end is still to come. */
  attemptIsLate(error: unknown): void;
  attemptIsStuck(sinceAt: number): void;
  attemptEnded(): void;
}

/** Counts how what one pass set going comes out. */
export interface Tally {
  /** A start came up, failed, or was called off; a stop that no start follows has ended. */
  settled(isFailure: boolean): void;
}
