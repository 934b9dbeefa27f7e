import { assertEquals, assertThrows } from "@std/assert";
import {
  assertPrefix,
  fromEntryKey,
  generationKey,
  type KvTableKey,
  logKey,
  logTail,
  toEntryKey,
  versionstampOf,
} from "../../src/kv/keys.ts";

const stamp = "00000000000000a10000";

Deno.test("toEntryKey() puts the key behind the prefix and fromEntryKey() takes it out again", () => {
  for (const key of ["a", "", 0, -1.5, Infinity, 7n, true, false] satisfies KvTableKey[]) {
    assertEquals(toEntryKey(["p", 1], key), ["p", 1, key]);
    assertEquals(fromEntryKey(["p", 1], ["p", 1, key]), key);
  }
});

Deno.test("toEntryKey() makes 0 of -0", () => {
  assertEquals(Object.is(toEntryKey(["p"], -0)[1], 0), true);
});

for (const key of [NaN, undefined, null, {}, new Uint8Array(1), "\ud800"]) {
  Deno.test(`toEntryKey() refuses ${Deno.inspect(key)}`, () => {
    assertThrows(() => toEntryKey(["p"], key as KvTableKey), TypeError, "as a key");
  });
}

Deno.test("fromEntryKey() finds no entry in deeper keys and in parts that can be no key", () => {
  for (const rest of [["a", "b"], [], [new Uint8Array(1)], [NaN], [-0]]) {
    assertEquals(fromEntryKey(["p"], ["p", ...rest]), undefined);
  }
});

Deno.test("control records live outside of the prefix", () => {
  assertEquals(generationKey(["p", 1]), ["@pact/supervisor", "p", 1, "generation"]);
  assertEquals(logKey(["p", 1], stamp), ["@pact/supervisor", "p", 1, "log", stamp]);
});

Deno.test("versionstampOf() knows its own log records from those of nested prefixes", () => {
  assertEquals(versionstampOf(["p"], logKey(["p"], stamp)), stamp);
  for (const other of [logKey(["p", "log"], stamp), generationKey(["p", "log"]), logKey(["p"], "00A"), ["p"]]) {
    assertEquals(versionstampOf(["p"], other), undefined);
  }
});

Deno.test("logTail() begins at a position and ends behind the last versionstamp", () => {
  const { start, end } = logTail(["p"], stamp);
  assertEquals(start, logKey(["p"], stamp));
  assertEquals([end.slice(0, 3), end[3]], [start.slice(0, 3), "g"]);
});

for (const prefix of [undefined, "bots", [], [undefined], [Symbol("s")], [{}], ["@pact/supervisor", "x"]]) {
  Deno.test(`assertPrefix() refuses ${Deno.inspect(prefix)}`, () => {
    assertThrows(() => assertPrefix(prefix), TypeError, "Cannot use the option prefix");
  });
}

Deno.test("assertPrefix() takes every kind of part that a database key can have", () => {
  assertPrefix(["a", 1, 2n, true, new Uint8Array(2)]);
  assertPrefix(["a", "@pact/supervisor"]);
});
