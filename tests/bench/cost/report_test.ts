import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Cost, Events, Scene } from "./measures.ts";
import {
  type Measured,
  pageTargets,
  renderComparisons,
  renderEvents,
  renderRest,
  renderTargets,
  slowPace,
  speedTargets,
  targetsOf,
} from "./report.ts";

const nothing: Cost = { reads: 0, watched: 0, writes: 0 };

function measured(scene: Partial<Scene>, rest: Partial<Cost>, events?: Partial<Events>): Measured {
  return {
    scene: { entries: 100, instances: 0, isRemote: true, ...scene },
    periods: 2,
    hasEvents: events !== undefined,
    rest: { ...nothing, ...rest },
    events: events && {
      change: nothing,
      crash: nothing,
      join: nothing,
      leave: nothing,
      joinerReads: 0,
      survivorReads: undefined,
      tableReads: 1,
      ...events,
    },
  };
}

function rowsOf(table: string): string[] {
  return table.split("\n").slice(2);
}

Deno.test("renderRest() shows reads with and without watches", () => {
  const table = renderRest([
    measured({ entries: 10_000 }, { reads: 12_960_000, watched: 40_000 }),
    measured({ instances: 3, isRemote: false, pace: slowPace }, { writes: 43_200 }),
  ]);
  assertEquals(rowsOf(table), [
    "| 10 000 | no cluster | remote | - | 12.96 M | 0.04 M | 13.00 M | 0 | 2 |",
    "| 100 | one of 3 | file | 60 s | 0 | 0 | 0 | 0.04 M | 2 |",
  ]);
});

Deno.test("renderEvents() shows units of the fleet, and listings of the table that one instance reads", () => {
  const change = { reads: 3.5, watched: 1, writes: 3 };
  const join = { reads: 2_028, watched: 209, writes: 210 };
  const table = renderEvents([
    measured({ instances: 3 }, {}, { change, join, joinerReads: 1_900, survivorReads: 760, tableReads: 380 }),
    measured({ entries: 100_000 }, {}),
  ]);
  assertEquals(rowsOf(table), [
    "| 100 | one of 3 | remote | 5 s | 3.5 / 1 / 3 | 0 / 0 / 0 | 2 028 / 209 / 210 | 0 / 0 / 0 " +
    "| 1 900 (5 x table) | 760 (2 x table) |",
  ]);
});

Deno.test("targetsOf() takes watches for reads, and the whole fleet where that has the target", () => {
  const targets = targetsOf([
    measured({}, { reads: 100_000, watched: 50_000 }),
    measured({ isRemote: false }, { reads: 1 }),
    measured({ instances: 3 }, { reads: 2, writes: 3 }),
    measured({ instances: 3, pace: slowPace }, { reads: 10, writes: 20 }),
    measured({ instances: 3, entries: 10_000 }, {}, { joinerReads: 70, survivorReads: 30, tableReads: 10 }),
  ]);
  assertEquals(targets.map(({ value }) => value), [150_000, undefined, 2, 3, 30, 60, 7, 3, undefined, undefined]);
});

Deno.test("renderTargets() tells a target that is met from one that is missed, and from one that was not measured", () => {
  const [met, missed, unknown] = [150_000, 150_001, undefined].map((value) => {
    return { figure: "reads", value, atMost: 150_000, unit: "M" as const };
  });
  assertEquals(rowsOf(renderTargets([met, missed, unknown])), [
    "| reads | 0.15 M | <= 0.15 M | met |",
    "| reads | 0.15 M | <= 0.15 M | **missed** |",
    "| reads | - | <= 0.15 M | - |",
  ]);
});

Deno.test("speedTargets() gives a change on a remote database two and a half calls, and shows each figure in its unit", () => {
  const latency = { remote: { medianMs: 100, p95Ms: 136 }, file: { medianMs: 93.4, p95Ms: 250 } };
  assertEquals(rowsOf(renderTargets(speedTargets({ latency, callMs: 50, cpuShare: 0.004_12 }))), [
    "| a change runs after its acknowledgement, file, median | 93.4 ms | <= 150 ms | met |",
    "| the same, 95th percentile | 250 ms | <= 250 ms | met |",
    "| a change runs after its acknowledgement, remote at 50 ms a call, 95th percentile | 136 ms | <= 135 ms | **missed** |",
    "| core that an instance at rest takes, file, 10 000 processes | 0.41 % | <= 0.5 % | met |",
  ]);
  assertEquals(speedTargets({ latency, callMs: 50, cpuShare: undefined })[3].value, undefined);
});

Deno.test("pageTargets() bounds what a page costs that is open, hidden or closed, and says what was not measured", () => {
  const rows = rowsOf(renderTargets(pageTargets({ closed: 0, opened: 30.4, hidden: 1 })));
  assertEquals(rows.map((row) => row.split(" | ").slice(1).join(" ")), [
    "30.4 <= 30 **missed** |",
    "1 <= 0 **missed** |",
    "0 <= 0 met |",
  ]);
  assertEquals(pageTargets(undefined).map(({ value }) => value), [undefined, undefined, undefined]);
});

for (const { real, isClose } of [{ real: 0.91e6, isClose: true }, { real: 1.11e6, isClose: false }]) {
  Deno.test(`renderComparisons() says whether ${real} is within 10 % of 1 000 000: ${isClose}`, () => {
    const table = renderComparisons([{ figure: "reads", real, virtual: 1e6 }]);
    assertStringIncludes(table, isClose ? "| yes |" : "| **no** |");
  });
}
