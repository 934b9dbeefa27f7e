/**
 * From measured costs to Markdown tables. Pure.
 *
 * @module
 */

import type { PageCost } from "../../inspect/page_cost.ts";
import type { Cost, Events, Latency, Scene } from "./measures.ts";

/** What is to be measured. */
export interface Assignment {
  readonly scene: Scene;
  /** How many passes of each instance it is watched for at rest. */
  readonly periods: number;
  /** Whether something happens to it, too. */
  readonly hasEvents: boolean;
}

/** What was measured of a scene. */
export interface Measured extends Assignment {
  /** What one instance pays in 30 days at rest. */
  readonly rest: Cost;
  readonly events: Events | undefined;
}

/** What a figure may be at most. */
export interface Target {
  readonly figure: string;
  readonly value: number | undefined;
  readonly atMost: number;
  /** What it is shown in; plain numbers when it is left out. */
  readonly unit?: "M" | "ms" | "%";
}

/** A figure in an OS process and in virtual time. */
export interface Comparison {
  readonly figure: string;
  readonly real: number;
  readonly virtual: number;
}

/** How far virtual time may be from the real one. */
export const maxDifference = 0.1;

/** What a fleet with a slow heartbeat beats with. */
export const slowPace = { heartbeatMs: 60_000, ttlMs: 180_000 } as const;

/** Shows what an instance pays in a month at rest. */
export function renderRest(all: readonly Measured[]): string {
  const rows = all.map(({ scene, periods, rest: { reads, watched, writes } }) => [
    ...describe(scene),
    ...[reads, watched, reads + watched, writes].map(millions),
    `${periods}`,
  ]);
  return renderTable(
    ["entries", "instances", "database", "heartbeat", "reads", "watches", "reads and watches", "writes", "periods"],
    rows,
  );
}

/** Shows what the whole fleet pays for what happens to it. */
export function renderEvents(all: readonly Measured[]): string {
  const rows = all.flatMap(({ scene, events }) => {
    if (!events) return [];
    const { change, crash, join, leave, joinerReads, survivorReads } = events;
    const costs = [change, crash, join, leave].map(({ reads, watched, writes }) =>
      [reads, watched, writes].map(units).join(" / ")
    );
    const alone = [joinerReads, survivorReads].map((reads) =>
      reads === undefined ? "-" : `${units(reads)} (${units(reads / events.tableReads)} x table)`
    );
    return [[...describe(scene), ...costs, ...alone]];
  });
  return renderTable(
    [
      "entries",
      "instances",
      "database",
      "heartbeat",
      "change",
      "crash",
      "join",
      "leave",
      "joiner alone",
      "last survivor",
    ],
    rows,
  );
}

/** Finds the figures that have a target. Watches count as reads. */
export function targetsOf(all: readonly Measured[]): Target[] {
  const find = (instances: number, entries: number, pace?: Scene["pace"]) =>
    all.find(({ scene }) =>
      scene.isRemote && scene.instances === instances && scene.entries === entries && !scene.ailing &&
      scene.pace?.heartbeatMs === pace?.heartbeatMs
    );
  const read = (rest: Cost | undefined) => rest && rest.reads + rest.watched;
  const monthly = (figure: string, value: number | undefined, atMost: number) => ({
    figure,
    value,
    atMost,
    unit: "M" as const,
  });
  const bare = "a month at rest, remote, no cluster";
  const [small, large] = [100, 10_000].map((entries) => find(0, entries)?.rest);
  const three = find(3, 100)?.rest;
  const slow = find(3, 100, slowPace)?.rest;
  const slowReads = read(slow);
  return [
    monthly(`reads ${bare}, 100 entries`, read(small), 150_000),
    monthly(`reads ${bare}, 10 000 entries`, read(large), 1_700_000),
    monthly("reads a month at rest, remote, one of 3, 100 entries", read(three), 800_000),
    monthly("writes of the same", three?.writes, 550_000),
    monthly(
      "reads a month at rest, remote, 3 in all, 60 s heartbeats",
      slowReads === undefined ? undefined : 3 * slowReads,
      450_000,
    ),
    monthly("writes of the same", slow && 3 * slow.writes, 150_000),
    ...[10_000, 100_000].flatMap((entries) => {
      const events = find(3, entries)?.events;
      const inTables = (who: string, reads: number | undefined) => ({
        figure: `reads of ${who} of 3, ${spaced(entries)} entries, in listings of the table`,
        value: reads === undefined || !events ? undefined : reads / events.tableReads,
        atMost: 2,
      });
      return [inTables("the last to join", events?.joinerReads), inTables("the last survivor", events?.survivorReads)];
    }),
  ];
}

