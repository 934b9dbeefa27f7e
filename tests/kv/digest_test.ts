import { assert, assertEquals } from "@std/assert";
import { digestOf } from "../../src/kv/digest.ts";

const cyclic: { self?: unknown; n: number } = { n: 1 };
cyclic.self = cyclic;
const shared = { a: 1 };
const deep = (leaf: unknown, levels: number) => Array.from({ length: levels }).reduce((inner) => [inner], leaf);

/** Values that the database tells apart: no two may have the same digest. */
const values: readonly unknown[] = [
  undefined,
  null,
  "",
  "undefined",
  "null",
  "1",
  "s1",
  "\0",
  "\0\0",
  "ä",
  "a\u0308",
  0,
  -0,
  1,
  -1,
  0.1,
  2 ** 31,
  2 ** 32,
  NaN,
  Infinity,
  -Infinity,
  0n,
  1n,
  -1n,
  2n ** 70n,
  true,
  false,
  [],
  [[]],
  [[], []],
  [undefined],
  [null],
  [1, 2],
  [[1], 2],
  [[1, 2]],
  ["a", "b"],
  ["ab", ""],
  ["", "ab"],
  {},
  { a: undefined },
  { a: 1 },
  { a: "1" },
  { a: { b: 1 } },
  { a: {}, b: 1 },
  { "a,b": 1 },
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  new Map(),
  new Map([["a", 1]]),
  new Map([["a", "1"]]),
  new Set(),
  new Set(["a", 1]),
  new Date(0),
  new Date(1),
  new Date(NaN),
  /a/,
  /a/g,
  new ArrayBuffer(0),
  new ArrayBuffer(1),
  new Uint8Array([1, 2]),
  new Uint8Array([2, 1]),
  new Uint8ClampedArray([1, 2]),
  new Int8Array([1, 2]),
  new DataView(new Uint8Array([1, 2]).buffer),
  new Deno.KvU64(1n),
  new Deno.KvU64(2n),
  new Error("a"),
  new TypeError("a"),
  new Error("a", { cause: "b" }),
  cyclic,
  { self: { n: 1 }, n: 1 },
  [shared, shared, 0],
  [shared, { a: 1 }, 0],
  deep(1, 100),
  deep(2, 100),
  deep(1, 101),
];

Deno.test("digestOf() tells values apart that the database tells apart", () => {
  const digests = new Map<number, unknown>();
  for (const value of values) {
    const digest = digestOf(value);
    assert(Number.isSafeInteger(digest) && digest >= 0, `${Deno.inspect(value)} has the digest ${digest}`);
    assert(!digests.has(digest), `${Deno.inspect(value)} has the digest of ${Deno.inspect(digests.get(digest))}`);
    digests.set(digest, value);
  }
});

Deno.test("digestOf() is the same for each reading of a stored value", async () => {
  using kv = await Deno.openKv(":memory:");
  for (const value of values.filter((value) => !(value instanceof DataView))) {
    await kv.set(["a"], value);
    const [one, other] = [(await kv.get(["a"])).value, (await kv.get(["a"])).value];
    assertEquals([digestOf(one), digestOf(other)], [digestOf(value), digestOf(value)], Deno.inspect(value));
  }
});

Deno.test("digestOf() ends for a value of any depth and any number of paths", () => {
  let wide: unknown = "leaf";
  for (let i = 0; i < 150; i++) wide = [wide, wide];
  assertEquals([digestOf(deep(1, 20_000)), digestOf(wide)].map(Number.isSafeInteger), [true, true]);
});

Deno.test("digestOf() does not take 100 000 short texts for each other", () => {
  const digests = new Set(Array.from({ length: 100_000 }, (_, index) => digestOf({ url: `tenant-${index}` })));
  assertEquals(digests.size, 100_000);
});
