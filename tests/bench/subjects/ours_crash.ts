/**
 * The library when processes crash: replacements, back-off, parking.
 *
 * @module
 */

import {
  MapTable,
  type RunCallback,
  type Runnable,
  type RunOptions,
  Supervisor,
  type SupervisorOptions,
} from "@pact/supervisor";
import { CountingClock } from "./counting_clock.ts";
import { collectGarbage, Counter, Gate, liveHeapB, longestGapMs, measureCrashes, timeUs } from "./gauge.ts";
import { begin, makeTable } from "./ours.ts";
import type { Measures, Subject } from "./subject.ts";

const atOnce: SupervisorOptions = { restart: { minDelayMs: 0 } };

/** Everybody crashes at once and is replaced, again and again. */
async function crashMany(size: number): Promise<Measures> {
  const gate = new Gate();
  let isOver = false;
  class Fragile implements Runnable {
    async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
      running(signal);
      await gate.opened;
      if (!isOver) throw new Error("crash");
    }
  }
  const table = makeTable(size, () => new Fragile());
  const counter = new Counter();
  const { end } = await begin(table, { supervisor: new Supervisor<string, Runnable>(table, atOnce), counter });
  const { crashUs, timerMs } = await measureCrashes(size, gate, counter);
  isOver = true;
  const ended = end();
  await new Promise((resolve) => setTimeout(resolve, 10)); // nothing is restarted from here on
  gate.open();
  await ended;
  return { crashUs, timerMs };
}

/** One crashes as soon as it is up, again and again. */
async function crashOne(size: number): Promise<Measures> {
  const counter = new Counter();
  let isOver = false;
  class Fragile implements Runnable {
    async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
      const ended = running(signal);
      counter.count();
      if (isOver) await ended;
      else throw new Error("crash");
    }
  }
  const make = () => new Fragile();
  const table = new MapTable<string, Runnable>([["one", make]]);
  const { end } = await begin(table, { supervisor: new Supervisor<string, Runnable>(table, atOnce) });
  await collectGarbage();
  const crashUs = await timeUs(size, () => counter.upTo(size));
  const timerMs = await longestGapMs(() => counter.upTo(size));
  isOver = true;
  await counter.upTo(1);
  await end();
  return { crashUs, timerMs };
}

/** Everybody has crashed once and waits, for a restart or for good. */
async function dormant(size: number, restart: SupervisorOptions["restart"], type: string): Promise<Measures> {
  const clock = new CountingClock();
  // deno-lint-ignore require-await -- what is thrown has to become a rejection
  const table = makeTable(size, () => ({ run: async () => Promise.reject(new Error("crash")) }));
  const beforeB = await liveHeapB();
  const supervisor = new Supervisor<string, Runnable>(table, { clock, restart });
  const counter = new Counter();
  const allDormant = counter.upTo(size);
  supervisor.subscribe((event) => {
    if (event.type === type) counter.count();
  });
  const called = Promise.withResolvers<void>();
  let stop!: () => void;
  const run = supervisor.run(() => {
    called.resolve();
    return new Promise<void>((resolve) => stop = resolve);
  });
  await allDormant;
  await called.promise;
  const heapB = (await liveHeapB() - beforeB) / size;
  const timers = clock.pending;
  stop();
  await run;
  return { heapB, timers, timersLeft: clock.pending };
}

const retrying = (size: number) => dormant(size, { minDelayMs: 3_600_000, maxDelayMs: 7_200_000 }, "retrying");
const parked = (size: number) => dormant(size, { limit: 1 }, "parked");

/** The library: crashes. */
export const subject: Subject = { crashMany, crashOne, retrying, parked };
