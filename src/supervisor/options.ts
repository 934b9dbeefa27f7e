/**
 * The options of a supervisor: defaults and checks.
 *
 * @module
 */

import { type Clock, maxTimerMs, systemClock } from "../clock.ts";
import { describeValue } from "../errors.ts";
import { defaultRestartPolicy, type RestartOptions, type RestartPolicy } from "./restart.ts";

/** Options of {@linkcode Supervisor}. All durations are in ms and at most 2 147 483 647, the longest timer. */
export interface SupervisorOptions {
  /**
   * What tells the time and wakes up.
   *
   * @default {systemClock}
   */
  readonly clock?: Clock;
  /**
   * How long `run` waits at most for the processes of the table to come up before it calls its callback, and any pass for
   * what it set going; 0 is not to wait at all.
   *
   * @default {1_000}
   */
  readonly initialWaitMs?: number;
  /**
   * How long after a pass over the table the next one begins.
   *
   * @default {60_000}
   */
  readonly intervalMs?: number;
  /**
   * How many processes are starting at the same time at most. A start by call does not wait for its turn, and a start-up
   * that keeps others waiting for a second stops counting, so that hanging ones cannot keep others from starting.
   *
   * @default {128}
   */
  readonly startConcurrency?: number;
  /**
   * How long a start-up may take before the run is aborted and counts as failed. No limit when absent.
   */
  readonly startTimeoutMs?: number;
  /**
   * How long a process may take to stop before its signal aborts, and then as long again before it is stuck.
   *
   * @default {4_000}
   */
  readonly stopTimeoutMs?: number;
  /** When and how often to restart what has exited. */
  readonly restart?: RestartOptions;
  /**
   * Chance, for the jitter: returns a number from 0 up to 1.
   *
   * @default {Math.random}
   */
  readonly random?: () => number;
}

/** The options with every default filled in. */
export interface SupervisorSettings {
  readonly clock: Clock;
  readonly initialWaitMs: number;
  readonly intervalMs: number;
  readonly startConcurrency: number;
  readonly startTimeoutMs: number | undefined;
  readonly stopTimeoutMs: number;
  readonly restart: RestartPolicy;
  readonly random: () => number;
}

/**
 * Fills the defaults in and checks every value and their relations.
 *
 * @param options What the user gave.
 * @returns The settings.
 * @throws {TypeError} When a value has a wrong shape.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function checkOptions(options: SupervisorOptions): SupervisorSettings {
  const settings: SupervisorSettings = {
    clock: options.clock ?? systemClock,
    initialWaitMs: options.initialWaitMs ?? 1_000,
    intervalMs: options.intervalMs ?? 60_000,
    startConcurrency: options.startConcurrency ?? 128,
    startTimeoutMs: options.startTimeoutMs,
    stopTimeoutMs: options.stopTimeoutMs ?? 4_000,
    restart: checkRestart(options.restart ?? {}),
    random: options.random ?? Math.random,
  };
  const { clock } = settings;
  for (const method of ["now", "monotonic", "timer"] as const) {
    if (typeof clock[method] !== "function") {
      throw wrongShape("clock", "an object with now, monotonic and timer", clock);
    }
  }
  if (typeof settings.random !== "function") throw wrongShape("random", "a function", settings.random);
  checkNumber("initialWaitMs", settings.initialWaitMs, 0, maxTimerMs);
  checkNumber("intervalMs", settings.intervalMs, 1, maxTimerMs);
  checkWhole("startConcurrency", settings.startConcurrency, 1, Infinity);
  if (settings.startTimeoutMs !== undefined) checkNumber("startTimeoutMs", settings.startTimeoutMs, 1, maxTimerMs);
  checkNumber("stopTimeoutMs", settings.stopTimeoutMs, 0, maxTimerMs);
  return settings;
}

function checkRestart(options: RestartOptions): RestartPolicy {
  if (typeof options !== "object" || options === null) throw wrongShape("restart", "an object", options);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const policy: RestartPolicy = { ...defaultRestartPolicy, ...given };
  checkNumber("restart.minDelayMs", policy.minDelayMs, 0, maxTimerMs);
  checkNumber("restart.maxDelayMs", policy.maxDelayMs, 0, maxTimerMs);
  if (policy.minDelayMs > policy.maxDelayMs) {
    throw new RangeError(
      `Cannot use the option restart.minDelayMs: it must be at most restart.maxDelayMs, ` +
        `current values are ${policy.minDelayMs} and ${policy.maxDelayMs}`,
    );
  }
  checkNumber("restart.factor", policy.factor, 1, Number.MAX_VALUE);
  checkNumber("restart.jitter", policy.jitter, 0, 1);
  checkNumber("restart.resetAfterMs", policy.resetAfterMs, 0, Infinity);
  checkWhole("restart.limit", policy.limit, 1, Infinity);
  if (policy.on !== "always" && policy.on !== "failure") {
    throw wrongShape("restart.on", '"always" or "failure"', policy.on);
  }
  return policy;
}

function checkNumber(name: string, value: unknown, min: number, max: number): void {
  if (typeof value !== "number") throw wrongShape(name, "a number", value);
  if (!(value >= min && value <= max)) {
    throw new RangeError(`Cannot use the option ${name}: it must be from ${min} to ${max}, current value is ${value}`);
  }
}

function checkWhole(name: string, value: unknown, min: number, max: number): void {
  checkNumber(name, value, min, max);
  if (value !== Infinity && !Number.isInteger(value)) {
    throw new RangeError(`Cannot use the option ${name}: it must be a whole number, current value is ${value}`);
  }
}

function wrongShape(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(
    `Cannot use the option ${name}: it must be ${expected}, current value is ${describeValue(value)}`,
  );
}
