/**
 * What is counted of this instance, as Prometheus reads it (text format 0.0.4). The key of a process is never a label: there
 * may be 100 000 of them.
 *
 * @module
 */

import type { ExitOutcome, SupervisorEvent } from "../events.ts";
import type { InspectSettings } from "./options.ts";
import { states } from "./processes.ts";

/** The upper ends of the buckets, in s. */
const bounds = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, Infinity];

/** Durations by how long they are. */
class Histogram {
  /** How many there were up to each bound. */
  readonly counts = bounds.map(() => 0);
  sum = 0;

  add(durationMs: number): void {
    const seconds = durationMs / 1_000;
    this.sum += seconds;
    bounds.forEach((bound, index) => this.counts[index] += seconds <= bound ? 1 : 0);
  }
}

/** Counts what only events tell. */
export class Metrics {
  /** Starts that followed the end of a process, by how that had ended. */
  readonly #restarts: Record<ExitOutcome, number> = { failed: 0, returned: 0, stopped: 0 };
  readonly #starts = new Histogram();
  readonly #passes = new Histogram();
  /** How the last life of a key has ended that is to start again. */
  readonly #ended = new Map<unknown, ExitOutcome>();
  #lastExit: { readonly key: unknown; readonly outcome: ExitOutcome } | undefined = undefined;

  note(event: SupervisorEvent<unknown>): void {
    switch (event.type) {
      case "starting":
        return this.#noteStart(event.key);
      case "running":
        return this.#starts.add(event.startMs);
      case "reconciled":
        return this.#passes.add(event.durationMs);
      case "exited":
        this.#lastExit = event;
        return;
      case "retrying": // right after the end that it answers; an entry that cannot be read has none
        this.#ended.set(event.key, (this.#lastExit?.key === event.key && this.#lastExit?.outcome) || "failed");
        return;
      case "replaced":
        this.#ended.set(event.key, "stopped");
        return;
      case "removed":
      case "parked":
      case "paused":
        this.#ended.delete(event.key);
    }
  }

  /** Tells the metrics. */
  toText<K>({ supervisor, cluster }: InspectSettings<K>): string {
    const lines: string[] = [];
    const add = (name: string, type: string, help: string, rows: Readonly<Record<string, number>>) => {
      lines.push(`# HELP supervisor_${name} ${help}`, `# TYPE supervisor_${name} ${type}`);
      for (const [suffix, value] of Object.entries(rows)) lines.push(`supervisor_${name}${suffix} ${value}`);
    };
    const by = (label: string, counts: Readonly<Record<string, number>>) =>
      Object.fromEntries(Object.entries(counts).map(([value, count]) => [`{${label}="${value}"}`, count]));
    const addHistogram = (name: string, help: string, { counts, sum }: Histogram) => {
      const buckets = bounds.map((
        bound,
        index,
      ) => [`_bucket{le="${bound === Infinity ? "+Inf" : bound}"}`, counts[index]]);
      add(name, "histogram", help, { ...Object.fromEntries(buckets), _sum: sum, _count: counts[counts.length - 1] });
    };
    if (supervisor) {
      const { counts } = supervisor.summary(), { paused = 0 } = counts;
      const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const each = Object.fromEntries(states.map((state) => [state, counts[state] ?? 0]));
      add("process_count", "gauge", "Keys of this instance by state.", by("state", each));
      add("process_desired", "gauge", "Keys of this instance that are to run.", { "": all - paused });
      const help = "Starts after the end of a process, by how that had ended.";
      add("process_restarts_total", "counter", help, by("outcome", this.#restarts));
      addHistogram("process_start_duration_seconds", "How long start-ups took.", this.#starts);
      addHistogram("reconcile_duration_seconds", "How long passes over the table took.", this.#passes);
    }
    if (cluster) {
      const { sessions, slots: { owned, handingOver, unowned } } = cluster.snapshot();
      const slots = { owned: owned.length, handing_over: handingOver.length, unowned: unowned.length };
      add("cluster_slot_count", "gauge", "Slots as this instance sees them.", by("state", slots));
      add("cluster_session_count", "gauge", "Sessions as this instance sees them.", { "": sessions.length });
    }
    return lines.map((line) => `${line}\n`).join("");
  }

  #noteStart(key: unknown): void {
    const outcome = this.#ended.get(key);
    if (outcome === undefined) return;
    this.#ended.delete(key);
    this.#restarts[outcome]++;
  }
}
