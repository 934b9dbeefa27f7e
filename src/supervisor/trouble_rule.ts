/**
 * What a table is told of a key that is not well, when, and how the next process of that key goes on from it. Pure: no wait,
 * no clock, time is handed in.
 *
 * @module
 */

import type { ErrorData } from "../error_data.ts";
import type { Trouble } from "../table/trouble.ts";

/** How close together two reports on one key may be, in ms: what crashes every second is reported six times a minute. */
export const reportEveryMs = 10_000;

/** What is known of the failures of a key when one of them has had its answer. */
export interface Finding extends Pick<Trouble, "state" | "failures" | "retryAt" | "delayMs" | "cause"> {
  readonly lastError: ErrorData | undefined;
}

/**
 * Makes a trouble of a finding; what is `undefined` is left out. The common cases are written out: with spreads each would take
 * a quarter more memory, and twice the time.
 */
export function makeTrouble(finding: Finding, failingSinceAt: number, changedAt: number): Trouble {
  const { state, failures, lastError, retryAt, delayMs, cause } = finding;
  if (lastError === undefined) return { ...withoutError(finding), failingSinceAt, changedAt };
  if (state === "retrying") return { state, failures, lastError, failingSinceAt, changedAt, retryAt, delayMs };
  if (state === "parked") return { state, failures, lastError, failingSinceAt, changedAt, cause };
  return { state, failures, lastError, failingSinceAt, changedAt };
}

/**
 * Tells whether a report must not wait: what comes next depends on it. The next owner of the key would cut a long wait
 * short, and one that is as long as reports are apart makes them no more frequent.
 */
export function isUrgentTrouble({ state, delayMs = 0 }: Trouble): boolean {
  return state === "parked" || delayMs >= reportEveryMs;
}

/**
 * Tells when a report is due.
 *
 * @param isUrgent Whether it must not wait, or the key is well again.
 * @param reportedMs When the key was reported on last, by the monotonic clock; `undefined` if it never was.
 * @returns The moment, by the same clock; `-Infinity` for at once.
 */
export function reportDueMs(isUrgent: boolean, reportedMs: number | undefined): number {
  return isUrgent || reportedMs === undefined ? -Infinity : reportedMs + reportEveryMs;
}

/**
 * Tells how long a key has to wait that is not running, for what it is known to suffer from.
 *
 * @param now The moment, epoch ms.
 * @returns What is left of its delay, in ms. The clock of who has written the moment may be wrong, so the delay itself is the
 * most.
 */
export function leftOfDelayMs({ state, retryAt, delayMs }: Trouble, now: number): number {
  if (state !== "retrying" || retryAt === undefined || delayMs === undefined) return 0;
  return Math.max(0, Math.min(retryAt - now, delayMs));
}

function withoutError({ lastError: _none, ...rest }: Finding): Omit<Finding, "lastError"> {
  return rest;
}