/** How long changes take, and how busy an instance at rest is; `undefined` if that was not measured. */
export interface Speed {
  readonly latency: { readonly remote: Latency; readonly file: Latency };
  /** How long a call to the remote database takes, in ms. */
  readonly callMs: number;
  /** The share of a core. */
  readonly cpuShare: number | undefined;
}

/** Finds the targets of what is no bill. */
export function speedTargets({ latency: { remote, file }, callMs, cpuShare }: Speed): Target[] {
  const unit = "ms";
  return [
    { figure: "a change runs after its acknowledgement, file, median", value: file.medianMs, atMost: 150, unit },
    { figure: "the same, 95th percentile", value: file.p95Ms, atMost: 250, unit },
    {
      figure: `a change runs after its acknowledgement, remote at ${callMs} ms a call, 95th percentile`,
      value: remote.p95Ms,
      atMost: 2.5 * callMs + 10,
      unit,
    },
    {
      figure: "core that an instance at rest takes, file, 10 000 processes",
      value: cpuShare === undefined ? undefined : 100 * cpuShare,
      atMost: 0.5,
      unit: "%",
    },
  ];
}

/** Finds the targets of the page of inspect; `undefined` where no browser could open it. */
export function pageTargets(cost: Omit<PageCost, "named"> | undefined): Target[] {
  return [
    { figure: "read units a minute of an open page, 10 000 entries, 50 in trouble", value: cost?.opened, atMost: 30 },
    { figure: "read units of the same while it is hidden", value: cost?.hidden, atMost: 0 },
    { figure: "read units without a page", value: cost?.closed, atMost: 0 },
  ];
}

/** Shows what is measured beside its target. */
export function renderTargets(targets: readonly Target[]): string {
  const rows = targets.map(({ figure, value, atMost, unit }) => {
    const shown = (value: number) => showIn(value, unit);
    if (value === undefined) return [figure, "-", `<= ${shown(atMost)}`, "-"];
    return [figure, shown(value), `<= ${shown(atMost)}`, value <= atMost ? "met" : "**missed**"];
  });
  return renderTable(["figure", "measured", "target", ""], rows);
}

/** Shows OS processes beside virtual time. */
export function renderComparisons(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ figure, real, virtual }) => {
    const difference = real / virtual - 1;
    const isClose = Math.abs(difference) <= maxDifference;
    return [
      figure,
      millions(real),
      millions(virtual),
      `${(difference * 100).toFixed(1)} %`,
      isClose ? "yes" : "**no**",
    ];
  });
  return renderTable(["figure", "OS processes", "virtual time", "difference", `within ${maxDifference * 100} %`], rows);
}

function describe({ entries, instances, isRemote, pace, ailing = 0 }: Scene): string[] {
  const fleet = instances === 0 ? "no cluster" : `one of ${instances}`;
  const heartbeatMs = pace?.heartbeatMs ?? 5_000;
  return [
    ailing > 0 ? `${spaced(entries)}, ${spaced(ailing)} in trouble` : spaced(entries),
    fleet,
    isRemote ? "remote" : "file",
    instances === 0 ? "-" : `${heartbeatMs / 1_000} s`,
  ];
}

function showIn(value: number, unit: Target["unit"]): string {
  if (unit === "M") return millions(value);
  return unit === undefined ? units(value) : `${Number(value.toFixed(2))} ${unit}`;
}

function millions(value: number): string {
  return value === 0 ? "0" : `${(value / 1e6).toFixed(2)} M`;
}

function units(value: number): string {
  return spaced(Number(value.toFixed(Math.abs(value) < 100 ? 1 : 0)));
}

function spaced(value: number): string {
  return value.toLocaleString("en").replaceAll(",", " ");
}

function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
