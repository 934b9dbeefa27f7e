/**
 * What is counted by looking: processes, slots and sessions as they are now.
 *
 * @module
 */

import type { ClusterSnapshot } from "../cluster/snapshot.ts";
import type { ProcessSnapshotState, SupervisorSummary } from "../supervisor/snapshot.ts";
import { processCount, processDesired, sessionCount, slotCount, type Take } from "./catalog.ts";

/** Every state, so that each one is there each time. */
export const states: readonly ProcessSnapshotState[] = [
  "queued",
  "starting",
  "running",
  "stopping",
  "stuck",
  "retrying",
  "parked",
  "resting",
  "paused",
];

/** What can be looked at. */
export interface Looked {
  readonly supervisor: { summary(): SupervisorSummary };
  readonly cluster?: { snapshot(): ClusterSnapshot };
}

/** Looks at the instances in one program, and tells the sums of what is there: every state each time. */
export function takeFigures(looked: readonly Looked[], take: Take): void {
  const counts = looked.map(({ supervisor }) => supervisor.summary().counts);
  const snapshots = looked.flatMap(({ cluster }) => cluster ? [cluster.snapshot()] : []);
  let desired = 0;
  for (const state of states) {
    const count = sumOf(counts, (each) => each[state] ?? 0);
    if (state !== "paused") desired += count;
    take(processCount, count, { state });
  }
  take(processDesired, desired);
  if (snapshots.length === 0) return;
  const slots = (state: "owned" | "handingOver" | "unowned") => sumOf(snapshots, (each) => each.slots[state].length);
  take(slotCount, slots("owned") - slots("handingOver"), { state: "owned" });
  take(slotCount, slots("handingOver"), { state: "handing_over" });
  take(slotCount, slots("unowned"), { state: "unowned" });
  take(sessionCount, sumOf(snapshots, ({ sessions }) => sessions.length));
}

function sumOf<T>(all: readonly T[], count: (each: T) => number): number {
  return all.reduce((total, each) => total + count(each), 0);
}
