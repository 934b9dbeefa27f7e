/**
 * What is said of the end of an attempt.
 *
 * @module
 */

import type { AbandonedEvent, ExitedEvent, ExitOutcome } from "../events.ts";

/** What is known of an attempt that has ended, or that no one waits for any more. */
export interface Ending<K> {
  readonly key: K;
  /** When that was, epoch ms. */
  readonly sinceAt: number;
  readonly phase: "starting" | "running";
  readonly outcome: ExitOutcome;
  readonly error: unknown;
  readonly uptimeMs: number;
  readonly wasUp: boolean;
  readonly isForced: boolean;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Says how it ended. A stop and a failure have one more field from the first: to add it would cost as much as all the others. */
export function exitedEvent<K>(ending: Ending<K>, stopMs: number | undefined): ExitedEvent<K> {
  const { key, sinceAt: at, phase, outcome, error, uptimeMs } = ending, type = "exited";
  const event: Writable<ExitedEvent<K>> = outcome === "failed"
    ? { type, at, key, phase, outcome, uptimeMs, error }
    : stopMs === undefined
    ? { type, at, key, phase, outcome, uptimeMs }
    : { type, at, key, phase, outcome, uptimeMs, stopMs };
  if (outcome === "failed" && stopMs !== undefined) event.stopMs = stopMs;
  if (ending.wasUp && ending.isForced) event.isForced = true;
  return event;
}

/** Says how it would have ended when it was let go of; it had been stuck since a moment, epoch ms. */
export function abandonedEvent<K>(ending: Ending<K>, sinceAt: number): AbandonedEvent<K> {
  const { key, sinceAt: at, phase, outcome, error, uptimeMs } = ending;
  return { type: "abandoned", at, key, sinceAt, phase, outcome, ...outcome === "failed" && { error }, uptimeMs };
}
