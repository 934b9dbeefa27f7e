/**
 * The restart rule: what to do after an exit. Pure: no wait, no clock, time and chance are handed in.
 *
 * The delay grows geometrically with each consecutive failure up to a cap and is spread by a jitter, so that what failed
 * together does not come back together (exponential backoff with jitter). It needs only a counter, where a window of past
 * restarts would grow with their number. The same delay separates failed looks, failed passes and lost streams of changes.
 *
 * @module
 */

import { checkFunction, checkNumber, checkShape, checkWhole, isStrayPromise } from "./check.ts";
import { maxTimerMs } from "./clock.ts";
import { findNamed, propertyOf } from "./error_data.ts";
import { describeValue } from "./errors.ts";
import type { ExitOutcome, ParkedCause } from "./events.ts";

/** What {@linkcode RestartOptions.decide} is asked about. */
export interface RestartFailure {
  /** The key of the process. */
  readonly key: unknown;
  /** What it failed with; `undefined` if it returned. */
  readonly error: unknown;
  /** How far it got. */
  readonly phase: "starting" | "running";
  /** Consecutive failures, this one included. */
  readonly failures: number;
  /** How long it had been running, in ms; 0 if it never was. */
  readonly uptimeMs: number;
  /** How long the policy would wait, in ms, jitter included. */
  readonly delayMs: number;
}

/**
 * When and how often to restart what has exited. Besides, a brake holds a key up that fails, returns or is replaced more than
 * ten times within 10 s: the eleventh start waits `minDelayMs`, and each further one twice as long, up to `maxDelayMs`.
 */
export interface RestartOptions {
  /**
   * Delay before the first restart, in ms; 0 also switches the brake off.
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
  /**
   * Decides what follows a failure, or a return that counts as one: `"park"` parks the key, a number is the delay in ms before
   * the restart, 0 to 2 147 483 647, neither bounded by `maxDelayMs` nor changed by the jitter, and nothing leaves it to the
   * policy. It is called synchronously and must not wait. An answer that is none of these, or a throw, is announced as
   * `entry-failed`, once for each version of the entry, and the policy decides.
   *
   * It is not asked about an `UnrecoverableError` or a `RetryAfterError`, which have decided already, nor when `limit` parks.
   *
   * @example A server that says 401 and 503
   * ```ts
   * import type { RestartOptions } from "@pact/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * class HttpError extends Error {
   *   constructor(readonly status: number) {
   *     super(`the server answered ${status}`);
   *   }
   * }
   *
   * const restart: RestartOptions = {
   *   decide({ error, delayMs }) {
   *     if (!(error instanceof HttpError)) return; // as the policy says
   *     if (error.status === 401) return "park";
   *     if (error.status === 503) return 2 * delayMs;
   *   },
   * };
   *
   * const failure = { key: "acme", phase: "running", failures: 1, uptimeMs: 5, delayMs: 1_000 } as const;
   * assertEquals(restart.decide?.({ ...failure, error: new HttpError(503) }), 2_000);
   * ```
   */
  readonly decide?: (failure: RestartFailure) => "park" | number | undefined | void;
}

/** The rule with every default filled in. */
export type RestartPolicy = Required<Omit<RestartOptions, "decide">> & Pick<RestartOptions, "decide">;

/** What is known of an exit. */
export interface Exit {
  readonly key: unknown;
  readonly outcome: ExitOutcome;
  /** What it failed with, if it did. */
  readonly error: unknown;
  readonly phase: "starting" | "running";
  readonly uptimeMs: number;
  /** How many consecutive failures there were before. */
  readonly failures: number;
}

/** What to do after an exit. */
export type RestartDecision =
  | { readonly action: "retry"; readonly failures: number; readonly delayMs: number; readonly mistake?: Mistake }
  | { readonly action: "park"; readonly failures: number; readonly cause: ParkedCause }
  | { readonly action: "rest" };

