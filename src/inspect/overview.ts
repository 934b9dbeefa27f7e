/**
 * All instances in a few numbers, without a look at the entries: each session says in its heartbeats how many of its keys are in
 * each state.
 *
 * @module
 */

import type { ProcessSnapshotState, SupervisorSummary } from "../supervisor/snapshot.ts";
import type { InspectSettings } from "./options.ts";

/** How many keys are in each state. */
export type Counts = Readonly<Partial<Record<ProcessSnapshotState, number>>>;

/** One instance. */
export interface SessionItem {
  readonly id: string;
  readonly isSelf: boolean;
  /** How old all that is said of it is, in ms. */
  readonly heartbeatAgeMs: number;
  /** At which age it is declared dead, in ms. */
  readonly ttlMs: number;
  readonly slots: number;
  readonly revision?: string;
  readonly info?: unknown;
  /** Absent if it does not say so. */
  readonly counts?: Counts;
}

/** All instances. */
export interface Overview {
  readonly at: number;
  readonly title: string;
  /** The timeline of Deno Deploy that this instance belongs to: `DENO_TIMELINE`, if it is set and may be read. */
  readonly timeline?: string;
  /** Whether the supervisor of this instance runs. */
  readonly isRunning: boolean;
  /** How many keys are to run: those that are paused are not among them, those that are parked are. */
  readonly desired: number;
  readonly counts: Counts;
  /** How many keys are not well. */
  readonly troubles: number;
  /** Whether all instances have said how many keys they have, and every slot has an owner. */
  readonly isComplete: boolean;
  readonly sessions: readonly SessionItem[];
  /** The slots of the cluster, if there is one. */
  readonly slots?: { readonly total: number; readonly unowned: number };
  /** The last pass of this instance over the table. */
  readonly pass: SupervisorSummary["pass"] | null;
}

/** Takes the picture. */
export function overviewOf<K>({ supervisor, cluster, title, clock }: InspectSettings<K>): Overview {
  const own = supervisor?.summary(), seen = cluster?.snapshot();
  const sessions = (seen?.sessions ?? []).map((
    { id, isSelf, heartbeatAgeMs, ttlMs, slots, revision, info, counts },
  ) => ({
    id,
    isSelf,
    heartbeatAgeMs,
    ttlMs,
    slots,
    ...revision !== "" && { revision },
    ...info !== undefined && { info },
    ...toCounts(isSelf ? own?.counts : counts),
  }));
  const isSeen = sessions.some(({ isSelf }) => isSelf);
  const known = [...sessions.map(({ counts }) => counts), ...own && !isSeen ? [own.counts] : []];
  const counts = sum(known);
  const { retrying = 0, parked = 0, stuck = 0, paused = 0 } = counts;
  const unowned = seen?.slots.unowned.length ?? 0, timeline = timelineOf();
  return {
    at: clock.now(),
    title,
    ...timeline && { timeline },
    isRunning: own?.isRunning ?? false,
    desired: Object.values(counts).reduce((all, count) => all + count, 0) - paused,
    counts,
    troubles: retrying + parked + stuck,
    isComplete: unowned === 0 && known.length > 0 && known.every((each) => each !== undefined),
    sessions,
    ...seen && { slots: { total: seen.slots.total, unowned } },
    pass: own?.pass ?? null,
  };
}

/** A program without the right to read it is not asked for that right. */
function timelineOf(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "DENO_TIMELINE" });
  return state === "granted" ? Deno.env.get("DENO_TIMELINE") : undefined;
}

function toCounts(counts: Counts | undefined): { readonly counts?: Counts } {
  return counts === undefined ? {} : { counts };
}

function sum(all: readonly (Counts | undefined)[]): Counts {
  const total: Partial<Record<ProcessSnapshotState, number>> = {};
  for (const [state, count] of all.flatMap((counts) => Object.entries(counts ?? {}))) {
    total[state as ProcessSnapshotState] = (total[state as ProcessSnapshotState] ?? 0) + count;
  }
  return total;
}
