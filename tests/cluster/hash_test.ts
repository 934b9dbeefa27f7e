import { assertEquals } from "@std/assert";
import { hashOf, mix } from "../../src/cluster/hash.ts";

const hashes: readonly (readonly [text: string, hash: number])[] = [
  ["", 0xab3e7c0b],
  ["a", 0x1a80b1b3],
  ["foobar", 0x0c0da6dc],
  ["tenant-0", 0x1bf7059d],
  ["café", 0x32d887f5],
  ["日本語", 0xce0b3ed9],
  ["😀", 0x6a85a426],
  ["\ud800", 0x573eb6ee],
];

for (const [text, hash] of hashes) {
  Deno.test(`hashOf() of ${JSON.stringify(text)} never changes`, () => assertEquals(hashOf(text), hash));
}

Deno.test("hashOf() is the finaliser of MurmurHash3 after FNV-1a", () => {
  // From the tables of test vectors that the authors of FNV publish.
  const published = { "": 0x811c9dc5, a: 0xe40c292c, foobar: 0xbf9cf968 };
  for (const [text, fnv] of Object.entries(published)) assertEquals(hashOf(text), mix(fnv));
});

Deno.test("mix() never changes", () => {
  assertEquals([0, 1, 2, 0xffffffff].map(mix), [0, 0x514e28b7, 0x30f4c306, 0x81f16f39]);
});

Deno.test("mix() changes about half of the bits when one bit changes", () => {
  const changed = Array.from({ length: 32 }, (_, bit) => {
    let ones = 0;
    for (let input = 0; input < 1_000; input++) ones += onesIn(mix(input) ^ mix(input ^ (1 << bit)));
    return ones / 1_000;
  });
  assertEquals(changed.filter((mean) => mean < 15 || mean > 17), []);
});

function onesIn(bits: number): number {
  return (bits >>> 0).toString(2).replaceAll("0", "").length;
}
