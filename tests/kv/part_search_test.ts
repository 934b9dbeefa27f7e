import { assertEquals } from "@std/assert";
import type { KeyPart } from "../../src/kv/key_parts.ts";
import { firstPart, partAfter } from "../../src/kv/part_search.ts";
import { encodeKey } from "../memory_kv/key.ts";
import { seededRandom } from "../os/random.ts";

/** Answers as a database does that holds these parts. */
function holding(parts: readonly KeyPart[]) {
  const held = parts.map((part) => encodeKey([part]));
  let questions = 0;
  return {
    get questions() {
      return questions;
    },
    isAny: (from: KeyPart, to?: KeyPart) => {
      questions++;
      const [first, end] = [encodeKey([from]), to === undefined ? "\xff" : encodeKey([to])];
      if (first >= end) throw new TypeError(`asked from ${String(from)} to ${String(to)}`);
      return Promise.resolve(held.some((each) => each >= first && each < end));
    },
  };
}

const least = new Uint8Array();

const each: KeyPart[] = [
  "",
  "a",
  "acme-000123",
  "\0",
  "a\0b",
  "é",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "日本語",
  "a\u{10ffff}z",
  0n,
  1n,
  -1n,
  255n,
  -256n,
  2n ** 64n,
  -(2n ** 200n),
  2n ** 2_040n - 1n,
  1n - 2n ** 2_040n,
  0,
  -0,
  1,
  -1.5,
  5e-324,
  -5e-324,
  1e308,
  Infinity,
  -Infinity,
  false,
  true,
];

for (const part of each) {
  Deno.test(`firstPart() finds ${Deno.inspect(part).slice(0, 30)} alone, and nothing behind it`, async () => {
    assertEquals(await firstPart(least, holding([part]).isAny), part);
    const after = partAfter(part);
    if (after !== undefined) assertEquals(await firstPart(after, holding([part]).isAny), undefined);
  });
}

Deno.test("firstPart() finds all parts in the order of the database, each behind the last one", async () => {
  const { isAny } = holding(each);
  const found: KeyPart[] = [];
  for (let from: KeyPart | undefined = least; from !== undefined;) {
    const part: KeyPart | undefined = await firstPart(from, isAny);
    if (part === undefined) break;
    found.push(part);
    from = partAfter(part);
  }
  const inOrder = each.toSorted((one, other) => encodeKey([one]) < encodeKey([other]) ? -1 : 1);
  assertEquals(found, inOrder);
});

Deno.test("firstPart() finds the first of random parts from any part on", async () => {
  const random = seededRandom(7);
  const below = (count: number) => Math.floor(random() * count);
  const draw = (): KeyPart => {
    const text = () =>
      Array.from({ length: below(4) }, () => ["a", "b", "\0", "é", "\uffff", "\u{1f600}"][below(6)]).join("");
    return [text, text, () => below(9) - 4, () => BigInt(below(9) - 4), () => random() < 0.5, () => random() - 0.5]
      [below(6)]();
  };
  for (let round = 0; round < 500; round++) {
    const [parts, from] = [Array.from({ length: below(6) }, draw), draw()];
    const behind = parts.map((part) => encodeKey([part])).filter((part) => part >= encodeKey([from])).sort();
    const found = await firstPart(from, holding(parts).isAny);
    assertEquals(found === undefined ? undefined : encodeKey([found]), behind[0], Deno.inspect({ round, parts, from }));
  }
});

Deno.test("firstPart() passes over bytes", async () => {
  assertEquals(await firstPart(least, holding([new Uint8Array([1]), "a"]).isAny), "a");
});

const costs: [part: KeyPart, most: number][] = [["acme-000123", 110], [crypto.randomUUID(), 330], [7, 70], [
  123_456n,
  45,
]];
for (const [part, most] of costs) {
  Deno.test(`firstPart() asks at most ${most} questions for a ${typeof part} of ${String(part).length} characters`, async () => {
    const database = holding([part]);
    await firstPart("", database.isAny);
    assertEquals(database.questions <= most, true, `${database.questions} questions`);
  });
}
