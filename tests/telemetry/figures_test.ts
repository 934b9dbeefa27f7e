import { assertEquals } from "@std/assert";
import type { ClusterSnapshot } from "@pact/supervisor/cluster";
import { type Looked, takeFigures } from "../../src/telemetry/figures.ts";

function looked(counts: Record<string, number>, slots?: Partial<ClusterSnapshot["slots"]>): Looked {
  const all = { total: 8, owned: [], handingOver: [], unowned: [], ...slots };
  const snapshot = { at: 0, state: "member", session: "a", sessions: [], slots: all } as const;
  return {
    supervisor: { summary: () => ({ at: 0, isRunning: true, counts }) },
    ...slots && { cluster: { snapshot: () => snapshot } },
  };
}

function figures(...all: Looked[]): Record<string, number> {
  const values: Record<string, number> = {};
  takeFigures(all, ({ name }, value, labels = {}) => {
    if (value > 0) values[[name.slice("supervisor.".length), ...Object.values(labels)].join(" ")] = value;
  });
  return values;
}

Deno.test("takeFigures() counts each slot in one state only", () => {
  assertEquals(figures(looked({}, { owned: [1, 2, 3, 4], handingOver: [3], unowned: [7, 8] })), {
    "cluster.slot.count owned": 3,
    "cluster.slot.count handing_over": 1,
    "cluster.slot.count unowned": 2,
  });
});

Deno.test("takeFigures() adds instances up, and tells nothing of a cluster that is not there", () => {
  assertEquals(figures(looked({ running: 2, paused: 1 }), looked({ running: 3, parked: 1 })), {
    "process.count running": 5,
    "process.count paused": 1,
    "process.count parked": 1,
    "process.desired": 6,
  });
});
