/**
 * What a table remembers of a key that is not well.
 *
 * @module
 */

import { checkShape } from "../check.ts";
import type { ErrorData } from "../error_data.ts";

/**
 * What a table remembers of a key that is not well, so that the next supervisor of the key goes on from it: it waits what is left
 * of the delay, and gives a key that is parked one try.
 *
 * A trouble outlasts the next try. A key that is up again stays "retrying", with a `retryAt` that has passed, until its process
 * has been running for `restart.resetAfterMs`, a minute by default. A new version, a `resume` and a removal end it at once.
 */
export interface Trouble {
  /** Whether it waits for another try, has been given up, or does not end. */
  readonly state: "retrying" | "parked" | "stuck";
  /** Failures in a row; 0 if the process has only said when it may be tried again. */
  readonly failures: number;
  /** The last failure; absent if the process returned, or is stuck after a stop that was asked for. */
  readonly lastError?: ErrorData;
  /** The first failure of the row, epoch ms. */
  readonly failingSinceAt: number;
  /** When it last changed, epoch ms. */
  readonly changedAt: number;
  /** When the next try is due, or was, epoch ms; only while it is retrying. */
  readonly retryAt?: number;
  /** How long the wait for that try is in all, in ms; only while it is retrying. */
  readonly delayMs?: number;
  /** Why it is parked. */
  readonly cause?: "limit" | "decided" | "unrecoverable";
  /** The session of the cluster that has written it. */
  readonly session?: string;
  /** When it ended, epoch ms. It is kept for a day after that, for the morning after. */
  readonly endedAt?: number;
}

/** A key that is not well, or was not within the last day. */
export interface TroubledKey<K> {
  /** The key. */
  readonly key: K;
  /** What is wrong with it. */
  readonly trouble: Trouble;
}

/** What is stored of a trouble. */
export interface TroubleRecord {
  /** The version of the entry that is not well: one that takes its place begins without trouble. */
  readonly version: unknown;
  /** What is wrong. */
  readonly trouble: Trouble;
}

/** For how long a trouble that has ended is kept, in ms. */
export const keptAfterEndMs = 86_400_000;

/** Ends a trouble. */
export function endTrouble(trouble: Trouble, now: number): Trouble {
  return { ...trouble, endedAt: now };
}

/** What is told of a stored trouble: of a version that is gone, only what had ended before, and for a day. */
export function toldTrouble(record: TroubleRecord | undefined, version: unknown, now: number): Trouble | undefined {
  if (record === undefined) return undefined;
  const { endedAt } = record.trouble;
  const isTold = endedAt === undefined ? Object.is(record.version, version) : now - endedAt < keptAfterEndMs;
  return isTold ? record.trouble : undefined;
}

/** What the next supervisor of a key goes on from: the trouble of this version that has not ended. */
export function liveTrouble(record: TroubleRecord | undefined, version: unknown): Trouble | undefined {
  if (record === undefined || record.trouble.endedAt !== undefined) return undefined;
  return Object.is(record.version, version) ? record.trouble : undefined;
}

/**
 * Checks what is asked for.
 *
 * @throws {TypeError} If it is no state of trouble.
 */
export function checkTroubleState(state: unknown): asserts state is Trouble["state"] {
  const isState = state === "retrying" || state === "parked" || state === "stuck";
  checkShape("state", '"retrying", "parked" or "stuck"', state, isState);
}
