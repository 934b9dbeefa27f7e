import { assert, assertEquals, assertNotEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { nop } from "../../src/process/compose.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { MapTable, type MapTableValue } from "../../src/table/map_table.ts";
import { testTable } from "../../src/testing/table_suite.ts";

testTable<string | number>("MapTable", {
  keys: ["a", "b", 1],
  open(build) {
    const table = new MapTable<string | number, Runnable>();
    return {
      table,
      set: (key, flavour) => table.set(key, () => build(key, flavour)),
      delete: (key) => table.delete(key),
      pause: (key) => table.pause(key),
      resume: (key) => table.resume(key),
    };
  },
});

function abc(): MapTable<string, Runnable> {
  return new MapTable<string, Runnable>([["a", nop], ["b", nop], ["c", nop]]);
}

async function keysOf<K>(table: MapTable<K, Runnable>): Promise<K[]> {
  return (await Array.fromAsync(table)).map((entry) => entry.key);
}

Deno.test("MapTable is made of an iterable of keys and values", async () => {
  const table = abc();
  assertEquals(table.size, 3);
  assertEquals([...table.keys()], ["a", "b", "c"]);
  assertEquals(await keysOf(table), ["a", "b", "c"]);
});

Deno.test("MapTable.set(), delete(), has(), clear() and size work as on a Map", () => {
  const table = new MapTable<string, Runnable>();
  assertStrictEquals(table.set("a", nop), table);
  table.set("a", nop).set("b", nop);
  assertEquals([table.size, table.has("a"), table.has("c")], [2, true, false]);
  assertEquals([table.delete("a"), table.delete("a"), table.size], [true, false, 1]);
  table.clear();
  assertEquals([table.size, table.has("b")], [0, false]);
});

Deno.test("MapTable hands out a runnable as it is, and what a function makes of the key", async () => {
  const made: string[] = [];
  const table = new MapTable<string, Runnable>([["fixed", nop]]);
  table.set("made", (key) => {
    made.push(key);
    return Promise.resolve({ run: nop.run });
  });
  assertStrictEquals(await (await table.get("fixed"))?.get(), nop);
  const entry = await table.get("made");
  assertEquals(made, []);
  assertNotEquals(await entry?.get(), undefined);
  await entry?.get();
  assertEquals(made, ["made", "made"]);
});

Deno.test("MapTable takes a function that is a runnable as a runnable", async () => {
  const runnable = Object.assign(() => nop, { run: nop.run });
  const entry = await new MapTable<string, Runnable>([["a", runnable]]).get("a");
  assertStrictEquals(await entry?.get(), runnable);
});

Deno.test("MapTable.set() gives a new version even for an equal value", async () => {
  const table = abc();
  const version = async (key: string) => (await table.get(key))?.version;
  const [a, b] = [await version("a"), await version("b")];
  table.set("a", nop);
  assertNotEquals(await version("a"), a);
  assertEquals(await version("b"), b);
  const replaced = await version("a");
  table.delete("a");
  table.set("a", nop);
  assert(![a, replaced].includes(await version("a")));
});

for (const key of [undefined, null, NaN, Symbol("s"), {}, () => {}]) {
  Deno.test(`MapTable refuses ${String(key)} as a key and changes nothing`, async () => {
    const table = new MapTable<unknown, Runnable>([["a", nop]]);
    assertThrows(() => table.set(key, nop), TypeError, "as a key");
    await assertRejects(() => table.get(key), TypeError, "as a key");
    assertEquals([table.size, table.delete(key), table.has(key)], [1, false, false]);
  });
}

for (
  const [shown, value] of [["undefined", undefined], ["5", 5], ["null", null], [
    "[object Object]",
    {},
  ]] as const
) {
  Deno.test(`MapTable.set() refuses ${shown} as a value, naming it and the key`, async () => {
    const table = abc();
    const version = (await table.get("a"))?.version;
    const wrong = value as unknown as MapTableValue<string, Runnable>;
    const error = assertThrows(() => table.set("a", wrong), TypeError);
    assertEquals(
      error.message,
      `Cannot set entry "a": a value is a runnable or a function that builds one, current value is ${shown}`,
    );
    assertEquals((await table.get("a"))?.version, version);
  });
}

Deno.test("MapTable iteration yields a key once that is deleted and set again meanwhile", async () => {
  const table = abc();
  const seen: string[] = [];
  for await (const { key } of table) {
    seen.push(key);
    if (seen.length > 10) break;
    // Twice: also the entry that was set again moves.
    for (let i = 0; i < 2; i++) {
      table.delete(key);
      table.set(key, nop);
    }
  }
  assertEquals(seen, ["a", "b", "c"]);
});

Deno.test("MapTable iteration yields a key that is deleted and set again before its turn", async () => {
  const table = abc();
  const seen: string[] = [];
  for await (const { key } of table) {
    if (seen.push(key) > 1) continue;
    table.delete("b");
    table.set("b", nop);
  }
  assertEquals(seen, ["a", "c", "b"]);
});

Deno.test("MapTable iteration yields a key that is deleted and set again before its turn, after replacements", async () => {
  const table = abc().set("a", nop);
  const seen: string[] = [];
  for await (const { key } of table) {
    if (seen.push(key) > 1) continue;
    table.delete("b");
    table.set("b", nop);
  }
  assertEquals(seen, ["a", "c", "b"]);
});

Deno.test("MapTable iteration yields a key once when the table is cleared and filled again", async () => {
  const table = abc();
  const seen: string[] = [];
  for await (const { key } of table) {
    if (seen.push(key) !== 2) continue;
    table.clear();
    for (const again of ["a", "b", "c", "d"]) table.set(again, nop);
  }
  assertEquals(seen, ["a", "b", "c", "d"]);
});

Deno.test("MapTable iteration is not a snapshot", async () => {
  const table = abc();
  const seen: unknown[] = [];
  for await (const { key, version } of table) {
    seen.push(key);
    if (key === "a") table.delete("b");
    if (key === "a") table.set("c", nop);
    if (key === "c") assertEquals(version, (await table.get("c"))?.version);
    if (key === "c") table.set("d", nop);
  }
  assertEquals(seen, ["a", "c", "d"]);
});

Deno.test("MapTable iterations at the same time do not touch each other", async () => {
  const table = abc();
  const [one, other] = [table[Symbol.asyncIterator](), table[Symbol.asyncIterator]()];
  assertEquals((await one.next()).value?.key, "a");
  table.delete("a");
  table.set("a", nop);
  const seen: (string | undefined)[] = [];
  for (let i = 0; i < 4; i++) seen.push((await other.next()).value?.key);
  assertEquals(seen, ["b", "c", "a", undefined]);
  assertEquals([(await one.next()).value?.key, (await one.next()).value?.key, (await one.next()).done], [
    "b",
    "c",
    true,
  ]);
});

Deno.test("MapTable iteration makes no entries: it yields those that get() finds", async () => {
  const table = abc();
  for await (const entry of table) assertStrictEquals(entry, await table.get(entry.key));
});

Deno.test("MapTable iteration is over after return()", async () => {
  const table = abc();
  const iterator = table[Symbol.asyncIterator]();
  await iterator.next();
  assertEquals(await iterator.return?.(), { done: true, value: undefined });
  table.delete("b");
  assertEquals(await iterator.next(), { done: true, value: undefined });
});

Deno.test("MapTable.changes() names what is set and deleted, also before the first next()", async () => {
  const table = abc();
  const controller = new AbortController();
  const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  table.set("d", nop);
  assertEquals((await changes.next()).value, "d");
  const waiting = changes.next();
  table.delete("a");
  assertEquals((await waiting).value, "a");
  controller.abort();
});

Deno.test("MapTable.changes() coalesces while the reader is busy", async () => {
  const table = abc();
  const controller = new AbortController();
  const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  table.set("a", nop).set("b", nop).set("a", nop).delete("b");
  assertEquals([(await changes.next()).value, (await changes.next()).value], ["a", "b"]);
  const waiting = changes.next();
  controller.abort();
  assertEquals(await waiting, { done: true, value: undefined });
});

Deno.test("MapTable.changes() says undefined for clear(), and nothing for what changes nothing", async () => {
  const table = abc();
  const controller = new AbortController();
  const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  table.clear();
  assertEquals(await changes.next(), { done: false, value: undefined });
  const waiting = changes.next();
  table.clear();
  table.delete("x");
  table.set("a", nop);
  assertEquals(await waiting, { done: false, value: "a" });
  controller.abort();
});

Deno.test("MapTable.changes() hands every reader everything", async () => {
  const table = abc();
  const controller = new AbortController();
  const open = () => table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  const [one, other] = [open(), open()];
  table.set("a", nop);
  assertEquals([(await one.next()).value, (await other.next()).value], ["a", "a"]);
  await one.return?.();
  table.set("b", nop);
  assertEquals([(await one.next()).done, (await other.next()).value], [true, "b"]);
  controller.abort();
});
