/**
 * How figures are put together.
 *
 * @module
 */

import type { Figure, Reading } from "./report.ts";
import type { Probe } from "./rounds.ts";

/** Figures whose probes take turns, since they are compared with each other. */
export interface Group {
  /** What they are about. */
  readonly title: string;
  /** The rows. */
  readonly figures: readonly Figure[];
}

/** How much is measured: everything, or what fits into a minute. */
export interface Scale {
  /** Divides most sizes. */
  readonly divisor: number;
  /** Whether other libraries and runtimes are measured, and a million processes. */
  readonly isFull: boolean;
}

/** What ours is compared with. */
export interface Other {
  /** For a reader. */
  readonly name: string;
  /** What measures it. */
  readonly from: Probe;
  /** Which of its measures, when it has another name than ours. */
  readonly measure?: string;
  /** The target. */
  readonly atMost?: number;
}

/** What goes on around a measurement. */
export type Effort = Pick<Probe, "warmSize" | "times">;

const probes = new Map<string, Probe>();

/**
 * Makes a probe, or finds the one that is the same: it is made once for all figures that read it.
 *
 * @param subject Who is measured.
 * @param section At what.
 * @param size With how many.
 * @param effort With how many it warms up, and how often it measures.
 */
export function probe(subject: string, section: string, size: number, effort: Effort = usualEffort(size)): Probe {
  const made: Probe = { subject, section, size, ...effort };
  const id = JSON.stringify(made);
  const known = probes.get(id) ?? made;
  probes.set(id, known);
  return known;
}

/** The shorter a measurement the more one interruption by another program weighs, and the more often it is made. */
function usualEffort(size: number): Effort {
  const warmSize = Math.min(10_000, Math.max(Math.ceil(size / 10), Math.min(size, 1_000)));
  return { warmSize, times: size > 10_000 ? 1 : 3 };
}

/** Makes a reading. */
export function read(from: Probe, measure: string): Reading {
  return { probe: from, measure };
}

/** Makes a row for each other that ours is compared with. */
export function versus(name: string, ours: Reading, others: readonly Other[], by: Figure["by"] = "ratio"): Figure[] {
  return others.map(({ name: otherName, from: { subject, section, size, ...effort }, measure, atMost }) => {
    const other = read(probe(subject, section, size, effort), measure ?? ours.measure);
    return { name, size: shown(ours.probe.size), ours, other, otherName, by, atMost };
  });
}

/** Makes a row for a value that counts by itself. */
export function value(name: string, ours: Reading, atMost?: number): Figure {
  return { name, size: shown(ours.probe.size), ours, by: "value", atMost };
}

/** Shows a size. */
export function shown(size: number): string {
  return size >= 1_000_000 ? `${size / 1_000_000} M` : size >= 1_000 ? `${size / 1_000} k` : `${size}`;
}
