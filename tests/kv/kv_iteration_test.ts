import { assertEquals, assertRejects } from "@std/assert";
import { KvClosedError, KvTimeoutError } from "../../src/kv/mod.ts";
import { FaultyKv, holdUntil } from "../../src/testing/mod.ts";
import { botTable, entriesOf, keysOf, never } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

async function filled(count: number, options: { batchSize?: number } = {}) {
  const kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock();
  const table = botTable(kv, { clock, ...options });
  for (let i = 0; i < count; i++) await kv.set(["bots", i], `spec ${i}`);
  return { kv, clock, table, [Symbol.dispose]: () => kv.close() };
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

for (const batchSize of [1, 2, 3, 5, 6, 1_000]) {
  Deno.test(`KvTable iteration yields each of 5 entries once in batches of ${batchSize}`, async () => {
    using opened = await filled(5, { batchSize });
    assertEquals(await keysOf(opened.table), range(5));
  });
}

Deno.test("KvTable iteration yields version and spec of every entry", async () => {
  using opened = await filled(2);
  const { kv, table } = opened;
  for (const entry of await entriesOf(table)) {
    assertEquals(entry.version, (await kv.get(["bots", entry.key])).versionstamp);
    assertEquals((await entry.get()).spec, `spec ${entry.key}`);
  }
});

Deno.test("KvTable iteration reads 500 entries at once by default, with one deadline for each batch, and what stands beside them once", async () => {
  using opened = await filled(1_001);
  const { kv, clock, table } = opened;
  const sizes: unknown[] = [];
  const list = kv.list.bind(kv);
  kv.list = (selector, options) => {
    sizes.push(options?.batchSize, options?.limit);
    return list(selector, options);
  };
  assertEquals((await keysOf(table)).length, 1_001);
  assertEquals(sizes, new Array(2 * 5).fill(500));
  assertEquals([clock.timersSet, clock.pending], [5, 0]);
});

Deno.test("KvTable iteration skips deeper keys and parts that can be no key", async () => {
  using opened = await filled(1, { batchSize: 2 });
  const { kv, table } = opened;
  for (const rest of [["a", "b"], ["a", "c"], ["a", "d"], [new Uint8Array(1)], [NaN], [-0], []]) {
    await kv.set(["bots", ...rest], "foreign");
  }
  await kv.set(["bots2", "x"], "foreign");
  await table.set("z", 1);
  assertEquals(await keysOf(table), ["z", 0]);
});

Deno.test("KvTable iteration survives that entries come and go meanwhile", async () => {
  using opened = await filled(6, { batchSize: 2 });
  const { table } = opened;
  const seen: unknown[] = [];
  for await (const { key } of table) {
    seen.push(key);
    if (key !== 1) continue;
    // The last key of this batch, where the next one begins, and one on each side.
    for (const gone of [0, 1, 2]) await table.delete(gone);
    for (const added of [0.5, 4.5]) await table.set(added, "new");
  }
  assertEquals(seen, [0, 1, 3, 4, 4.5, 5]);
});

Deno.test("KvTable iteration rejects when a batch takes too long, and can be asked again", async () => {
  using opened = await filled(4, { batchSize: 2 });
  const { kv, clock, table } = opened;
  const iterator = table[Symbol.asyncIterator]();
  for (let i = 0; i < 2; i++) await iterator.next();
  kv.inject("list", holdUntil(never));
  const rejected = assertRejects(() => iterator.next(), KvTimeoutError, "Cannot list the entries");
  await clock.armed(10_000);
  clock.advance(10_000);
  await rejected;
  assertEquals(clock.pending, 0);
  assertEquals((await iterator.next()).value?.key, 2);
});

Deno.test("KvTable iteration says that the database is closed", async () => {
  const kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  kv.close();
  await assertRejects(() => keysOf(table), KvClosedError, "Cannot list the entries");
});

Deno.test("KvTable iteration hands out entries in turn when next() is called several times at once", async () => {
  using opened = await filled(5, { batchSize: 2 });
  const iterator = opened.table[Symbol.asyncIterator]();
  const results = await Promise.all(range(7).map(() => iterator.next()));
  assertEquals(results.map((result) => result.value?.key), [0, 1, 2, 3, 4, undefined, undefined]);
});

Deno.test("KvTable iteration is over after return(), also while a batch is being read", async () => {
  using opened = await filled(5, { batchSize: 2 });
  const { kv, clock, table } = opened;
  const iterator = table[Symbol.asyncIterator]();
  await iterator.next();
  assertEquals(await iterator.return?.(), { done: true, value: undefined });
  assertEquals(await iterator.next(), { done: true, value: undefined });
  const other = table[Symbol.asyncIterator]();
  kv.inject("list", holdUntil(never));
  const waiting = other.next();
  await clock.armed(10_000);
  await other.return?.();
  assertEquals(await waiting, { done: true, value: undefined });
  assertEquals(clock.pending, 0);
});
