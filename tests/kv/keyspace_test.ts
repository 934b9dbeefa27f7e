import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Keyspace, type KvTableKey } from "../../src/kv/keyspace.ts";

const stamp = "00000000000000a10000";

Deno.test("entry() puts the key behind the prefix and keyOf() takes it out again", () => {
  const keys = new Keyspace(["p", 1]);
  for (const key of ["a", "", 0, -1.5, Infinity, 7n, true, false] satisfies KvTableKey[]) {
    assertEquals(keys.entry(key), ["p", 1, key]);
    assertEquals(keys.keyOf(["p", 1, key]), key);
  }
});

Deno.test("entry() makes 0 of -0", () => {
  assertEquals(Object.is(new Keyspace(["p"]).entry(-0)[1], 0), true);
});

for (const key of [NaN, undefined, null, {}, new Uint8Array(1), "\ud800"]) {
  Deno.test(`entry() refuses ${Deno.inspect(key)}`, () => {
    assertThrows(() => new Keyspace(["p"]).entry(key as KvTableKey), TypeError, "as a key");
  });
}

Deno.test("keyOf() finds no entry in deeper keys and in parts that can be no key", () => {
  for (const rest of [["a", "b"], [], [new Uint8Array(1)], [NaN], [-0]]) {
    assertEquals(new Keyspace(["p"]).keyOf(["p", ...rest]), undefined);
  }
});

Deno.test("control records live outside of the prefix, which is one part of their keys", () => {
  const keys = new Keyspace(["p", 1]);
  assertEquals(keys.generation, ["@pact/supervisor", '["p",1]', "generation"]);
  assertEquals(keys.log(stamp), ["@pact/supervisor", '["p",1]', "log", stamp]);
  assertEquals(keys.session("a1"), ["@pact/supervisor", '["p",1]', "session", "a1"]);
  assertEquals(keys.info("a1"), ["@pact/supervisor", '["p",1]', "info", "a1"]);
  assertEquals(keys.claim(7), ["@pact/supervisor", '["p",1]', "claim", 7]);
  assertEquals(keys.token(7, "a1"), ["@pact/supervisor", '["p",1]', "token", 7, "a1"]);
  assertEquals(keys.bell, ["@pact/supervisor", '["p",1]', "session", "!bell"]);
  assertEquals(keys.probe("a1"), ["@pact/supervisor", '["p",1]', "probe", "a1"]);
});

const bytes = (...values: number[]) => new Uint8Array(values);

/** Prefixes that the database tells apart, and that are easily taken for each other. */
const distinct: Deno.KvKey[] = [
  ["1"],
  [1],
  [1n],
  ["1n"],
  [true],
  ["true"],
  [false],
  [0],
  [-0],
  [0n],
  [NaN],
  ["NaN"],
  [Infinity],
  [-Infinity],
  [1e21],
  [10n ** 21n],
  [Number.MIN_VALUE],
  [bytes()],
  [bytes(0)],
  [bytes(1)],
  [bytes(1, 0)],
  ["0x01"],
  ["a,b"],
  ["a", "b"],
  ['a","b'],
  ['["a"]'],
  ["a"],
  ["a", ""],
  ["", "a"],
  [""],
  ["\0"],
  ["\\0"],
  ["\\u0000"],
  ["é"],
  ["e\u0301"],
];

Deno.test("new Keyspace() has other control records for each prefix that the database tells from others", () => {
  const texts = distinct.map((prefix) => new Keyspace(prefix).generation[1]);
  assertEquals(new Set(texts).size, distinct.length);
});

Deno.test("versionstampOf() knows its own log records from those of nested prefixes", () => {
  const keys = new Keyspace(["p"]);
  assertEquals(keys.versionstampOf(keys.log(stamp)), stamp);
  const nested = new Keyspace(["p", "log"]);
  for (const other of [nested.log(stamp), nested.generation, keys.session(stamp), keys.log("00A"), ["p"]]) {
    assertEquals(keys.versionstampOf(other), undefined);
  }
});

Deno.test("logFrom() begins at a position and ends behind the last versionstamp", () => {
  const keys = new Keyspace(["p"]);
  const { start, end } = keys.logFrom(stamp);
  assertEquals(start, keys.log(stamp));
  assertEquals([end.slice(0, 3), end[3]], [start.slice(0, 3), "g"]);
});

Deno.test("tokens() selects those of the slots from one up to another", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys = new Keyspace(["p"]);
  const selected = [keys.token(3, "a1"), keys.token(3, "b1"), keys.token(4, "a1")];
  for (const key of [...selected, keys.token(2, "a1"), keys.token(5, "a1"), keys.claim(3)]) await kv.set(key, 1);
  assertEquals((await Array.fromAsync(kv.list(keys.tokens(3, 5)))).map(({ key }) => key), selected);
});

