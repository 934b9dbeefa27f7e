import type { Runnable } from "../../src/process/runnable.ts";
import { KvTable, type KvTableKey, type WatchSees } from "../../src/kv/mod.ts";
import { type TableBuild, type TableHandle, testTable } from "../../src/testing/mod.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { openFile } from "./fixtures.ts";

function handle(
  reader: Deno.Kv,
  writer: Deno.Kv,
  build: TableBuild<KvTableKey>,
  { batchSize = 500, watchSees = "this process", pollMs = 1 }: {
    batchSize?: number;
    watchSees?: WatchSees;
    pollMs?: number;
  } = {},
): TableHandle<KvTableKey> {
  const [table, other] = [reader, writer].map((kv) =>
    new KvTable<KvTableKey, string, Runnable>(kv, {
      prefix: ["bots"],
      create: (flavour, key) => build(key, flavour),
      batchSize,
      watchSees,
      pollMs,
    })
  );
  const maintained = reader === writer ? table : other;
  return {
    table,
    set: (key, flavour) => maintained.set(key, flavour),
    delete: (key) => maintained.delete(key),
    pause: (key) => maintained.pause(key),
    resume: (key) => maintained.resume(key),
  };
}

const keys: KvTableKey[] = ["a", "b", "1", 1, 1n, true];

for (const batchSize of [1, 2, 500]) {
  testTable<KvTableKey>(`KvTable in memory, in batches of ${batchSize},`, {
    keys,
    async open(build) {
      const kv = await Deno.openKv(":memory:");
      return { ...handle(kv, kv, build, { batchSize }), close: () => kv.close() };
    },
  });
}

testTable<KvTableKey>("KvTable over a MemoryKv that another handle writes", {
  keys,
  open(build) {
    const kvs = [new MemoryKv()];
    kvs.push(kvs[0].open());
    return { ...handle(kvs[0], kvs[1], build), close: () => kvs.forEach((kv) => kv.close()) };
  },
});

testTable<KvTableKey>("KvTable that another handle writes and that hears by its watch alone", {
  keys,
  open(build) {
    const kvs = [new MemoryKv()];
    kvs.push(kvs[0].open());
    const table = handle(kvs[0], kvs[1], build, { watchSees: "everybody", pollMs: 60_000 });
    return { ...table, close: () => kvs.forEach((kv) => kv.close()) };
  },
});

testTable<KvTableKey>("KvTable in a file", {
  keys,
  async open(build) {
    const file = await openFile(1);
    return { ...handle(file.kvs[0], file.kvs[0], build), close: () => file[Symbol.asyncDispose]() };
  },
});

testTable<KvTableKey>("KvTable that another handle on the file writes", {
  keys,
  async open(build) {
    const file = await openFile(2);
    return { ...handle(file.kvs[0], file.kvs[1], build), close: () => file[Symbol.asyncDispose]() };
  },
});
