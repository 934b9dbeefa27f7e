/**
 * The figures of a big fleet as a Markdown table. Pure.
 *
 * @module
 */

import type { FleetFigures, ListingFigures, Prognosis } from "./measures.ts";

/** Shows what was measured and what was calculated from that. */
export function renderScale(fleet: FleetFigures, listing: ListingFigures, prognoses: readonly Prognosis[]): string {
  const { instances, entries, beatsPerSecond, listingsPerSecond, readsPerMonth, writesPerMonth } = fleet;
  const sweeps = prognoses.map((each) =>
    `| ${
      [
        whole(each.entries),
        millions(each.readsPerMonth),
        millions(each.sweepReadsPerMonth),
        millions(writesPerMonth),
        seconds(each.coldStartMs),
        seconds(each.lostHalfMs),
      ].join(" | ")
    } |`
  );
  return `## ${instances} instances, a remote database, default heartbeats

Measured in virtual time with ${whole(entries)} entries, where the work of machines takes no time: ${
    beatsPerSecond.toFixed(1)
  } heartbeats and ${listingsPerSecond.toFixed(1)}
listings of sessions a second in all, ${millions(readsPerMonth)} M units of reads and ${
    millions(writesPerMonth)
  } M of writes a month without sweeps;
every process runs ${seconds(fleet.coldStartMs)} s after all instances have started at once, and ${
    seconds(fleet.lostHalfMs)
  } s after half of them were killed.

One instance with ${whole(listing.entries)} entries on a file, in real time: all processes run after ${
    seconds(listing.restoreMs)
  } s, the event loop stands
still for ${listing.restoreGapMs.toFixed(0)} ms at most; a pass while all run takes ${
    seconds(listing.passMs)
  } s, with ${listing.passGapMs.toFixed(0)} ms at most.

Calculated for the whole fleet, from both: a sweep of each instance every 15 minutes, and a pass over the table on a file before
the last process runs.

| entries | M reads a month | of these sweeps | M writes a month | whole after a cold start, s | whole after half is lost, s |
| --- | --- | --- | --- | --- | --- |
${sweeps.join("\n")}
`;
}

function whole(count: number): string {
  return count.toLocaleString("en-US").replaceAll(",", " ");
}

function millions(units: number): string {
  return (units / 1e6).toFixed(1);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