/** An answer that cannot be used, or a throw instead of one. It is boxed because anything can be thrown. */
export interface Mistake {
  readonly error: unknown;
}

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
export function afterExit(policy: RestartPolicy, exit: Exit, random: number): RestartDecision {
  const { outcome, error } = exit;
  if (outcome === "returned" && policy.on === "failure") return { action: "rest" };
  const before = exit.uptimeMs >= policy.resetAfterMs ? 0 : exit.failures, failures = before + 1;
  const said = outcome === "failed" ? findNamed(error, sayings) : undefined;
  if (said?.name === "UnrecoverableError") return { action: "park", failures, cause: "unrecoverable" };
  const asked = said && useDelay(propertyOf(said.error, "delayMs"));
  if (typeof asked === "number") return { action: "retry", failures: before, delayMs: asked };
  if (failures >= policy.limit) return { action: "park", failures, cause: "limit" };
  const delayMs = delayAfter(policy, failures, random);
  const answer = asked ?? (policy.decide && decide(policy.decide, { ...exit, failures, delayMs }));
  if (answer === "park") return { action: "park", failures, cause: "decided" };
  if (typeof answer === "number") return { action: "retry", failures, delayMs: answer };
  return answer ? { action: "retry", failures, delayMs, mistake: answer } : { action: "retry", failures, delayMs };
}

/**
 * Finds out how long an error asks to wait.
 *
 * @returns The wait in whole ms; `undefined` if it asks for none, or for one that is no delay.
 */
export function retryAfterOf(error: unknown): number | undefined {
  const said = findNamed(error, sayings);
  const asked = said?.name === "RetryAfterError" ? useDelay(propertyOf(said.error, "delayMs")) : undefined;
  return typeof asked === "number" ? asked : undefined;
}

/** The errors that say themselves what follows. */
const sayings = ["UnrecoverableError", "RetryAfterError"];

function useDelay(delayMs: unknown): number | Mistake {
  return isDelay(delayMs) ? Math.ceil(delayMs) : mistaken("the delayMs of a RetryAfterError", "a number", delayMs);
}

/** Asks the policy of a user; what is handed over is made for it, and has nothing else in it. */
function decide(
  ask: NonNullable<RestartPolicy["decide"]>,
  { key, error, phase, failures, uptimeMs, delayMs }: RestartFailure,
): "park" | number | Mistake | undefined {
  try {
    const answer: unknown = ask({ key, error, phase, failures, uptimeMs, delayMs });
    if (answer === undefined || answer === "park") return answer;
    if (isDelay(answer)) return Math.ceil(answer);
    isStrayPromise(answer);
    return mistaken("what restart.decide returned", '"park", nothing or a number', answer);
  } catch (error) {
    return { error };
  }
}

function isDelay(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= maxTimerMs;
}

function mistaken(what: string, right: string, value: unknown): Mistake {
  const told = `Cannot use ${what}: it must be ${right} from 0 to ${maxTimerMs}, current value is ${
    describeValue(value)
  }`;
  return { error: typeof value === "number" ? new RangeError(told) : new TypeError(told) };
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

/**
 * Fills in what is not given and checks every value and their relations.
 *
 * @param options What the user gave.
 * @param defaults Takes the place of what is absent.
 * @returns The policy.
 * @throws {TypeError} When a value has a wrong shape.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function checkRestart(options: RestartOptions, defaults: RestartPolicy = defaultRestartPolicy): RestartPolicy {
  checkShape("restart", "an object", options, typeof options === "object" && options !== null);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const policy: RestartPolicy = { ...defaults, ...given };
  const { minDelayMs, maxDelayMs, factor, jitter, resetAfterMs, limit, on, decide } = policy;
  checkNumber("restart.minDelayMs", minDelayMs, 0, maxTimerMs);
  checkNumber("restart.maxDelayMs", maxDelayMs, 0, maxTimerMs);
  if (minDelayMs > maxDelayMs) {
    throw new RangeError(
      `Cannot use the option restart.minDelayMs: it must be at most restart.maxDelayMs, ` +
        `current values are ${minDelayMs} and ${maxDelayMs}`,
    );
  }
  checkNumber("restart.factor", factor, 1, Number.MAX_VALUE);
  checkNumber("restart.jitter", jitter, 0, 1);
  checkNumber("restart.resetAfterMs", resetAfterMs, 0, Infinity);
  checkWhole("restart.limit", limit, 1, Infinity);
  checkShape("restart.on", '"always" or "failure"', on, on === "always" || on === "failure");
  if (decide !== undefined) checkFunction("restart.decide", decide);
  return policy;
}
