import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseFlags } from "./flags.ts";
import { probe, read, shown, value, versus } from "./group.ts";
import { type Figure, judge, median, renderTable } from "./report.ts";
import type { Probe } from "./rounds.ts";
import type { Measures } from "./subjects/subject.ts";

const ours = probe("ours", "mass", 100_000);
const floor = probe("floor", "mass", 100_000);

function figure(by: Figure["by"], atMost?: number): Figure {
  return versus("start", read(ours, "startUs"), [{ name: "floor-map", from: floor, atMost }], by)[0];
}

function found(mine: number[], others: number[]): ReadonlyMap<Probe, readonly Measures[]> {
  const measures = (values: number[]) => values.map((startUs) => ({ startUs }));
  return new Map([[ours, measures(mine)], [floor, measures(others)]]);
}

for (
  const { values, expected } of [
    { values: [], expected: NaN },
    { values: [3], expected: 3 },
    { values: [9, 1, 4], expected: 4 },
    { values: [9, 1, 4, 5], expected: 4.5 },
  ]
) {
  Deno.test(`median() of [${values}] is ${expected}`, () => {
    assertEquals(median(values), expected);
  });
}

Deno.test("median() leaves its list as it is", () => {
  const values = [3, 1, 2];
  median(values);
  assertEquals(values, [3, 1, 2]);
});

Deno.test("judge() takes the median of the ratios of the rounds, not the ratio of the medians", () => {
  const verdict = judge(figure("ratio"), found([10, 2, 3], [10, 1, 1]));
  assertEquals([verdict?.ours, verdict?.other, verdict?.result], [3, 1, 2]);
  assertEquals([verdict?.min, verdict?.max], [1, 3]);
});

for (
  const { by, atMost, isMet } of [
    { by: "ratio", atMost: 1.5, isMet: true },
    { by: "ratio", atMost: 1.49, isMet: false },
    { by: "difference", atMost: 1, isMet: true },
    { by: "difference", atMost: 0.9, isMet: false },
    { by: "value", atMost: 3, isMet: true },
    { by: "value", atMost: 2.9, isMet: false },
    { by: "value", atMost: undefined, isMet: undefined },
  ] as const
) {
  Deno.test(`judge() holds 3 against 2 by ${by} and a target of ${atMost}: ${isMet}`, () => {
    assertEquals(judge(figure(by, atMost), found([3], [2]))?.isMet, isMet);
  });
}

Deno.test("judge() says nothing about what was not measured", () => {
  assertEquals(judge(figure("ratio"), new Map([[ours, [{ startUs: 1 }]]])), undefined);
});

Deno.test("judge() meets no target with a measure that is missing", () => {
  const verdict = judge(figure("ratio", 1.5), new Map([[ours, [{}]], [floor, [{ startUs: 1 }]]]));
  assertEquals(verdict?.isMet, false);
});

Deno.test("renderTable() shows a row per verdict, with units, the spread, the target and whether it is met", () => {
  const met = judge(figure("ratio", 1.5), found([2.5, 3], [2, 2]))!;
  const missed = judge(value("heap left", read(ours, "leftB"), 16), new Map([[ours, [{ leftB: 1_234.5 }]]]))!;
  assertEquals(renderTable([met, missed]).split("\n"), [
    "| figure | size | ours | other | ratio (min..max) | target | met |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    "| start | 100 k | 2.75 us | 2 us floor-map | 1.38 (1.25..1.5) | <= 1.5 | yes |",
    "| heap left | 100 k | 1 235 B | - | 1 235 B (1 235 B..1 235 B) | <= 16 B | **no** |",
  ]);
});

Deno.test("renderTable() leaves the target out of what is for information", () => {
  assertStringIncludes(renderTable([judge(figure("ratio"), found([2], [1]))!]), "| 2 (2..2) | - | - |");
});

Deno.test("probe() is the same for the same, so that it is made once a round", () => {
  assertEquals(probe("ours", "mass", 100_000) === ours, true);
  assertEquals(probe("ours", "mass", 10_000) === ours, false);
});

for (const { size, text } of [{ size: 1, text: "1" }, { size: 10_000, text: "10 k" }, { size: 1e6, text: "1 M" }]) {
  Deno.test(`shown() writes ${size} as ${text}`, () => {
    assertEquals(shown(size), text);
  });
}

Deno.test("parseFlags() reads switches and values", () => {
  const flags = parseFlags(["--quick", "--rounds", "3"], ["quick"], ["rounds"]);
  assertEquals([...flags], [["quick", ""], ["rounds", "3"]]);
});

for (const args of [["--slow"], ["--rounds"]]) {
  Deno.test(`parseFlags() refuses ${args}`, () => {
    assertThrows(() => parseFlags(args, ["quick"], ["rounds"]), TypeError, `Cannot use the flag ${args[0]}`);
  });
}
