/**
 * What is measured of a fleet in virtual time: its cost at rest, and that of changes, crashes, joins and leaves.
 *
 * @module
 */

import { maxTimerMs } from "../../../src/clock.ts";
import type { Units } from "../units.ts";
import type { Pace } from "./instance.ts";
import { type FleetOptions, type Member, VirtualFleet } from "./virtual_fleet.ts";

/** A fleet to be measured. */
export interface Scene {
  readonly entries: number;
  /** How many instances the cluster has; 0 is one instance without a cluster. */
  readonly instances: number;
  readonly isRemote: boolean;
  readonly pace?: Pace;
  /** How many entries are in trouble: half of them are tried again and again, half are parked. */
  readonly ailing?: number;
}

/** Units of reads, of watches as if they were reads, and of writes. */
export type Cost = Pick<Units, "reads" | "watched" | "writes">;

/** What happens to a fleet, and what all of it together pays for that, beside what it pays at rest. */
export interface Events {
  /** An entry is written by another program; what that pays is in it. */
  readonly change: Cost;
  /** A process crashes and starts again. */
  readonly crash: Cost;
  /** The last instance joins; alone, it starts. */
  readonly join: Cost;
  /** An instance leaves, and others take its keys over. */
  readonly leave: Cost;
  /** Reads of the joining instance alone. */
  readonly joinerReads: number;
  /** Reads of the last one, when all others leave at once; `undefined` if there are less than three instances. */
  readonly survivorReads: number | undefined;
  /** Reads of a listing of the whole table. */
  readonly tableReads: number;
}

/** How often a table is swept unless the pace says otherwise: the slowest timer of the library. */
export const sweepMs = 900_000;

/** How long a fleet is watched after something has happened, in ms: long enough for the hand-overs. */
const windowMs = 60_000;

/** How many entries change and how many processes crash in a window, and how far from each other, in ms. */
const repetitions = 20;
const distanceMs = 2_900;

/** What bills are made for: 30 days. */
export const monthMs = 30 * 24 * 3_600_000;

/** Returns how long an instance of that pace goes from one pass over the whole table to the next, in ms. */
export function periodMsOf({ intervalMs = sweepMs }: Pace = {}): number {
  return intervalMs;
}

/**
 * Measures a fleet at rest.
 *
 * @param periods How many passes over the whole table each instance makes meanwhile.
 * @returns What one of its instances pays in 30 days.
 */
export async function measureRest(scene: Scene, periods: number): Promise<Cost> {
  const restMs = periods * periodMsOf(scene.pace);
  await using fleet = await VirtualFleet.open(fleetOptions(scene, scene.pace ?? {}));
  for (let i = 0; i < Math.max(scene.instances, 1); i++) fleet.join();
  await fleet.pass(settleMs(scene));
  assertAllRun(fleet, scene);
  const cost = await costOf(() => fleet.units, () => fleet.pass(restMs));
  return scale(cost, monthMs / restMs / fleet.members.length);
}

/** Measures what happens to a fleet, in which no instance makes a pass just because it is time. */
export async function measureEvents(scene: Scene): Promise<Events> {
  const pace = { ...scene.pace, intervalMs: maxTimerMs };
  await using fleet = await VirtualFleet.open(fleetOptions(scene, pace));
  const tableReads = await fleet.listTable();
  for (let i = 1; i < scene.instances; i++) fleet.join();
  await fleet.pass(settleMs(scene));

  const units = () => fleet.units;
  const joining = await costOf(units, () => {
    fleet.join();
    return fleet.pass(windowMs);
  });
  const joiner = fleet.members[fleet.members.length - 1];
  const joined = joiner.kv.units;
  assertAllRun(fleet, scene);
  const rest = await costOf(units, () => fleet.pass(windowMs));
  const joinerReads = joined.reads - (joiner.kv.units.reads - joined.reads);

  const changing = await costOf(units, () => repeat(fleet, (index) => fleet.change(index)));
  const crashing = await costOf(units, () => repeat(fleet, (index) => fleet.crash(index)));
  assertAllRun(fleet, scene);
  const leave = await leaveOf(fleet, fleet.members.slice(0, 1), units);
  return {
    change: scale(less(changing, rest), 1 / repetitions),
    crash: scale(less(crashing, rest), 1 / repetitions),
    join: less(joining, rest),
    leave,
    joinerReads,
    survivorReads: scene.instances < 3
      ? undefined
      : (await leaveOf(fleet, fleet.members.slice(1, -1), () => joiner.kv.units)).reads,
    tableReads,
  };
}

/** How long changes take to run, from their acknowledgement, in ms. */
export interface Latency {
  readonly medianMs: number;
  readonly p95Ms: number;
}

/** Sums up how long changes took, in ms. */
export function latencyOf(durationsMs: readonly number[]): Latency {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1];
  return { medianMs: at(0.5), p95Ms: at(0.95) };
}

/** Measures how long changes take in a fleet of three, on a remote database that takes so long for each call. */
export async function measureRemoteLatency(callMs: number): Promise<Latency> {
  const scene = { entries: 100, instances: 3, isRemote: true };
  await using fleet = await VirtualFleet.open({ ...fleetOptions(scene, {}), callMs });
  for (let i = 0; i < scene.instances; i++) fleet.join();
  await fleet.pass(settleMs(scene));
  assertAllRun(fleet, scene);
  const durationsMs: number[] = [];
  for (let index = 0; index < repetitions; index++) {
    durationsMs.push(await fleet.changeUntilRunning(index));
    await fleet.pass(distanceMs);
  }
  return latencyOf(durationsMs);
}

/** Measures what it costs that instances leave. What follows in the next window is rest. */
async function leaveOf(fleet: VirtualFleet, members: readonly Member[], units: () => Units): Promise<Cost> {
  const leaving = await costOf(units, () => {
    for (const { leave } of members) leave();
    return fleet.pass(windowMs);
  });
  return less(leaving, await costOf(units, () => fleet.pass(windowMs)));
}

async function repeat(fleet: VirtualFleet, act: (index: number) => void | Promise<void>): Promise<void> {
  for (let index = 0; index < repetitions; index++) {
    await act(index);
    await fleet.pass(distanceMs);
  }
  await fleet.pass(windowMs - repetitions * distanceMs);
}

async function costOf(units: () => Units, act: () => Promise<void>): Promise<Cost> {
  const before = units();
  await act();
  return less(units(), before);
}

function less(one: Cost, other: Cost): Cost {
  return {
    reads: one.reads - other.reads,
    watched: one.watched - other.watched,
    writes: one.writes - other.writes,
  };
}

function scale({ reads, watched, writes }: Cost, factor: number): Cost {
  return { reads: reads * factor, watched: watched * factor, writes: writes * factor };
}

function fleetOptions({ entries, instances, isRemote, ailing }: Scene, pace: Pace): FleetOptions {
  return { entries, isClustered: instances > 0, isRemote, pace, ailing };
}

/** How long a fleet that has just started hands over, in ms. */
function settleMs({ pace }: Scene): number {
  return Math.max(60_000, 12 * (pace?.heartbeatMs ?? 0));
}

function assertAllRun(fleet: VirtualFleet, { entries, ailing = 0 }: Scene): void {
  const expected = entries - ailing;
  if (fleet.running === expected) return;
  throw new Error(`Cannot trust what was counted: ${fleet.running} of ${expected} processes run`);
}
