/**
 * What is measured of instances in OS processes, on a file: their cost, to be compared with that in virtual time, how long a change
 * takes, and how busy an instance at rest is.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { KvTable } from "@pact/supervisor/kv";
import { Program } from "../../os/program.ts";
import { Bot, fill, nameOf, type Pace, prefix, type Tenant, tenantOf } from "./instance.ts";
import { type Cost, type Latency, latencyOf, monthMs } from "./measures.ts";

/** A fleet on a file of its own. */
export interface RealScene {
  readonly entries: number;
  readonly instances: number;
  readonly pace: Pace;
  /** How long it is left alone before anything is measured, in ms. */
  readonly settleMs: number;
}

/** What a program says of itself. */
interface Meter extends Omit<Cost, "watched"> {
  readonly atMs: number;
  /** How long it has kept a core busy, in ms. */
  readonly cpuMs: number;
}

/** How many entries are changed, and how far from each other at most, in ms. */
const changes = 60;
const maxDistanceMs = 300;

/** Measures what one instance of a fleet pays in 30 days at rest. */
export function measureRealRest(scene: RealScene, restMs: number): Promise<Omit<Cost, "watched">> {
  return withFleet(scene, async (_kv, programs) => {
    const [before, after] = await twice(programs, restMs);
    const perMonth = (name: "reads" | "writes") =>
      after.reduce((sum, meter, i) => {
        return sum + (meter[name] - before[i][name]) / (meter.atMs - before[i].atMs) * monthMs / programs.length;
      }, 0);
    return { reads: perMonth("reads"), writes: perMonth("writes") };
  });
}

/** Measures which share of a core an instance takes at rest. */
export function measureRealCpu(scene: RealScene, restMs: number): Promise<number> {
  return withFleet(scene, async (_kv, programs) => {
    const [before, after] = await twice(programs, restMs);
    return after.reduce((sum, meter, i) => {
      return sum + (meter.cpuMs - before[i].cpuMs) / (meter.atMs - before[i].atMs) / programs.length;
    }, 0);
  });
}

/** Measures how long a change by this process takes, from its acknowledgement, until an instance runs it. */
export function measureRealLatency(scene: RealScene): Promise<Latency> {
  return withFleet(scene, async (kv, programs) => {
    const table = new KvTable<string, Tenant, Bot>(kv, { prefix, create: () => new Bot(() => {}) });
    for (const program of programs) await program.say("follow");
    const acknowledgedAt: number[] = [];
    for (let index = 0; index < changes; index++) {
      await table.set(nameOf(index), tenantOf(nameOf(index)));
      acknowledgedAt.push(Date.now());
      await delay(Math.random() * maxDistanceMs);
    }
    await delay(2_000);
    const ran = new Map(
      programs.flatMap(({ lines }) => lines.filter((line) => line.startsWith("ran ")).map((line) => line.split(" ")))
        .map(([, key, at]) => [key, Number(at)]),
    );
    return latencyOf(acknowledgedAt.map((at, index) => {
      const ranAt = ran.get(nameOf(index));
      if (ranAt === undefined) throw new Error(`Cannot trust what was measured: ${nameOf(index)} does not run`);
      return Math.max(0, ranAt - at);
    }));
  });
}

/** Has instances run for as long as they are measured. */
async function withFleet<T>(
  { entries, instances, pace, settleMs }: RealScene,
  measure: (kv: Deno.Kv, programs: readonly Program[]) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "cost_" });
  const path = `${folder}/kv`;
  try {
    using kv = await Deno.openKv(path);
    await fill(kv, entries);
    await using stack = new AsyncDisposableStack();
    const start = () => stack.use(new Program("tests/bench/cost/program.ts", path, JSON.stringify(pace)));
    const programs = Array.from({ length: instances }, start);
    await Promise.all(programs.map((program) => program.line(/^up$/)));
    await delay(settleMs);
    return await measure(kv, programs);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Reads all meters, and once more after a while. */
async function twice(programs: readonly Program[], restMs: number): Promise<[Meter[], Meter[]]> {
  const before = await Promise.all(programs.map(readMeter));
  await delay(restMs);
  return [before, await Promise.all(programs.map(readMeter))];
}

async function readMeter(program: Program): Promise<Meter> {
  await program.say("meter");
  return JSON.parse((await program.line(/^\{.*\}$/))[0]);
}
