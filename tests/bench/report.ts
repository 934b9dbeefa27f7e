/**
 * From measured rounds to one Markdown table. Pure.
 *
 * @module
 */

import type { Probe } from "./rounds.ts";
import type { Measures } from "./subjects/subject.ts";

/** One measure of one probe. */
export interface Reading {
  /** What measured it. */
  readonly probe: Probe;
  /** Which of its measures. */
  readonly measure: string;
}

/** One row of the table. */
export interface Figure {
  /** What is measured. */
  readonly name: string;
  /** How much of it, for a reader. */
  readonly size: string;
  /** The library. */
  readonly ours: Reading;
  /** What it is compared with. */
  readonly other?: Reading;
  /** What the other is, for a reader. */
  readonly otherName?: string;
  /** What counts: ours divided by the other, ours less the other, or ours alone, beside which the other is only shown. */
  readonly by: "ratio" | "difference" | "value";
  /** What that may be at most; absent for a figure that is for information only. */
  readonly atMost?: number;
}

/** What came out of a figure. */
export interface Verdict {
  /** The figure. */
  readonly figure: Figure;
  /** Medians of what was measured. */
  readonly ours: number;
  /** The same for what it is compared with. */
  readonly other: number | undefined;
  /** The median of what the rounds came to: ratios, differences or values. */
  readonly result: number;
  /** The least of them. */
  readonly min: number;
  /** The greatest of them. */
  readonly max: number;
  /** Whether the target is met; `undefined` without one. */
  readonly isMet: boolean | undefined;
}

/**
 * Finds the middle of a list.
 *
 * @param values The list, in any order.
 * @returns The median; `NaN` of nothing.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Compares round by round, since a machine is as fast in one round for both as it is.
 *
 * @param figure What to compare.
 * @param found The measures of every round by probe.
 * @returns The verdict, or `undefined` when something was not measured.
 */
export function judge(figure: Figure, found: ReadonlyMap<Probe, readonly Measures[]>): Verdict | undefined {
  const ours = read(figure.ours, found);
  const other = figure.other && read(figure.other, found);
  if (!ours || (figure.other && !other)) return undefined;
  const results = ours.map((value, round) => compare(figure, value, other?.[round]));
  const result = median(results);
  const isMet = figure.atMost === undefined ? undefined : result <= figure.atMost;
  const [min, max] = [Math.min(...results), Math.max(...results)];
  return { figure, ours: median(ours), other: other && median(other), result, min, max, isMet };
}

function read({ probe, measure }: Reading, found: ReadonlyMap<Probe, readonly Measures[]>): number[] | undefined {
  return found.get(probe)?.map((measures) => measures[measure] ?? NaN);
}

function compare({ by }: Figure, ours: number, other: number | undefined): number {
  if (by === "value") return ours;
  if (other === undefined) return NaN;
  return by === "ratio" ? ours / other : ours - other;
}

/**
 * Renders the table.
 *
 * @param verdicts Its rows.
 * @returns Markdown.
 */
export function renderTable(verdicts: readonly Verdict[]): string {
  const head = ["figure", "size", "ours", "other", "ratio (min..max)", "target", "met"];
  const rows = verdicts.map((verdict) => [
    verdict.figure.name,
    verdict.figure.size,
    show(verdict.ours, unitOf(verdict.figure)),
    showOther(verdict),
    showResult(verdict),
    verdict.figure.atMost === undefined ? "-" : `<= ${show(verdict.figure.atMost, resultUnit(verdict.figure))}`,
    verdict.isMet === undefined ? "-" : verdict.isMet ? "yes" : "**no**",
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function showOther({ figure, other }: Verdict): string {
  return other === undefined ? "-" : `${show(other, unitOf(figure))} ${figure.otherName ?? ""}`.trim();
}

function showResult({ figure, result, min, max }: Verdict): string {
  const unit = resultUnit(figure);
  const [middle, low, high] = [result, min, max].map((value) => show(value, unit));
  return `${middle} (${low}..${high})`;
}

type Unit = "us" | "ms" | "B" | "";

/** The unit is the end of the name of a measure. */
function unitOf({ ours }: Figure): Unit {
  const unit = /(Us|Ms|B)$/.exec(ours.measure)?.[1];
  return unit === undefined ? "" : unit === "B" ? "B" : unit === "Us" ? "us" : "ms";
}

function resultUnit(figure: Figure): Unit {
  return figure.by === "ratio" ? "" : unitOf(figure);
}

function show(value: number, unit: Unit): string {
  const digits = unit === "B" || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 0.095 || value === 0 ? 2 : 3;
  return `${Number(value.toFixed(digits)).toLocaleString("en").replaceAll(",", " ")} ${unit}`.trim();
}
