/**
 * What the parts of a supervisor ask of each other.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { SupervisorEvent } from "../events.ts";
import type { DeadlineHolder, Deadlines } from "./deadlines.ts";
import type { Leases } from "./leases.ts";
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
  /** Looks the key up in the table; the answer comes as `found`, `isMissing` or `lookFailed`. */
  look(key: K): void;
  /** Does not act on the answer to a look under way: the start that it was for is called off. */
  disregard(key: K): void;
  /** Drops the keeper. */
  forget(key: K): void;
}

/** Whose attempt it is: is told how it goes, and lends it its place among the deadlines. */
export interface AttemptOwner<K> extends DeadlineHolder {
  readonly key: K;
  attemptIsUp(): void;
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
