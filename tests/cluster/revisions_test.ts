import { assertEquals } from "@std/assert";
import { orderAfterJoin, rankOf } from "../../src/cluster/revisions.ts";

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

Deno.test("rankOf() is higher for a newer revision, and the least for one that is not in the order", () => {
  assertEquals(["a", "b", "c", ""].map((revision) => rankOf(["a", "b"], revision)), [0, 1, -1, -1]);
});
