/**
 * Lets fake time pass as real time does.
 *
 * @module
 */

import { systemClock } from "../clock.ts";

/** What {@linkcode advance} needs of `FakeTime`. */
export interface SteppedTime {
  /** Runs the pending microtasks, then goes to the next timer and fires it. */
  nextAsync(): Promise<boolean>;
  /** Runs the pending microtasks. */
  runMicrotasks(): Promise<void>;
}

/** How many times in a row a timer of the last instant may lead to another one of that instant. */
const lastRounds = 3;

/**
 * Lets fake time pass from timer to timer, and lets everything happen that each timer sets off. `FakeTime.tickAsync` fires
 * only the timers that exist when it is called: a timer that one of them leads to, such as that of the second retry, waits
 * for the next call.
 *
 * What is due in the last instant fires, too: also a timer of 0 ms that the work of another one sets then, and up to three
 * such timers in a row.
 *
 * @param time The `FakeTime` of `@std/testing/time`.
 * @param ms How much time passes, in ms.
 *
 * @example Three tries within ten seconds
 * ```ts
 * import { MapTable, startStop, Supervisor } from "@pact/supervisor";
 * import { advance } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 * import { FakeTime } from "@std/testing/time";
 *
 * using time = new FakeTime();
 * let tries = 0;
 * const broken = startStop(() => Promise.reject(new Error(`try ${++tries}`)), () => {});
 * const supervisor = new Supervisor(new MapTable([["acme", broken]]), { restart: { jitter: 0, minDelayMs: 3_000 } });
 * supervisor.subscribe(() => {});
 *
 * const stop: PromiseWithResolvers<void> = Promise.withResolvers();
 * const run = supervisor.run(() => stop.promise);
 * await advance(time, 10_000);
 * assertEquals(tries, 3); // at 0, 3 and 9 s
 *
 * stop.resolve();
 * await run;
 * ```
 */
export async function advance(time: SteppedTime, ms: number): Promise<void> {
  await pass(time, ms);
  for (let round = 0; round < lastRounds; round++) await pass(time, 0);
  await time.runMicrotasks();
}

async function pass(time: SteppedTime, ms: number): Promise<void> {
  let isOver = false;
  systemClock.timer(() => isOver = true, ms);
  while (!isOver) await time.nextAsync();
}
