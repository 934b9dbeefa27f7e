/**
 * The floor: what JavaScript itself costs for what the library does, without any of its promises.
 *
 * @module
 */

import {
  collectGarbage,
  Counter,
  Gate,
  liveHeapB,
  makeKeys,
  measureCrashes,
  shuffled,
  stopReason,
  timeUs,
} from "./gauge.ts";
import type { Measures, Subject } from "./subject.ts";

interface FloorProcess {
  readonly controller: AbortController;
  readonly done: Promise<void>;
}

/**
 * Floor-map: a bare async function per process with an AbortController, an abort listener, a ready and a done promise, in a
 * Map under a fresh string key.
 */
export class FloorMap {
  /** What runs. */
  readonly processes: Map<string, FloorProcess> = new Map();

  /** Starts one. Resolves when it is ready. */
  start(key: string): Promise<void> {
    const controller = new AbortController();
    let isReady!: () => void;
    const ready = new Promise<void>((resolve) => isReady = resolve);
    this.processes.set(key, { controller, done: body(controller.signal, isReady) });
    return ready;
  }

  /** Stops one. Resolves when it is done. */
  async stop(key: string): Promise<void> {
    const process = this.processes.get(key)!;
    process.controller.abort(stopReason);
    await process.done;
    this.processes.delete(key);
  }

  /** Stops all. Resolves when they are done. */
  async stopAll(): Promise<void> {
    const processes = [...this.processes.values()];
    for (const { controller } of processes) controller.abort(stopReason);
    await Promise.all(processes.map(({ done }) => done));
    this.processes.clear();
  }
}

async function body(signal: AbortSignal, isReady: () => void): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  isReady();
  await stopped;
}

async function mass(size: number): Promise<Measures> {
  const floor = new FloorMap();
  const beforeB = await liveHeapB();
  const startUs = await timeUs(
    size,
    () => Promise.all(Array.from({ length: size }, (_, i) => floor.start(`key-${i}`))),
  );
  const heapB = (await liveHeapB() - beforeB) / size;
  const stopUs = await timeUs(size, () => floor.stopAll());
  return { startUs, heapB, stopUs, leftB: (await liveHeapB() - beforeB) / size };
}

async function single(size: number): Promise<Measures> {
  const floor = new FloorMap();
  const start = async () => {
    for (let i = 0; i < size; i++) await floor.start(`key-${i}`);
  };
  const stop = async () => {
    for (let i = 0; i < size; i++) await floor.stop(`key-${i}`);
  };
  await start();
  await stop();
  await collectGarbage();
  const startUs = await timeUs(size, start);
  await collectGarbage();
  return { startUs, stopUs: await timeUs(size, stop) };
}

/** Everybody crashes at once and is replaced, again and again. */
async function crashMany(size: number): Promise<Measures> {
  const gate = new Gate();
  const counter = new Counter();
  let isOver = false;
  const fragile = async () => {
    counter.count();
    await gate.opened;
    throw new Error("crash");
  };
  const again = (): void => {
    if (!isOver) fragile().then(again, again);
  };
  for (let i = 0; i < size; i++) again();
  const { crashUs, timerMs } = await measureCrashes(size, gate, counter);
  isOver = true;
  gate.open();
  return { crashUs, timerMs };
}

/** One crashes as soon as it is up, again and again. */
async function crashOne(size: number): Promise<Measures> {
  await collectGarbage();
  let left = size;
  const crashUs = await timeUs(size, () =>
    new Promise<void>((resolve) => {
      // deno-lint-ignore require-await -- what is thrown has to become a rejection
      const fragile = async () => {
        throw new Error("crash");
      };
      const again = (): void => {
        if (left-- === 0) resolve();
        else fragile().then(again, again);
      };
      again();
    }));
  return { crashUs };
}

const lookupPasses = 20;

/** Reads a Map by key and lists its keys. */
async function lookups(size: number): Promise<Measures> {
  const map = new Map(makeKeys(size).map((key) => [key, { key }]));
  const keys = shuffled([...map.keys()]);
  let found = 0;
  await collectGarbage();
  const getUs = await timeUs(size * lookupPasses, () => {
    for (let pass = 0; pass < lookupPasses; pass++) {
      for (const key of keys) if (map.get(key) !== undefined) found++;
    }
  });
  const keysUs = await timeUs(size * lookupPasses, () => {
    for (let pass = 0; pass < lookupPasses; pass++) found += [...map.keys()].length;
  });
  if (found !== 2 * size * lookupPasses) throw new Error(`Cannot trust the look-ups: ${found} were found`);
  return { getUs, keysUs };
}

const iterations = 20;

/** Iterates a Map of entries. */
async function iterate(size: number): Promise<Measures> {
  const map = new Map(makeKeys(size).map((key, version) => [key, { key, version }]));
  let sum = 0;
  await collectGarbage();
  const passUs = await timeUs(size * iterations, () => {
    for (let pass = 0; pass < iterations; pass++) {
      for (const [, entry] of map) sum += entry.version;
    }
  });
  if (sum === 0) throw new Error("Cannot trust the iteration: nothing was seen");
  return { passUs };
}

/** The floor of everything in memory. */
export const subject: Subject = { mass, single, crashMany, crashOne, lookups, iterate };
