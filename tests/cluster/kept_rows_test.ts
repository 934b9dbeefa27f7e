import { assertEquals } from "@std/assert";
import { nop } from "@pact/supervisor";
import { KeptRows } from "../../src/cluster/kept_rows.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { partsOf } from "../../src/kv/kv_table.ts";
import { turn } from "../../src/clock.ts";
import { failWith, FaultyKv, holdReply, holdUntil } from "../../src/testing/mod.ts";
import { TestClock } from "./fixtures.ts";

/** The slot of a key is its first letter: "a1" and "a2" share the slot 0. */
const slotOf = (key: unknown) => String(key).charCodeAt(0) - "a".charCodeAt(0);

/** A table with changes, and rows that are kept of it. */
async function openRows({ logRetentionMs = 1_000 } = {}) {
  const kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new TestClock();
  const create = () => nop;
  const table = new KvTable<string, number>(kv, { prefix: ["bots"], create, clock, logRetentionMs });
  const controller = new AbortController();
  const rows = new KeptRows<string, number>(partsOf(table).log, slotOf, controller.signal);
  await table.set("a0", 0); // so that the log has a beginning
  return { kv, clock, table, rows, [Symbol.dispose]: () => kv.close() };
}

/** Keeps the rows "a1" and "a2" with 1 and 2, all of slot 0, and "b1" with 3, all of slot 1. */
async function keep(rows: KeptRows<string, number>): Promise<void> {
  const reading = await rows.open([0, 1]);
  for (const [key, row] of [["a1", 1], ["a2", 2], ["b1", 3], ["c1", 4]] as const) reading.keep(slotOf(key), key, row);
  reading.complete([0, 1]);
}

Deno.test("KeptRows.take() gives each kept row once, and none of a slot that nothing is kept of", async () => {
  using world = await openRows();
  await keep(world.rows);
  const taken = [];
  for (const key of ["a1", "b1", "c1", "a1"]) taken.push(await world.rows.take(key));
  assertEquals(taken, [1, 3, undefined, undefined]);
  assertEquals([world.rows.has("a1"), world.rows.has("a2")], [false, true]);
});

Deno.test("KeptRows.take() gives no row of a key that has changed since, and those of others", async () => {
  using world = await openRows();
  await keep(world.rows);
  await world.table.set("a1", 5);
  assertEquals([world.rows.has("a1"), await world.rows.take("a1"), await world.rows.take("a2")], [true, undefined, 2]);
  assertEquals(world.rows.has("a1"), false);
});

Deno.test("KeptRows.take() sees a change that was acknowledged right before, though a reading of the log is under way", async () => {
  using world = await openRows();
  await keep(world.rows);
  const gate = Promise.withResolvers<void>();
  world.kv.inject("get", holdReply(gate.promise));
  const first = world.rows.take("b1");
  await turn();
  await turn(); // its reading has begun
  await world.table.set("a1", 5);
  const second = world.rows.take("a1");
  gate.resolve();
  assertEquals([await first, await second], [3, undefined]);
});

Deno.test("KeptRows reads the log once for all that is taken at the same time", async () => {
  using world = await openRows();
  await keep(world.rows);
  const before = world.kv.count("get");
  await Promise.all(["a1", "a2", "b1"].map((key) => world.rows.take(key)));
  assertEquals(world.kv.count("get") - before, 1);
});

Deno.test("KeptRows.keysOf() names the keys of a slot, those that were added since too, and gives it away", async () => {
  using world = await openRows();
  await keep(world.rows);
  await world.table.set("a3", 5);
  await world.table.delete("a2");
  assertEquals([await world.rows.catchUp(), world.rows.isWhole(0), world.rows.isWhole(2)], [true, true, false]);
  assertEquals([...world.rows.keysOf(0)].sort(), ["a1", "a2", "a3"]); // one that is gone is found to be
  assertEquals([world.rows.isWhole(0), world.rows.isWhole(1), [...world.rows.keysOf(2)]], [false, true, []]);
  assertEquals(await world.rows.take("a1"), 1);
});

Deno.test("KeptRows keeps no row that was read before a change which the log has named already", async () => {
  using world = await openRows();
  const reading = await world.rows.open([0]);
  await world.table.set("a1", 5);
  await world.rows.catchUp();
  reading.keep(0, "a1", 1);
  assertEquals(await world.rows.take("a1"), undefined);
  reading.keep(0, "a1", 1);
  assertEquals(await world.rows.take("a1"), undefined);
});

Deno.test("KeptRows drops everything when the log has a gap, what is being read too", async () => {
  using world = await openRows({ logRetentionMs: 1_000 });
  await keep(world.rows);
  const reading = await world.rows.open([2]);
  world.clock.advance(501);
  await world.table.set("z1", 1);
  assertEquals(await world.rows.catchUp(), false);
  reading.keep(2, "c1", 4);
  reading.complete([2]);
  assertEquals([world.rows.has("a1"), world.rows.has("c1"), world.rows.isWhole(0), world.rows.isWhole(2)], [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("KeptRows does not take a slot for whole of which a row was taken, or that is being read again", async () => {
  using world = await openRows();
  await keep(world.rows);
  await world.rows.take("a1");
  await world.rows.open([1]);
  assertEquals([world.rows.isWhole(0), world.rows.isWhole(1)], [false, false]);
});

Deno.test("KeptRows marks what has changed since the first of two readings began, though both have looked for the end of the log", async () => {
  using world = await openRows();
  const gate = Promise.withResolvers<void>();
  const first = world.rows.open([0]);
  world.kv.inject("get", holdUntil(gate.promise));
  const second = world.rows.open([1]);
  (await first).keep(0, "a1", 1);
  await world.table.set("a1", 5);
  gate.resolve();
  await second;
  assertEquals(await world.rows.take("a1"), undefined);
});

Deno.test("KeptRows takes only those of two readings for whole that began last", async () => {
  using world = await openRows();
  const [first, second] = [await world.rows.open([0, 1]), await world.rows.open([0])];
  first.complete([0, 1]);
  assertEquals([world.rows.isWhole(0), world.rows.isWhole(1)], [false, true]);
  second.complete([0]);
  assertEquals(world.rows.isWhole(0), true);
});

Deno.test("KeptRows fails with the log, and goes on when that can be read again", async () => {
  using world = await openRows();
  await keep(world.rows);
  world.kv.inject("get", failWith(new Error("oops")));
  assertEquals(await world.rows.take("a1").catch(({ message }) => message), "oops");
  assertEquals(await world.rows.take("a1"), 1);
});

Deno.test("KeptRows gives nothing after clear(), and asks the database nothing for that", async () => {
  using world = await openRows();
  await keep(world.rows);
  world.rows.clear();
  const before = world.kv.count("get");
  assertEquals([await world.rows.catchUp(), await world.rows.take("a1"), world.rows.isWhole(0)], [
    false,
    undefined,
    false,
  ]);
  assertEquals(world.kv.count("get"), before);
});

Deno.test("KeptRows drops nothing of what is kept after a clear() that came while the log was read", async () => {
  using world = await openRows();
  await keep(world.rows);
  const gate = Promise.withResolvers<void>();
  world.kv.inject("get", holdReply(gate.promise));
  const reading = world.rows.catchUp();
  await turn();
  await turn();
  world.rows.clear();
  gate.resolve();
  assertEquals(await reading, false);
  await keep(world.rows);
  assertEquals(await world.rows.take("a1"), 1);
});
