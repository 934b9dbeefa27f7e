import { assertAlmostEquals, assertEquals } from "@std/assert";
import { settled, slopeOf } from "./slope.ts";

for (
  const { values, slope } of [
    { values: [5, 5, 5, 5], slope: 0 },
    { values: [0, 2, 4, 6], slope: 0.2 },
    { values: [6, 4, 2, 0], slope: -0.2 },
    { values: [1, 3, 1, 3], slope: 0.04 },
  ]
) {
  Deno.test(`slopeOf() of [${values}] every 10 units is ${slope}`, () => {
    assertAlmostEquals(slopeOf(values.map((value, i) => ({ at: i * 10, value }))), slope);
  });
}

Deno.test("settled() leaves the first share of the samples out", () => {
  const samples = [1, 2, 3, 4, 5].map((at) => ({ at, value: 0 }));
  assertEquals(settled(samples, 0.4).map(({ at }) => at), [3, 4, 5]);
});
