/**
 * The options of a supervisor: defaults and checks.
 *
 * @module
 */

import { assertOptions, checkClock, checkFunction, checkNumber, checkWhole } from "../check.ts";
import { printError } from "../error_data.ts";
import { describeValue } from "../errors.ts";
import { type Clock, maxTimerMs, systemClock } from "../clock.ts";
import { checkLife, type EntryOptions, type LifeSettings } from "../table/entry_options.ts";

/**
 * Options of {@linkcode Supervisor}. All durations are in ms and at most 2 147 483 647, the longest timer. Those of
 * {@linkcode EntryOptions} hold for every key whose entry does not say otherwise.
 */
export interface SupervisorOptions extends EntryOptions {
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
   * @default {60_000} or, as long as its changes are followed, the `sweepMs` of the table, a tenth more or less.
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
   * How many processes are started within any second at most, restarts and replacements included: quotas of logins are often
   * per second. Below 1 it is one in a longer time, for example 0.2 for one in 5 s. A start by call counts and does not wait.
   * No limit when absent.
   */
  readonly startsPerSecond?: number;
  /**
   * Chance, for the jitter: returns a number from 0 up to 1.
   *
   * @default {Math.random}
   */
  readonly random?: () => number;
}

/** The options with every default filled in. */
export interface SupervisorSettings extends LifeSettings {
  readonly clock: Clock;
  readonly initialWaitMs: number;
  readonly intervalMs: number;
  /** Takes the place of `intervalMs` while the changes of the table are followed. */
  readonly sweepMs: number | undefined;
  readonly startConcurrency: number;
  readonly startsPerSecond: number;
  readonly random: () => number;
}

/**
 * Fills the defaults in and checks every value and their relations.
 *
 * @param options What the user gave.
 * @param sweepMs How often the table says that a pass is needed.
 * @returns The settings.
 * @throws {TypeError} When a value has a wrong shape.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function checkOptions(options: SupervisorOptions, sweepMs?: number): SupervisorSettings {
  assertOptions("a supervisor", options);
  const { clock = systemClock, random = Math.random, startsPerSecond = Infinity } = options;
  checkClock(clock);
  checkFunction("random", random);
  if (sweepMs !== undefined) checkNumber("sweepMs of the table", sweepMs, 1, maxTimerMs);
  return {
    clock,
    random,
    initialWaitMs: checkNumber("initialWaitMs", options.initialWaitMs ?? 1_000, 0, maxTimerMs),
    intervalMs: checkNumber("intervalMs", options.intervalMs ?? 60_000, 1, maxTimerMs),
    sweepMs: options.intervalMs === undefined ? sweepMs : undefined,
    startConcurrency: checkWhole("startConcurrency", options.startConcurrency ?? 128, 1, Infinity),
    startsPerSecond: checkNumber("startsPerSecond", startsPerSecond, 0.001, Infinity),
    ...checkLife(options),
  };
}

/** Asks a user's chance for a number: the jitter of a delay is no reason to lose a restart. */
export function chanceOf(random: () => number): number {
  try {
    const number = random();
    if (number >= 0 && number <= 1) return number;
    throw new RangeError(`it must return a number from 0 to 1, current value is ${describeValue(number)}`);
  } catch (error) {
    printError("The option random failed", error);
    return Math.random();
  }
}
