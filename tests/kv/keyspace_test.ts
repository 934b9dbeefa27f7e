import { assertEquals, assertThrows } from "@std/assert";
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

Deno.test("control records live outside of the prefix", () => {
  const keys = new Keyspace(["p", 1]);
  assertEquals(keys.generation, ["@pact/supervisor", "p", 1, "generation"]);
  assertEquals(keys.log(stamp), ["@pact/supervisor", "p", 1, "log", stamp]);
  assertEquals(keys.session("a1"), ["@pact/supervisor", "p", 1, "session", "a1"]);
  assertEquals(keys.claim(7), ["@pact/supervisor", "p", 1, "claim", 7]);
  assertEquals(keys.bell, ["@pact/supervisor", "p", 1, "bell"]);
  assertEquals(keys.probe("a1"), ["@pact/supervisor", "p", 1, "probe", "a1"]);
});

Deno.test("versionstampOf() knows its own log records from those of nested prefixes", () => {
  const keys = new Keyspace(["p"]);
  assertEquals(keys.versionstampOf(keys.log(stamp)), stamp);
  const nested = new Keyspace(["p", "log"]);
  for (const other of [nested.log(stamp), nested.generation, keys.log("00A"), ["p"]]) {
    assertEquals(keys.versionstampOf(other), undefined);
  }
});

Deno.test("logFrom() begins at a position and ends behind the last versionstamp", () => {
  const keys = new Keyspace(["p"]);
  const { start, end } = keys.logFrom(stamp);
  assertEquals(start, keys.log(stamp));
  assertEquals([end.slice(0, 3), end[3]], [start.slice(0, 3), "g"]);
});

Deno.test("sessions and claims() select their own records only", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys = new Keyspace(["p"]);
  const records = [keys.claim(0), keys.claim(255), keys.session("00"), keys.session("ff-0")];
  const others = [keys.claim(256), keys.bell, keys.probe("00"), keys.generation, keys.log(stamp), keys.entry("a")];
  const nested = [new Keyspace(["p", "session"]), new Keyspace(["p", "claim"])].map(({ generation }) => generation);
  for (const key of [...records, ...others, ...nested]) await kv.set(key, 1);
  const found = [...await Array.fromAsync(kv.list(keys.claims(256))), ...await Array.fromAsync(kv.list(keys.sessions))];
  assertEquals(found.map(({ key }) => key), records);
});

for (const prefix of [undefined, "bots", [], [undefined], [Symbol("s")], [{}], ["@pact/supervisor", "x"]]) {
  Deno.test(`new Keyspace() refuses the prefix ${Deno.inspect(prefix)}`, () => {
    assertThrows(() => new Keyspace(prefix as Deno.KvKey), TypeError, "Cannot use the option prefix");
  });
}

Deno.test("new Keyspace() takes every kind of part that a database key can have", () => {
  new Keyspace(["a", 1, 2n, true, new Uint8Array(2)]);
  new Keyspace(["a", "@pact/supervisor"]);
});

Deno.test("new Keyspace() copies its prefix", () => {
  const prefix = ["p"];
  const keys = new Keyspace(prefix);
  prefix.push("q");
  assertEquals(keys.prefix, ["p"]);
});
