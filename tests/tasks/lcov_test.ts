import { assertEquals } from "@std/assert";
import { percentOf, readLcov } from "./lcov.ts";

const report = `SF:/repo/src/a.ts
FNF:0
DA:1,4
DA:2,0
DA:3,1
LH:2
LF:3
end_of_record
SF:/repo/src/b.ts
DA:7,1
end_of_record
`;

Deno.test("readLcov() tells lines that ran from lines that did not", () => {
  assertEquals(readLcov(report), [
    { path: "/repo/src/a.ts", lines: 3, hit: 2, missed: [2] },
    { path: "/repo/src/b.ts", lines: 1, hit: 1, missed: [] },
  ]);
});

Deno.test("percentOf() weighs files by their lines", () => {
  assertEquals(percentOf(readLcov(report)), 75);
});

Deno.test("percentOf() is 0 when nothing was measured", () => {
  assertEquals(percentOf(readLcov("")), 0);
});
