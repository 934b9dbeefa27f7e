/**
 * Time as the library sees it: two clocks, a timer, and a turn of the event loop.
 *
 * This is the only file that touches `Date`, timers or `performance`.
 *
 * @module
 */

import { onAbort } from "./on_abort.ts";

/** A timer that has been set and can be cancelled. */
export interface Timer {
  /** Cancels the timer. Does nothing once it has fired. */
  cancel(): void;
}

/**
 * Tells the time and sets timers. Write your own to drive a supervisor from a simulation. Under `FakeTime` of
 * `@std/testing/time` neither a supervisor nor a cluster needs one.
 *
 * @example A clock that runs ten times as fast
 * ```ts
 * import { type Clock, systemClock } from "@pact/supervisor";
 * import { assert } from "@std/assert";
 *
 * const fast: Clock = {
 *   now: () => systemClock.now(),
 *   monotonic: () => systemClock.monotonic() * 10,
 *   timer: (callback, delayMs) => systemClock.timer(callback, delayMs / 10),
 * };
 * assert(fast.now() > 0);
 * ```
 */
export interface Clock {
  /** Returns the current time, in epoch ms. It may jump when the machine's clock is set. */
  now(): number;
  /** Returns the ms since some fixed moment; it never goes back. */
  monotonic(): number;
  /**
   * Calls back once after a delay.
   *
   * @param callback The function to call.
   * @param delayMs The delay, in ms, at most 2 147 483 647.
   * @returns The timer, to cancel it.
   */
  timer(callback: () => void, delayMs: number): Timer;
}

/** A timer that is later than this, in ms, was held up by a stalled event loop. */
export const stallMs = 250;

/** The longest delay that a JavaScript timer takes, in ms: a longer one fires at once. */
export const maxTimerMs = 2_147_483_647;

/** Timers as they were when the program began: other ones are fake. */
const machineTimeout = globalThis.setTimeout;

/**
 * Both clocks of the machine in one reading of `Date.now`, which costs half as much as `performance.now`: between readings
 * that follow each other closely the wall clock tells how much time has passed. It cannot have been set by more than that, and
 * the steady time is corrected a second later. While timers are fake, both are `Date.now`.
 */
class MachineTime {
  /** The last reading of the wall clock. */
  at = -Infinity; // a whole number here would have each later one boxed
  /** Lets the steady time go on from about the same number when timers begin to be fake. */
  readonly #originAt: number = performance.timeOrigin;
  #steadyMs = -Infinity;
  #correctedMs = -Infinity;

  /** Returns the steady time. */
  read(): number {
    const before = this.at, at = this.at = Date.now();
    if (globalThis.setTimeout !== machineTimeout) return at;
    const passedMs = at - before;
    const isClose = passedMs >= 0 && passedMs < 16 && this.#steadyMs - this.#correctedMs < 1_000;
    if (isClose) return this.#steadyMs += passedMs;
    this.#steadyMs = this.#correctedMs = Math.max(this.#steadyMs, this.#originAt + performance.now());
    return this.#steadyMs;
  }
}

const machineTime = new MachineTime();

/**
 * The clock of the machine. `FakeTime` drives it: `Date.now` and `setTimeout` are read when they are called, and `monotonic`
 * follows `performance.now`, which `FakeTime` leaves alone, only as long as timers are those of the machine; while they are
 * fake it is `Date.now`.
 *
 * @example
 * ```ts
 * import { systemClock } from "@pact/supervisor";
 * import { assert } from "@std/assert";
 *
 * let isFired = false;
 * await new Promise((resolve) => systemClock.timer(() => resolve(isFired = true), 1));
 * assert(isFired);
 * ```
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => machineTime.read(),
  timer(callback: () => void, delayMs: number): Timer {
    const id = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(id) };
  },
};

/** Reads both clocks at once, which for the clock of the machine costs as much as one. */
export class Watch {
  /** The moment of the last reading, epoch ms. */
  at = -Infinity;
  /** The same by the monotonic clock, in ms. */
  nowMs = -Infinity;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a reading. What it returns is overwritten by the next one. */
  read(): this {
    const isMachine = this.#clock === systemClock;
    this.nowMs = isMachine ? machineTime.read() : this.#clock.monotonic();
    this.at = isMachine ? machineTime.at : this.#clock.now();
    return this;
  }
}

/** A span of time as events tell it: whole ms, and never negative. */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}

/**
 * Makes a delay a tenth longer or shorter, so that several instances do not keep in step.
 *
 * @param random A number from 0 up to 1; 0.5 gives the delay itself.
 * @returns The delay in whole ms, at most the longest timer.
 */
export function jittered(delayMs: number, random: number): number {
  return Math.min(Math.round(delayMs * (0.9 + 0.2 * random)), maxTimerMs);
}

/**
 * Waits on a clock.
 *
 * @returns A promise that resolves after the delay or when a signal aborts, whichever comes first; it never rejects.
 */
export function pause(clock: Clock, delayMs: number, ...signals: AbortSignal[]): Promise<void> {
  if (signals.some((signal) => signal.aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      for (const each of listening) each[Symbol.dispose]();
      resolve();
    };
    const timer = clock.timer(end, Math.min(delayMs, maxTimerMs));
    const listening = signals.map((signal) => onAbort(signal, end));
  });
}

/**
 * Waits for something foreign, but not for ever. It goes on when the wait is over.
 *
 * @param work A promise that never rejects.
 * @param signals End the wait early.
 * @returns Whether it settled within that time.
 */
export async function settlesWithin(
  clock: Clock,
  work: Promise<unknown>,
  limitMs: number,
  ...signals: AbortSignal[]
): Promise<boolean> {
  const settled = new AbortController();
  work.then(() => settled.abort());
  await pause(clock, limitMs, settled.signal, ...signals);
  return settled.signal.aborted;
}

/**
 * Calls back after a delay if the program still runs then. Unlike a timer of a clock, it does not keep the program alive.
 */
export function ifStillAlive(callback: () => void, delayMs: number): void {
  Deno.unrefTimer(setTimeout(callback, delayMs));
}

/**
 * Lets the event loop take one turn, so that timers and sockets are served during a long loop. `FakeTime` does not hold it
 * up.
 *
 * @returns A promise that resolves in a later turn: microtasks alone do not get there.
 */
export function turn(): Promise<void> {
  // setImmediate costs 1.5 us a turn and setTimeout(0) 2 100 us, but a browser has only the latter.
  return new Promise((resolve) => (globalThis.setImmediate ?? setTimeout)(resolve));
}
