/**
 * How a big fleet behaves: at rest, at a cold start, and when half of it is lost; and what follows for a bigger table.
 *
 * @module
 */

import { maxTimerMs } from "../../../src/clock.ts";
import { rowSize } from "../cost/instance.ts";
import { monthMs, sweepMs } from "../cost/measures.ts";
import { VirtualFleet } from "../cost/virtual_fleet.ts";

/** How big a fleet is. */
export interface Size {
  readonly instances: number;
  readonly entries: number;
}

/** What all of a fleet together does, and how long it takes. The work of the machines takes no time in it. */
export interface FleetFigures extends Size {
  /** Writes of heartbeats in a second. */
  readonly beatsPerSecond: number;
  /** Listings of sessions and claims in a second, at rest. */
  readonly listingsPerSecond: number;
  /** Units of reads in 30 days, sweeps of the table left out. */
  readonly readsPerMonth: number;
  /** Units of writes in 30 days. */
  readonly writesPerMonth: number;
  /** How long after the start of all instances at once every process runs, in ms. */
  readonly coldStartMs: number;
  /** How long after half of the instances were killed every process runs, in ms. */
  readonly lostHalfMs: number;
}

/** What one instance does with a table on a file, in real time. */
export interface ListingFigures {
  readonly entries: number;
  /** How long it takes until all processes run, and the longest time that the event loop stood still, in ms. */
  readonly restoreMs: number;
  readonly restoreGapMs: number;
  /** The same for a pass over the table while all run. */
  readonly passMs: number;
  readonly passGapMs: number;
}

/** What a fleet pays and takes with another number of entries. */
export interface Prognosis {
  readonly entries: number;
  /** Units of reads in 30 days of the whole fleet, and how many of them the sweeps are. */
  readonly readsPerMonth: number;
  readonly sweepReadsPerMonth: number;
  /** How long a fleet takes to be whole after a cold start and after losing half of it, with a pass over the table on a file, in ms. */
  readonly coldStartMs: number;
  readonly lostHalfMs: number;
}

const readUnit = 4_096;
/** How long a fleet that has just become whole is left alone, and then watched at rest, in ms. */
const settleMs = 60_000;
const restMs = 60_000;
/** How far apart the looks at a fleet are, in ms. */
const stepMs = 200;
/** How long a fleet may take to be whole, in ms. */
const patienceMs = 120_000;

/** Measures a fleet in virtual time. Its sweeps are left out. */
export async function measureFleet({ instances, entries }: Size): Promise<FleetFigures> {
  const options = { entries, isClustered: true, isRemote: true, pace: { intervalMs: maxTimerMs } };
  await using fleet = await VirtualFleet.open(options);
  for (let i = 0; i < instances; i++) fleet.join();
  const coldStartMs = await untilWhole(fleet, entries);
  await fleet.pass(settleMs);
  const before = fleet.units;
  await fleet.pass(restMs);
  const { reads, writes, calls } = fleet.units;
  const perSecond = (count: number) => count / (restMs / 1_000);
  const perMonth = (units: number) => units * monthMs / restMs;
  for (const member of fleet.members.slice(instances / 2)) fleet.kill(member);
  return {
    instances,
    entries,
    beatsPerSecond: perSecond(calls.commit - before.calls.commit),
    listingsPerSecond: perSecond(calls.list - before.calls.list),
    readsPerMonth: perMonth(reads - before.reads),
    writesPerMonth: perMonth(writes - before.writes),
    coldStartMs,
    lostHalfMs: await untilWhole(fleet, entries),
  };
}

/** Calculates what another number of entries would make of a fleet. */
export function predict(fleet: FleetFigures, listing: ListingFigures, entries: number): Prognosis {
  const sweeps = monthMs / sweepMs;
  const sweepReadsPerMonth = fleet.instances * sweeps * Math.ceil(entries * rowSize / readUnit);
  const passMs = (listing.restoreMs) * entries / listing.entries;
  return {
    entries,
    readsPerMonth: fleet.readsPerMonth + sweepReadsPerMonth,
    sweepReadsPerMonth,
    coldStartMs: fleet.coldStartMs + passMs,
    lostHalfMs: fleet.lostHalfMs + passMs,
  };
}

async function untilWhole(fleet: VirtualFleet, entries: number): Promise<number> {
  const sinceMs = fleet.nowMs;
  while (fleet.running !== entries) {
    const tookMs = fleet.nowMs - sinceMs;
    if (tookMs > patienceMs) throw new Error(`${fleet.running} of ${entries} processes run after ${tookMs} ms`);
    await fleet.pass(stepMs);
  }
  return fleet.nowMs - sinceMs;
}
