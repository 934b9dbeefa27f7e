/**
 * Runs 10 000 processes over a KV file while they crash, change and are removed at random; then lets them rest. Fails when
 * memory grows, when what runs is not what the table says at the end, or when resting costs CPU.
 *
 * Usage: `deno task soak [--minutes <number>] [--processes <number>]`
 *
 * @module
 */

import { Supervisor } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { parseFlags } from "./flags.ts";
import { settled, slopeOf } from "./slope.ts";
import { collectGarbage, makeKeys } from "./subjects/gauge.ts";
import { prefix, withDatabase } from "./subjects/kv.ts";
import { Disturbance, Patient } from "./subjects/disturbance.ts";

const flags = parseFlags(Deno.args, [], ["minutes", "processes"]);
const soakMs = Number(flags.get("minutes") ?? 10) * 60_000;
const size = Number(flags.get("processes") ?? 10_000);
const sampleMs = Math.min(10_000, soakMs / 30);
/** One pass over the whole table, which comes every 60 s, is part of resting. */
const restMs = 60_000;
/** How much memory may grow from the first to the last sample that count, as a share of what there is. */
const maxGrowth = 0.05;
const maxIdleCpu = 0.02;

await withDatabase(async (kv) => {
  const live = new Set<Patient>();
  const table = new KvTable<string, number, Patient>(kv, {
    prefix,
    create: (spec, key) => new Patient(key, spec, live),
  });
  const keys = makeKeys(size);
  for (let i = 0; i < size; i += 500) {
    await Promise.all(keys.slice(i, i + 500).map((key) => table.set(key, 0)));
  }
  const supervisor = new Supervisor<string, Patient>(table);
  const counts: Record<string, number> = {};
  supervisor.subscribe(({ type }) => counts[type] = (counts[type] ?? 0) + 1);

  await supervisor.run(async () => {
    for (const patient of [...live]) patient.crash(); // the last error of a key is kept: from here on there are no more
    await untilCalm(supervisor);
    const { heap, rss } = await disturb(new Disturbance(table, keys, live));
    await untilCalm(supervisor);
    const wrong = await differences(kv, supervisor, live);
    const idleCpu = await measureIdleCpu();
    console.log(JSON.stringify(counts));
    report([
      { name: "heap growth", value: growth(heap), atMost: maxGrowth },
      { name: "RSS growth", value: growth(rss), atMost: maxGrowth },
      { name: `differences between what runs and the table of ${live.size}`, value: wrong, atMost: 0 },
      { name: "share of a core while resting", value: idleCpu, atMost: maxIdleCpu },
    ]);
  });
});

interface Memory {
  readonly heap: { at: number; value: number }[];
  readonly rss: { at: number; value: number }[];
}

async function disturb(disturbance: Disturbance): Promise<Memory> {
  const memory: Memory = { heap: [], rss: [] };
  const beganAt = performance.now();
  for (let at = 0; at < soakMs; at = performance.now() - beganAt) {
    await disturbance.goOnFor(sampleMs);
    await collectGarbage();
    const { heapUsed, rss } = Deno.memoryUsage();
    memory.heap.push({ at, value: heapUsed });
    memory.rss.push({ at, value: rss });
    console.log(`${(at / 1_000).toFixed(0)} s: heap ${toMb(heapUsed)} MB, RSS ${toMb(rss)} MB, ${disturbance}`);
  }
  return memory;
}

function toMb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** By how much a straight line through the samples grows, as a share of their first value. */
function growth(samples: Memory["heap"]): number {
  const counted = settled(samples, 0.3);
  return slopeOf(counted) * (counted.at(-1)!.at - counted[0].at) / counted[0].value;
}

/** Waits until nothing is left of the last crashes and changes. */
async function untilCalm(supervisor: Supervisor<string, Patient>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 120_000; waitedMs += 500) {
    await supervisor.reconcile();
    const { counts, processes } = supervisor.snapshot();
    if (counts.running === processes.length) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Counts keys that run and should not, should and do not, run from an old value, or run twice. */
async function differences(kv: Deno.Kv, supervisor: Supervisor<string, Patient>, live: Set<Patient>): Promise<number> {
  const wanted = new Map<unknown, unknown>();
  for await (const { key, value } of kv.list({ prefix }, { batchSize: 500 })) wanted.set(key.at(-1), value);
  const runs = new Map(Array.from(live, ({ key, spec }) => [key as unknown, spec]));
  let wrong = live.size - runs.size;
  for (const key of new Set([...wanted.keys(), ...runs.keys(), ...supervisor.keys()])) {
    if (runs.get(key) !== wanted.get(key)) wrong++;
  }
  return wrong + Math.abs(supervisor.keys().length - wanted.size);
}

async function measureIdleCpu(): Promise<number> {
  const before = await cpuMs();
  await new Promise((resolve) => setTimeout(resolve, restMs));
  return (await cpuMs() - before) / restMs;
}

/** How much CPU time this OS process has had; `NaN`, which meets no target, where there is no /proc. */
async function cpuMs(): Promise<number> {
  const stat = await Deno.readTextFile("/proc/self/stat").catch(() => "");
  // The name of the program, in parentheses, may hold blanks. Ticks are a hundredth of a second on Linux.
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
  return (user + system) * 10;
}

function report(lines: readonly { name: string; value: number; atMost: number }[]): void {
  for (const { name, value, atMost } of lines) {
    console.log(`${value <= atMost ? "ok  " : "FAIL"} ${name}: ${Number(value.toFixed(4))} (at most ${atMost})`);
  }
  if (lines.some(({ value, atMost }) => !(value <= atMost))) Deno.exitCode = 1;
}
