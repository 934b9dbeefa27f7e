/**
 * All instances in a few numbers, without a look at the entries: each session says in its heartbeats how many of its keys are in
 * each state.
 *
 * @module
 */

import type { InspectSettings } from "./options.ts";

type Counts = Readonly<Record<string, number | undefined>>;

/** Takes the picture. */
export function overviewOf<K>({ supervisor, cluster, title, clock, isShared }: InspectSettings<K>): object {
  const own = supervisor?.summary(), seen = cluster?.snapshot();
  const ownCounts: Counts | undefined = own?.counts;
  const sessions = (seen?.sessions ?? []).map((each) => own && each.isSelf ? { ...each, counts: ownCounts } : each);
  const known = sessions.map(({ counts }) => counts);
  if (own && !sessions.some(({ isSelf }) => isSelf)) known.push(ownCounts);
  const counts: Record<string, number> = {};
  for (const [state, count = 0] of known.flatMap((each) => Object.entries(each ?? {}))) {
    counts[state] = (counts[state] ?? 0) + count;
  }
  const { retrying = 0, parked = 0, stuck = 0, paused = 0 } = counts;
  const unowned = seen?.slots.unowned.length ?? 0;
  return {
    at: clock.now(),
    title,
    timeline: timelineOf(),
    isRunning: own?.isRunning ?? false,
    desired: Object.values(counts).reduce((all, count) => all + count, 0) - paused,
    counts,
    troubles: retrying + parked + stuck,
    isComplete: unowned === 0 && known.length > 0 && known.every((each) => each !== undefined) &&
      (!isShared || sessions.length > 0),
    sessions,
    slots: seen && { total: seen.slots.total, unowned },
    pass: own?.pass ?? null,
  };
}

/** A program without the right to read it is not asked for that right. */
function timelineOf(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "DENO_TIMELINE" });
  return state === "granted" ? Deno.env.get("DENO_TIMELINE") : undefined;
}
