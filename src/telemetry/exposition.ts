/**
 * The metrics of one instance in the text format of Prometheus (0.0.4).
 *
 * @module
 */

import { type Labels, type Metric, metrics, processRestarts } from "./catalog.ts";
import { type Looked, takeFigures } from "./figures.ts";
import { Measurements } from "./measurements.ts";

/** The sum of all values, or the last one where values do not add up; and how many there were up to each bound. */
interface Series {
  value: number;
  readonly counts: number[];
}

/** Keeps what is measured, by metric and labels, and tells it. */
export class Exposition {
  /** Is to be told of events and calls. */
  readonly measurements: Measurements = new Measurements((...taken) => this.#take(...taken));
  readonly #kept: ReadonlyMap<Metric, Map<string, Series>> = new Map(metrics.map((metric) => [metric, new Map()]));

  constructor() {
    for (const outcome of ["failed", "returned", "stopped"]) this.#take(processRestarts, 0, { outcome });
  }

  /** Tells everything, and what an instance is like now. */
  text(looked: Looked | undefined): string {
    if (looked) takeFigures([looked], (...taken) => this.#take(...taken));
    return Array.from(this.#kept, ([metric, all]) => textOf(metric, all)).join("");
  }

  #take(metric: Metric, value: number, labels?: Labels): void {
    const { kind, bounds = [] } = metric, all = this.#kept.get(metric)!, named = labels ? written(labels) : "";
    let series = all.get(named);
    if (!series) all.set(named, series = { value: 0, counts: [...bounds, Infinity].map(() => 0) });
    series.value = kind === "counter" || kind === "histogram" ? series.value + value : value;
    for (let index = bounds.length; index >= 0 && value <= (bounds[index] ?? Infinity); index--) series.counts[index]++;
  }
}

function written(labels: Labels): string {
  return Object.entries(labels).map(([name, text]) => `${name.replace(".", "_")}="${text}"`).join();
}

function textOf({ name, kind, unit, description, bounds = [] }: Metric, all: ReadonlyMap<string, Series>): string {
  if (all.size === 0) return "";
  const full = name.replaceAll(".", "_") + (unit === "s" ? "_seconds" : "") + (kind === "counter" ? "_total" : "");
  // Prometheus keeps the ending _count to its histograms, unless a metric has no type.
  const type = full.endsWith("_count") ? "untyped" : kind === "sum" ? "gauge" : kind;
  const rows = Array.from(all, ([labels, { value, counts }]) => {
    const braced = labels && `{${labels}}`, before = labels && `${labels},`;
    if (kind !== "histogram") return `${full}${braced} ${value}\n`;
    const buckets = counts.map((count, index) => `${full}_bucket{${before}le="${bounds[index] ?? "+Inf"}"} ${count}\n`);
    return `${buckets.join("")}${full}_sum${braced} ${value}\n${full}_count${braced} ${counts.at(-1)}\n`;
  });
  return `# HELP ${full} ${description}\n# TYPE ${full} ${type}\n${rows.join("")}`;
}
