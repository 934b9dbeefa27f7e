import { assertEquals } from "@std/assert";
import { compareKeys } from "../../src/kv/key_order.ts";

const texts = [
  "",
  "\0",
  "\0a",
  "..",
  "a",
  "a/b",
  "ab",
  "b",
  "Z",
  "é",
  "ä€😀",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "😀",
  "😁",
];
const numbers = [-Infinity, -1, -0.1, 0, 5e-324, 0.1, 1, 2, 10, 1e21, Infinity];
const keys = [...texts, ...numbers, ...[0n, 1n, -1n, 10n, 2n, -(2n ** 80n), 2n ** 80n], true, false];

Deno.test("compareKeys() orders as Deno KV does", async () => {
  using kv = await Deno.openKv(":memory:");
  for (const key of keys) await kv.set(["k", key], 1);
  const listed = (await Array.fromAsync(kv.list({ prefix: ["k"] }))).map(({ key }) => key[1]);
  assertEquals(keys.toReversed().sort(compareKeys), listed as typeof keys);
});

Deno.test("compareKeys() is an order of texts that Deno KV cannot hold, too", () => {
  const halves = ["\ud800", "\ud800a", "\ud800\uffff", "\ud800\udc00", "\udc00", "\ue000", "\uffff"];
  for (const one of halves) {
    for (const other of halves) {
      assertEquals(Math.sign(compareKeys(one, other)) + Math.sign(compareKeys(other, one)), 0);
      for (const third of halves) {
        if (compareKeys(one, other) < 0 && compareKeys(other, third) < 0) {
          assertEquals(compareKeys(one, third) < 0, true);
        }
      }
    }
  }
});
