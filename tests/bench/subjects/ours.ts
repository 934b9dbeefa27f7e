/**
 * The library with all its features, default options and one listener: starts and stops, all at once and one by one.
 *
 * @module
 */

import { MapTable, type RunCallback, type Runnable, type RunOptions, Supervisor } from "@pact/supervisor";
import { collectGarbage, Counter, liveHeapB, longestGapMs, makeKeys, timeUs } from "./gauge.ts";
import type { Measures, Subject } from "./subject.ts";

/** The usual body: up at once, then running until it is asked to stop. */
export class Bot implements Runnable {
  /** Runs until it is asked to stop. */
  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    await running(signal);
  }
}

/** Makes a table of bots. */
export function makeTable(size: number, make: (key: string) => Runnable = () => new Bot()): MapTable<string, Runnable> {
  return new MapTable(makeKeys(size).map((key) => [key, make] as const));
}

/** A run in progress. */
export interface Run {
  /** What runs. */
  readonly supervisor: Supervisor<string, Runnable>;
  /** Ends the run. Resolves when everything is stopped. */
  end(): Promise<void>;
}

/** What a run is made of beside its table. */
export interface RunParts {
  /** Default: one with default options. */
  readonly supervisor?: Supervisor<string, Runnable>;
  /** Counts whatever comes up. */
  readonly counter?: Counter;
}

/** Begins a run, with one listener. Resolves when every process is up. */
export async function begin(table: MapTable<string, Runnable>, parts: RunParts = {}): Promise<Run> {
  const { supervisor = new Supervisor<string, Runnable>(table), counter = new Counter() } = parts;
  const allUp = table.size === 0 ? Promise.resolve() : counter.upTo(table.size);
  const subscription = supervisor.subscribe((event) => {
    if (event.type === "running") counter.count();
  });
  let stop!: () => void;
  const called = Promise.withResolvers<void>();
  const run = supervisor.run(() => {
    called.resolve();
    return new Promise<void>((resolve) => stop = resolve);
  });
  await allUp;
  return {
    supervisor,
    end: async () => {
      await called.promise;
      stop();
      await run;
      subscription[Symbol.dispose]();
    },
  };
}

async function mass(size: number): Promise<Measures> {
  const emptyB = await liveHeapB();
  const table = makeTable(size);
  const beforeB = await liveHeapB();
  let run!: Run;
  const startUs = await timeUs(size, async () => {
    run = await begin(table);
  });
  const runningB = await liveHeapB();
  const stopUs = await timeUs(size, () => run.end());
  const leftB = (await liveHeapB() - beforeB) / size;
  if (run.supervisor.keys().length > 0) throw new Error("Cannot trust the stop: something is left");
  return { startUs, heapB: (runningB - beforeB) / size, heapAndTableB: (runningB - emptyB) / size, stopUs, leftB };
}

/** Entries stay in the table: what was stopped by hand starts by hand, or at the next pass, which is 60 s away. */
async function single(size: number): Promise<Measures> {
  const { supervisor, end } = await begin(makeTable(size));
  const start = async () => {
    for (let i = 0; i < size; i++) await supervisor.start(`key-${i}`);
  };
  const stop = async () => {
    for (let i = 0; i < size; i++) await supervisor.stop(`key-${i}`);
  };
  await stop();
  await collectGarbage();
  const startUs = await timeUs(size, start);
  await collectGarbage();
  const stopUs = await timeUs(size, stop);
  await end();
  return { startUs, stopUs };
}

/** How long the event loop is kept while everything starts, is looked at and stops. */
async function gaps(size: number): Promise<Measures> {
  const table = makeTable(size);
  await collectGarbage();
  let run!: Run;
  const startMs = await longestGapMs(async () => {
    run = await begin(table);
  });
  await run.supervisor.reconcile();
  const reconcileMs = await longestGapMs(() => run.supervisor.reconcile());
  const stopMs = await longestGapMs(() => run.end());
  const quietMs = await longestGapMs(() => new Promise((resolve) => setTimeout(resolve, 500)));
  return { startMs, reconcileMs, stopMs, quietMs };
}

/** The library: starts and stops. */
export const subject: Subject = { mass, single, gaps };
