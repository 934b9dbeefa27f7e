/**
 * Deno KV: the library beside bare calls that do the same.
 *
 * @module
 */

import { type Runnable, Supervisor } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { Keyspace } from "../../../src/kv/keyspace.ts";
import { FloorMap } from "./floor.ts";
import { collectGarbage, Counter, makeKeys, timeUs } from "./gauge.ts";
import { Bot } from "./ours.ts";
import type { Measures, Subject } from "./subject.ts";

/** What is stored; about 200 B. */
export interface Spec {
  /** Where a bot would connect to. */
  readonly url: string;
  /** When it was written, epoch ms. */
  readonly at: number;
  /** Makes it as long as a usual spec. */
  readonly note: string;
}

/** Where the entries live. */
export const prefix = ["bots"];
const batchSize = 500;
const logRetentionMs = 3_600_000;

/** Makes a spec that is written now. */
export function makeSpec(key: string): Spec {
  return { url: `https://${key}.example/updates`, at: Date.now(), note: "-".repeat(120) };
}

/** Makes a table of bots. */
export function openTable(kv: Deno.Kv): KvTable<string, Spec, Runnable> {
  return new KvTable<string, Spec, Runnable>(kv, { prefix, batchSize, logRetentionMs, create: () => new Bot() });
}

/** Makes a database in a folder of its own for as long as the action takes. */
export async function withDatabase<T>(action: (kv: Deno.Kv, path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "bench_kv_" });
  try {
    using kv = await Deno.openKv(`${folder}/kv`);
    return await action(kv, `${folder}/kv`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function withEntries(size: number, action: (kv: Deno.Kv) => Promise<Measures>): Promise<Measures> {
  return withDatabase(async (kv) => {
    const keys = makeKeys(size);
    for (let i = 0; i < size; i += 500) {
      const atomic = kv.atomic();
      for (const key of keys.slice(i, i + 500)) atomic.set([...prefix, key], makeSpec(key));
      await atomic.commit();
    }
    await collectGarbage();
    return await action(kv);
  });
}

async function iterate(size: number, rows: AsyncIterable<unknown>): Promise<Measures> {
  let seen = 0;
  const rowUs = await timeUs(size, async () => {
    for await (const _row of rows) seen++;
  });
  if (seen !== size) throw new Error(`Cannot trust the iteration: ${seen} were seen`);
  return { rowUs };
}

/** From nothing to everything running. */
async function oursCold(size: number, kv: Deno.Kv): Promise<Measures> {
  const table = openTable(kv);
  const supervisor = new Supervisor<string, Runnable>(table);
  const counter = new Counter();
  supervisor.subscribe((event) => {
    if (event.type === "running") counter.count();
  });
  const allUp = counter.upTo(size);
  let startUs = NaN;
  const beganAt = performance.now();
  await supervisor.run(async () => {
    await allUp;
    startUs = (performance.now() - beganAt) / size * 1_000;
  });
  return { startUs };
}

async function floorCold(size: number, kv: Deno.Kv): Promise<Measures> {
  const floor = new FloorMap();
  const startUs = await timeUs(size, async () => {
    const ready: Promise<void>[] = [];
    for await (const { key } of kv.list({ prefix }, { batchSize })) ready.push(floor.start(String(key.at(-1))));
    await Promise.all(ready);
  });
  await floor.stopAll();
  return { startUs };
}

/** Writes one entry after the other and tells how long half of the writes took at most. */
async function write(size: number, set: (key: string) => Promise<unknown>): Promise<Measures> {
  const samples: number[] = [];
  await collectGarbage();
  for (const key of makeKeys(size)) {
    const beganAt = performance.now();
    await set(key);
    samples.push(performance.now() - beganAt);
  }
  return { setUs: samples.sort((a, b) => a - b)[size >> 1] * 1_000 };
}

function oursSet(size: number, kv: Deno.Kv): Promise<Measures> {
  const table = openTable(kv);
  return write(size, (key) => table.set(key, makeSpec(key)));
}

function bareSet(size: number, kv: Deno.Kv): Promise<Measures> {
  const keys = new Keyspace(prefix);
  return write(size, (key) =>
    kv.atomic()
      .set([...prefix, key], makeSpec(key))
      .set(keys.log(kv.commitVersionstamp()), { key, nonce: 0.5, keptMs: logRetentionMs }, { expireIn: logRetentionMs })
      .set(keys.generation, { format: 1, nonce: 0.5 })
      .commit());
}

async function inMemory(size: number, set: (size: number, kv: Deno.Kv) => Promise<Measures>): Promise<Measures> {
  using kv = await Deno.openKv(":memory:");
  return await set(size, kv);
}

/** The library on Deno KV. */
export const ours: Subject = {
  iterate: (size) => withEntries(size, (kv) => iterate(size, openTable(kv))),
  cold: (size) => withEntries(size, (kv) => oursCold(size, kv)),
  setFile: (size) => withDatabase((kv) => oursSet(size, kv)),
  setMemory: (size) => inMemory(size, oursSet),
};

/** Bare Deno KV, with the floor where processes are started. */
export const bare: Subject = {
  iterate: (size) => withEntries(size, (kv) => iterate(size, kv.list({ prefix }, { batchSize }))),
  cold: (size) => withEntries(size, (kv) => floorCold(size, kv)),
  setFile: (size) => withDatabase((kv) => bareSet(size, kv)),
  setMemory: (size) => inMemory(size, bareSet),
};
