/**
 * Makes 1 000 000 cycles of starting, stopping, replacing, removing and crashing on 1 000 keys in one run of a supervisor,
 * beside a key that hangs in its start-up, one that is stuck and one that is parked, with waits that are given up, and
 * fails when anything is left of them: when the heap or the RSS grows with the cycles, or when, after the end of the run, a
 * runnable, a signal or an error is still reachable, a timer pending or a listener attached.
 *
 * Usage: `deno task leak [--cycles <number>]`
 *
 * @module
 */

import { MapTable, type RunCallback, type Runnable, type RunOptions, Supervisor, type Table } from "@pact/supervisor";
import { parseFlags } from "./flags.ts";
import { settled, slopeOf } from "./slope.ts";
import { CountingClock } from "./subjects/counting_clock.ts";
import { collectGarbage, Counter, Gate, makeKeys } from "./subjects/gauge.ts";
import { Residue } from "./subjects/residue.ts";

/** The smallest object is 16 B: less than one of them for every 32 cycles is no leak but noise. */
const maxHeapSlopeB = 0.5;
/** The allocator and the collector keep pages at will; an AbortController with its signal alone would be 300 B a cycle. */
const maxRssSlopeB = 16;
const samplesAtMost = 40;

const cycles = Number(parseFlags(Deno.args, [], ["cycles"]).get("cycles") ?? 1_000_000);
const keys = makeKeys(1_000);
const rounds = Math.ceil(cycles / keys.length);

/** About two thousand, and an odd number apart, so that those of every deed come up. */
const residue = new Residue(2 * Math.ceil(cycles / 2_000) + 1);
const clock = new CountingClock();
const counter = new Counter();
const gate = new Gate();

/** Crashes when the gate opens. */
class Bot implements Runnable {
  constructor() {
    residue.sample(this);
  }

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    residue.sample(signal);
    if (await Promise.race([running(signal), gate.opened.then(() => true)])) {
      const error = new Error("crash");
      residue.sample(error);
      throw error;
    }
  }
}

const make = () => new Bot();
const table = new MapTable<string, Runnable>(keys.map((key) => [key, make]));

/** Keys that something is wrong with all along, found by a pass that is not the first: no pass may hold on to them. */
const odd = new MapTable<string, Runnable>();
const hanging: Runnable = {
  run: (_running, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
};
const deaf: Runnable = {
  async run(running, { signal }) {
    await running(signal);
    await end.promise;
  },
};
const failing: Runnable = { run: () => Promise.reject(new Error("down")) };
const end = Promise.withResolvers<void>();
const both: Table<string, Runnable> = {
  get: async (key, options) => await odd.get(key, options) ?? await table.get(key, options),
  async *[Symbol.asyncIterator]() {
    yield* odd;
    yield* table;
  },
  changes: (options) => table.changes(options),
};

/** Only what fails far more often than every bot together is parked. */
const restart = { minDelayMs: 0, limit: 5_000 };
const supervisor = new Supervisor(both, { clock, restart, stopTimeoutMs: 100 });
supervisor.subscribe((event) => {
  if (event.type === "running" && event.key !== "deaf") counter.count();
});

async function addOddKeys(): Promise<void> {
  odd.set("hanging", hanging).set("deaf", deaf).set("failing", failing);
  await supervisor.reconcile();
  await supervisor.stop("deaf").catch(() => {});
  while (supervisor.status("failing")?.state !== "parked") await collectGarbage();
}

async function giveUpWaits(): Promise<void> {
  const patience = new AbortController();
  const waits = keys.map(() => supervisor.ensure("hanging", { signal: patience.signal }).catch(() => {}));
  patience.abort(new Error("a health check does not wait for longer"));
  await Promise.all(waits);
}

/** What a round does to every key: afterwards each has a new process. */
const deeds: readonly (() => unknown)[] = [
  () => gate.open(),
  () => {
    for (const key of keys) table.set(key, make);
  },
  () => Promise.all(keys.map((key) => supervisor.restart(key))),
  async () => {
    for (const key of keys) table.delete(key);
    await supervisor.reconcile();
    for (const key of keys) table.set(key, make);
  },
  async () => {
    for (const key of keys) await supervisor.stop(key);
    await Promise.all(keys.map((key) => supervisor.ensure(key)));
  },
];

/** What is left over after a deed differs between them: samples are all taken after the same one. */
const roundsPerSample = deeds.length * Math.ceil(rounds / samplesAtMost / deeds.length);

const heap: { at: number; value: number }[] = [];
const rss: { at: number; value: number }[] = [];

async function takeSample(at: number): Promise<void> {
  await collectGarbage();
  const usage = Deno.memoryUsage();
  heap.push({ at, value: usage.heapUsed });
  rss.push({ at, value: usage.rss });
}

const controller = new AbortController();
const attached = residue.countListeners(controller.signal);
const allUp = counter.upTo(keys.length);
await supervisor.run(async () => {
  await allUp;
  await addOddKeys();
  for (let round = 0; round < rounds; round++) {
    const replaced = counter.upTo(keys.length);
    await deeds[round % deeds.length]();
    await replaced;
    await giveUpWaits();
    if (round % roundsPerSample === 0) await takeSample((round + 1) * keys.length);
  }
  const { hanging: starting, deaf: stuck, failing: parked } = Object.fromEntries(
    ["hanging", "deaf", "failing"].map((key) => [key, supervisor.status(key)?.state]),
  );
  console.log(`beside keys that were ${starting}, ${stuck} and ${parked}`);
}, { signal: controller.signal });
table.clear();
odd.clear();
end.resolve();
gate.open();

const heapSlopeB = slopeOf(settled(heap, 0.25));
const rssSlopeB = slopeOf(settled(rss, 0.25));
const retained = await residue.retained();
const report = [
  { name: `heap per cycle over ${rounds * keys.length} cycles, B`, value: heapSlopeB, atMost: maxHeapSlopeB },
  { name: "RSS per cycle, B", value: rssSlopeB, atMost: maxRssSlopeB },
  { name: `runnables, signals and errors retained of ${residue.sampled} sampled`, value: retained, atMost: 0 },
  { name: "timers pending", value: clock.pending, atMost: 0 },
  { name: "listeners on the signal of the run", value: attached(), atMost: 0 },
];
console.log(`heap ${heap.map(({ value }) => (value / 1e6).toFixed(2)).join(" ")} MB`);
console.log(`RSS ${rss.map(({ value }) => (value / 1e6).toFixed(0)).join(" ")} MB`);
for (const { name, value, atMost } of report) {
  console.log(`${value <= atMost ? "ok  " : "LEAK"} ${name}: ${Number(value.toFixed(3))} (at most ${atMost})`);
}
if (report.some(({ value, atMost }) => !(value <= atMost))) Deno.exit(1);