Deno.test("sessions and claims() select their own records only, the bell before all sessions", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys = new Keyspace(["p"]);
  const sessions = ["-", "00", "ff-0"].map((id) => keys.session(id));
  const records = [keys.claim(0), keys.claim(255), keys.bell, ...sessions];
  const others = [keys.claim(256), keys.probe("00"), keys.generation, keys.log(stamp), keys.entry("a")];
  const nested = [new Keyspace(["p", "session"]), new Keyspace(["p", "claim"])].map(({ generation }) => generation);
  for (const key of [...records, ...others, ...nested]) await kv.set(key, 1);
  const found = [...await Array.fromAsync(kv.list(keys.claims(256))), ...await Array.fromAsync(kv.list(keys.sessions))];
  assertEquals(found.map(({ key }) => key), records);
});

for (
  const prefix of [undefined, "bots", [], [undefined], new Array(1), [Symbol("s")], [{}], ["@pact/supervisor", "x"], [
    "\ud800",
  ]]
) {
  Deno.test(`new Keyspace() refuses the prefix ${Deno.inspect(prefix)}`, () => {
    assertThrows(() => new Keyspace(prefix as Deno.KvKey), TypeError, "Cannot use the option prefix");
  });
}

Deno.test("new Keyspace() takes every kind of part that a database key can have", () => {
  new Keyspace(["a", 1, 2n, true, new Uint8Array(2)]);
  new Keyspace(["a", "@pact/supervisor"]);
});

Deno.test("new Keyspace() copies its prefix and the bytes in it", () => {
  const prefix: Deno.KvKeyPart[] = ["p", bytes(1)];
  const keys = new Keyspace(prefix);
  (prefix[1] as Uint8Array)[0] = 2;
  prefix.push("q");
  assertEquals(keys.entry("a"), ["p", bytes(1), "a"]);
  assertEquals(keys.generation[1], '["p",0x01]');
});

/**
 * A key that takes exactly as many bytes as the database allows, in the longest record of a key under the prefix ["p"], and
 * one that takes one more.
 */
const sizes: [kind: string, fits: KvTableKey, isTooLong: KvTableKey][] = [
  ["a text", "k".repeat(2_012), "k".repeat(2_013)],
  ["a text beyond ASCII", "é".repeat(1_006), "é".repeat(1_007)],
  ["a text of zeros", "\0".repeat(1_006), "\0".repeat(1_007)],
  ["a bigint", 2n ** 2_040n - 1n, 2n ** 2_040n],
  ["a negative bigint", -(2n ** 2_040n) + 1n, -(2n ** 2_040n)],
];
for (const [kind, fits, isTooLong] of sizes) {
  Deno.test(`entry() takes ${kind} exactly as long as the database does`, async () => {
    using kv = await Deno.openKv(":memory:");
    const keys = new Keyspace(["p"]);
    await kv.set(keys.entry(fits), 1);
    await kv.set(keys.trouble(fits), 2);
    assertEquals((await kv.get(keys.entry(fits))).value, 1);
    assertEquals((await kv.get(keys.trouble(fits))).value, 2);
    await assertRejects(() => kv.set(keys.trouble(isTooLong), 1), TypeError);
    const { message } = assertThrows(() => keys.entry(isTooLong), TypeError, "Deno KV takes keys up to 2 KiB");
    assert(message.length < 300, message);
  });
}

const tooLong: Deno.KvKey[] = [
  ["p".repeat(1_023)],
  ["p", "q".repeat(10_000_000)],
  [bytes(...new Array<number>(512).fill(1))],
  new Array<number>(114).fill(1),
  ["\u0001".repeat(200)],
];
for (const prefix of tooLong) {
  Deno.test(`new Keyspace() refuses the prefix ${Deno.inspect(prefix).slice(0, 20)}… of ${prefix.length} parts: it is too long`, () => {
    const { message } = assertThrows(
      () => new Keyspace(prefix),
      TypeError,
      "Cannot use the option prefix: it must take",
    );
    assert(message.length < 300, message);
  });
}

Deno.test("new Keyspace() leaves room in every control record of the longest prefix", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys = new Keyspace(["p".repeat(1_018)]);
  for (const key of [keys.generation, keys.bell, keys.log(stamp), keys.session("a".repeat(64)), keys.claim(8_191)]) {
    await kv.set(key, 1);
  }
  await kv.set(keys.token(8_191, "a".repeat(64)), 1);
  for (const key of [keys.entry, keys.pause, keys.trouble]) await kv.set(key.call(keys, "k".repeat(990)), 1);
});
