/** The rule that the test with OS processes judges histories by, shown to find what it is to find. */

import { assertEquals } from "@std/assert";
import { violationsOf, type Written } from "./history.ts";

/** A history of lines such as "a1 1": owner, token and sequence; the commits are 10, 11, and so on, as are the ids. */
function historyOf(...lines: string[]): Written[] {
  return lines.map((line, index) => {
    const [, owner, token, seq] = /^(\w)(\d) (\d)$/.exec(line)!;
    return { owner, token, seq: Number(seq), id: String(10 + index), versionstamp: String(10 + index) };
  });
}

/** The same history with the id of the first write everywhere, as when a client sends it again and again. */
function resent(lines: Written[]): Written[] {
  return lines.map((line) => ({ ...line, id: lines[0].id }));
}

const grid: [name: string, lines: Written[], tokens: string[], expected: string[]][] = [
  ["nothing", [], [], []],
  ["one owner", historyOf("a1 1", "a1 2", "a1 3"), ["1"], []],
  ["one owner after the other", historyOf("a1 1", "a1 2", "b2 1", "a3 1", "a3 2"), ["1", "2", "3"], []],
  ["a former owner that comes back", historyOf("a1 1", "b2 1", "a1 2"), ["1"], [
    "line 2 of a under 1 comes behind token 2",
    "line 2 of a under 1 stands where line 1 should be",
  ]],
  ["a token with two owners", historyOf("a1 1", "b1 2"), ["1"], ["line 2 of b under 1 bears the token of a"]],
  ["a line twice", historyOf("a1 1", "a1 1"), ["1"], ["line 1 of a under 1 stands where line 2 should be"]],
  ["a line that was sent twice", resent(historyOf("a1 1", "a1 1")), ["1"], []],
  ["a line that was sent again after a newer claim", resent(historyOf("a0 1", "a0 1")), ["0", "105"], [
    "line 1 of a under 0 was written after the claim 105",
  ]],
  ["a line that is missing", historyOf("a1 1", "a1 3"), ["1"], ["line 3 of a under 1 stands where line 2 should be"]],
  ["a first line that is missing", historyOf("a1 2"), ["1"], ["line 2 of a under 1 stands where line 1 should be"]],
  ["a line before a newer claim", historyOf("a1 1"), ["1", "11"], []],
  ["a line after a newer claim", historyOf("a0 1"), ["0", "09"], [
    "line 1 of a under 0 was written after the claim 09",
  ]],
];

for (const [name, lines, tokens, expected] of grid) {
  Deno.test(`violationsOf() judges ${name}`, () => assertEquals(violationsOf(lines, tokens), expected));
}
