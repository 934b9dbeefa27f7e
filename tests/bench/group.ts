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

const probes = new Map<string, Probe>();

/**
 * Makes a probe, or finds the one that is the same: it is made once for all figures that read it.
 *
 * @param subject Who is measured.
 * @param section At what.
 * @param size With how many.
 * @param warmSize With how many it warms up.
 */
export function probe(subject: string, section: string, size: number, warmSize = usualWarmSize(size)): Probe {
  const made: Probe = { subject, section, size, warmSize };
  const id = JSON.stringify(made);
  const known = probes.get(id) ?? made;
  probes.set(id, known);
  return known;
}

function usualWarmSize(size: number): number {
  return Math.min(10_000, Math.max(Math.ceil(size / 10), Math.min(size, 1_000)));
}

/** Makes a reading. */
export function read(from: Probe, measure: string): Reading {
  return { probe: from, measure };
}

/** Makes a row for each other that ours is compared with. */
export function versus(name: string, ours: Reading, others: readonly Other[], by: Figure["by"] = "ratio"): Figure[] {
  return others.map(({ name: otherName, from: { subject, section, size, warmSize }, measure, atMost }) => {
    const other = read(probe(subject, section, size, warmSize), measure ?? ours.measure);
    return { name, size: shown(ours.probe.size), ours, other, otherName, by, atMost };
  });
}

/** Makes a row for a value that counts by itself. */
export function value(name: string, ours: Reading, atMost: number): Figure {
  return { name, size: shown(ours.probe.size), ours, by: "value", atMost };
}

/** Shows a size. */
export function shown(size: number): string {
  return size >= 1_000_000 ? `${size / 1_000_000} M` : size >= 1_000 ? `${size / 1_000} k` : `${size}`;
}
