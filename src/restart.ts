/**
 * The restart rule: what to do after an exit. Pure: no wait, no clock, time and chance are handed in.
 *
 * The delay grows geometrically with each consecutive failure up to a cap and is spread by a jitter, so that what failed
 * together does not come back together (exponential backoff with jitter). It needs only a counter, where a window of past
 * restarts would grow with their number. The same delay separates failed looks, failed passes and lost streams of changes.
 *
 * @module
 */

import type { ExitOutcome } from "./events.ts";

/** When and how often to restart what has exited. */
export interface RestartOptions {
  /**
   * Delay before the first restart, in ms.
   *
   * @default {1_000}
   */
  readonly minDelayMs?: number;
  /**
   * No delay is longer, jitter included, in ms.
   *
   * @default {60_000}
   */
  readonly maxDelayMs?: number;
  /**
   * How much longer each further delay is.
   *
   * @default {2}
   */
  readonly factor?: number;
  /**
   * Share by which a delay may be shorter or longer, 0 to 1.
   *
   * @default {0.2}
   */
  readonly jitter?: number;
  /**
   * If a process ran for at least this long before it exited, its failures are counted from the beginning again; in ms.
   *
   * @default {60_000}
   */
  readonly resetAfterMs?: number;
  /**
   * After this many consecutive failures the key is parked.
   *
   * @default {Infinity}
   */
  readonly limit?: number;
  /**
   * `"failure"` lets a process that returned normally rest until its entry changes.
   *
   * @default {"always"}
   */
  readonly on?: "always" | "failure";
}

/** The rule with every default filled in. */
export type RestartPolicy = Required<RestartOptions>;

/** What to do after an exit. */
export type RestartDecision =
  | { readonly action: "retry"; readonly failures: number; readonly delayMs: number }
  | { readonly action: "park"; readonly failures: number }
  | { readonly action: "rest" };

/** The rule that applies by default. */
export const defaultRestartPolicy: RestartPolicy = {
  minDelayMs: 1_000,
  maxDelayMs: 60_000,
  factor: 2,
  jitter: 0.2,
  resetAfterMs: 60_000,
  limit: Infinity,
  on: "always",
};

/**
 * Decides what to do after a process has exited without being asked to. A process that is meant to run
 * for ever but returns counts as a failure.
 *
 * @param policy The rule.
 * @param exit How it ended, how long it had run, and how many consecutive failures there were before.
 * @param random A number from 0 up to 1, for the jitter.
 * @returns Restart after a delay, park, or rest.
 */
export function afterExit(
  policy: RestartPolicy,
  exit: { readonly outcome: ExitOutcome; readonly uptimeMs: number; readonly failures: number },
  random: number,
): RestartDecision {
  if (exit.outcome === "returned" && policy.on === "failure") return { action: "rest" };
  const failures = (exit.uptimeMs >= policy.resetAfterMs ? 0 : exit.failures) + 1;
  if (failures >= policy.limit) return { action: "park", failures };
  return { action: "retry", failures, delayMs: delayAfter(policy, failures, random) };
}

/**
 * Computes the delay before a restart.
 *
 * @param policy The rule.
 * @param failures Consecutive failures, at least 1.
 * @param random A number from 0 up to 1; 0.5 gives the delay without jitter.
 * @returns The delay in whole ms.
 */
export function delayAfter(policy: RestartPolicy, failures: number, random: number): number {
  if (policy.minDelayMs === 0) return 0; // the power grows to Infinity, and 0 times that is NaN
  const base = Math.min(policy.minDelayMs * policy.factor ** (failures - 1), policy.maxDelayMs);
  const spread = base * (1 + policy.jitter * (2 * random - 1));
  return Math.round(Math.min(spread, policy.maxDelayMs));
}
