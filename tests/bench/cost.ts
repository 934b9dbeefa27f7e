/**
 * Measures what programs cost at the database, and prints Markdown tables: units a month at rest, units for a change, a crash,
 * a join and a leave, and the targets beside them. A missed target is said and fails nothing.
 *
 * Fleets live in virtual time on a database in memory; one of them is measured in OS processes on a file too, which shows that
 * virtual time can be trusted.
 *
 * Usage: `deno task cost [--quick]`
 *
 * @module
 */

import { rowSize } from "./cost/instance.ts";
import { measureRemoteLatency, measureRest, sweepMs } from "./cost/measures.ts";
import { measureRealCpu, measureRealLatency, measureRealRest } from "./cost/processes.ts";
import {
  type Assignment,
  type Comparison,
  type Measured,
  pageTargets,
  renderComparisons,
  renderEvents,
  renderRest,
  renderTargets,
  slowPace,
  speedTargets,
  targetsOf,
} from "./cost/report.ts";
import { closeBrowser, hasBrowser } from "../inspect/browser.ts";
import { measurePage } from "../inspect/page_cost.ts";
import { parseFlags } from "./flags.ts";

/** How fast the OS processes look and beat: two periods of their slowest timer take 20 s. */
const fastPace = { intervalMs: 10_000, heartbeatMs: 1_000, ttlMs: 3_000 };
const realScene = { entries: 300, instances: 3, pace: fastPace, settleMs: 8_000 };
const realMs = 2 * fastPace.intervalMs;

/** How long a call to the remote database takes whose changes are timed, in ms. */
const callMs = 50;

/** An instance whose share of a core is measured, and for how long, in ms: long after its start-up has left garbage behind. */
const busyScene = { entries: 10_000, instances: 1, pace: {}, settleMs: 60_000 };
const idleMs = 60_000;

const isFull = !parseFlags(Deno.args, ["quick"], []).has("quick");
const beganAt = performance.now();
const latency = {
  remote: await measureRemoteLatency(callMs),
  file: await measureRealLatency({ ...realScene, pace: {}, settleMs: 15_000 }),
};
const page = hasBrowser()
  ? await measurePage({ entries: 10_000, ailing: 50, minutes: 10 }).finally(closeBrowser)
  : undefined;
const [cpuShare, comparisons, measured] = await Promise.all([
  isFull ? measureRealCpu(busyScene, idleMs) : undefined,
  compareWithReal(),
  measureAll(makeAssignments()),
]);
console.log(report(measured, comparisons));

/** With 100 000 entries not everything is measured, nor for as long: it would take too much time. */
function makeAssignments(): Assignment[] {
  const grid: Assignment[] = [100, 10_000].flatMap((entries) =>
    [0, 1, 3, 16].flatMap((instances) =>
      [true, false].map((isRemote) => ({ scene: { entries, instances, isRemote }, periods: 1, hasEvents: true }))
    )
  );
  const slow = { scene: { entries: 100, instances: 3, isRemote: true, pace: slowPace }, periods: 4, hasEvents: false };
  const troubled = [100, 10_000].map((entries) => (
    { scene: { entries, instances: 0, isRemote: true, ailing: entries / 10 }, periods: 1, hasEvents: false }
  ));
  const huge = [0, 1, 3, 16].map((instances) => ({
    scene: { entries: 100_000, instances, isRemote: true },
    periods: 1,
    hasEvents: instances === 3, // what the targets are about
  }));
  return [...grid, ...isFull ? huge : [], slow, ...troubled];
}

/** Measures everything on all cores, the biggest fleets first. */
async function measureAll(assignments: readonly Assignment[]): Promise<Measured[]> {
  const sizeOf = ({ scene: { entries, instances } }: Assignment) => entries * Math.max(instances, 1);
  const open = assignments.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const found = new Map<Assignment, Measured>();
  const work = async () => {
    const worker = new Worker(new URL("./cost/worker.ts", import.meta.url), { type: "module" });
    for (let next = open.shift(); next; next = open.shift()) found.set(next, await ask(worker, next));
    worker.terminate();
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return assignments.flatMap((each) => found.get(each) ?? []);
}

function ask(worker: Worker, assignment: Assignment): Promise<Measured> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Measured>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(assignment);
  });
}

/** Measures the same fleet in OS processes and in virtual time. */
async function compareWithReal(): Promise<Comparison[]> {
  const real = await measureRealRest(realScene, realMs);
  const { entries, instances } = realScene;
  const scene = { entries, instances, isRemote: false, pace: fastPace };
  const virtual = await measureRest(scene, 2);
  return (["reads", "writes"] as const).map((name) => ({
    figure: `${name} a month of one of ${instances} on a file, ${entries} entries, 1 s heartbeats, passes each 10 s`,
    real: real[name],
    virtual: virtual[name],
  }));
}

function report(measured: readonly Measured[], comparisons: readonly Comparison[]): string {
  const seconds = ((performance.now() - beganAt) / 1_000).toFixed(0);
  return `## Units a month at rest, of one instance

A read unit is 4 KiB, a write unit 1 KiB, a month 30 days, the row of an entry ${rowSize} bytes. How messages of watches and
checks are billed is documented nowhere: watches stand beside the reads as if each message were a read, checks count
nothing. Each fleet was watched for some periods of ${
    sweepMs / 60_000
  } minutes after it had settled: in each of them every
instance makes one pass over the whole table. With 100 000 entries on a file it was not: that would take too long.
Of the entries in trouble half fail whenever they are tried, once a minute by default, and half are parked.

${renderRest(measured)}

## Units for what happens, of the whole fleet, in reads / watches / writes

Beside what it pays at rest. A change is written by another program, with the units of that. For a join the last of the instances
joins, or the only one starts; for a leave one goes and the others take over; the last survivor is what is left when all
others go at once. What one instance reads alone is compared with a listing of the whole table.

${renderEvents(measured)}

## Targets, watches counted as reads

${renderTargets([...targetsOf(measured), ...speedTargets({ latency, callMs, cpuShare }), ...pageTargets(page)])}

## Virtual time beside OS processes

The OS processes were watched for ${realMs / 1_000} s, the virtual ones as long.

${renderComparisons(comparisons)}

It took ${seconds} s.
`;
}
