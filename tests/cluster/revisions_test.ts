import { assertEquals } from "@std/assert";
import { orderAfterJoin, orderAfterLoss, rankOf } from "../../src/cluster/revisions.ts";

const cases: readonly (readonly [
  title: string,
  order: string,
  revision: string,
  isAlive: boolean,
  expected: string | undefined,
])[] = [
  ["the first instance of all", "", "a", false, "a"],
  ["the first instance of a new revision", "a", "b", false, "ab"],
  ["another instance of the newest revision", "ab", "b", true, undefined],
  ["an instance of the newest revision after the last one has gone", "ab", "b", false, undefined],
  ["a restart beside others of an older revision", "ab", "a", true, undefined],
  ["a rollback: the last one of the older revision had gone", "ab", "a", false, "ba"],
  ["a rollback into the middle", "abc", "b", false, "acb"],
  ["an instance of a revision that has others and is not in the order", "ab", "c", true, undefined],
  ["the eighth revision", "abcdefg", "h", false, "abcdefgh"],
  ["the ninth revision: the oldest is forgotten", "abcdefgh", "i", false, "bcdefghi"],
  ["a rollback to the oldest of eight", "abcdefgh", "a", false, "bcdefgha"],
  ["a record with more than eight", "abcdefghij", "k", false, "defghijk"],
  ["a record with a revision twice", "aba", "b", false, "aab"],
];
for (const [title, order, revision, isAlive, expected] of cases) {
  Deno.test(`orderAfterJoin() of ${title}`, () => {
    assertEquals(orderAfterJoin([...order], revision, isAlive)?.join(""), expected);
  });
}

const losses: readonly (readonly [
  title: string,
  order: string,
  revision: string,
  known: string,
  expected: string | undefined,
])[] = [
  ["the order is gone", "", "b", "ab", "b"],
  ["only an older revision is there", "a", "b", "ab", "ab"],
  ["only a newer revision is there", "b", "a", "ab", "ab"],
  ["revisions on both sides of it are there", "ac", "b", "abc", "abc"],
  ["the order is the same", "ab", "a", "ab", undefined],
  ["the order lacks another one", "ab", "b", "abc", undefined],
  ["the copy is from before a rollback", "ab", "a", "ba", "ba"],
  ["one is there that it never knew of, and came since then", "ax", "a", "a", undefined],
  ["one is there that it never knew of, and was forgotten long ago", "xa", "b", "ab", "xab"],
  ["it never knew its own place", "ab", "c", "ab", "cab"],
  ["eight others are there", "abcdefgh", "i", "bcdefghi", "bcdefghi"],
];
for (const [title, order, revision, known, expected] of losses) {
  Deno.test(`orderAfterLoss() when ${title}`, () => {
    assertEquals(orderAfterLoss([...order], revision, [...known])?.join(""), expected);
  });
}

Deno.test("orderAfterLoss() brings the order back that all knew, in whatever sequence they come", () => {
  const sequences = ["abc", "acb", "bac", "bca", "cab", "cba"];
  for (const left of ["", "a", "b", "ab", "ba"]) {
    for (const sequence of sequences) {
      let order: readonly string[] = [...left];
      for (const revision of sequence) order = orderAfterLoss(order, revision, ["a", "b", "c"]) ?? order;
      assertEquals(order.join(""), "abc", `${sequence} after ${left}`);
    }
  }
});

Deno.test("rankOf() is higher for a newer revision, and the least for one that is not in the order", () => {
  assertEquals(["a", "b", "c", ""].map((revision) => rankOf(["a", "b"], revision)), [0, 1, -1, -1]);
});
