/**
 * What is counted of this instance, as Prometheus reads it (text format 0.0.4). The key of a process is never a label: there
 * may be 100 000 of them.
 *
 * @module
 */

import { errorData } from "../error_data.ts";
import type { ClusterEvent } from "../cluster/events.ts";
import type { ExitOutcome, SupervisorEvent } from "../events.ts";
import type { KvCall } from "../kv/mod.ts";
import type { InspectSettings } from "./options.ts";
import { processStates } from "./processes.ts";

/** What is timed, in s. */
const durations = {
  process_start_duration: "How long start-ups took.",
  process_uptime: "How long processes had run when they ended.",
  reconcile_duration: "How long passes over the table took.",
  kv_operation_duration: "How long calls to the database took.",
};

/** The upper ends of the buckets, in s. */
const bounds = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600, 3_600, 86_400, Infinity];

/** Numbers by labels. */
type Rows = Readonly<Record<string, number>>;

/** Counts what only events tell. */
export class Metrics {
  /** Starts that followed the end of a process, by how that had ended. */
  readonly #restarts: Record<ExitOutcome, number> = { failed: 0, returned: 0, stopped: 0 };
  /** How the last life of a key has ended that is to start again. */
  readonly #ended = new Map<unknown, ExitOutcome>();
  #lastExit: { readonly key: unknown; readonly outcome: ExitOutcome } | undefined = undefined;
  /** By name and labels: how many there were up to each bound, and their sum. */
  readonly #timed = new Map<string, { readonly counts: number[]; sum: number }>();

  note(event: SupervisorEvent<unknown> | ClusterEvent): void {
    switch (event.type) {
      case "starting":
        return this.#noteStart(event.key);
      case "running":
        return this.#time("process_start_duration", event.startMs);
      case "reconciled":
        return this.#time("reconcile_duration", event.durationMs);
      case "exited":
        if (event.phase === "running") this.#time("process_uptime", event.uptimeMs);
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

  noteCall({ operation, durationMs, error }: KvCall): void {
    const failure = error === undefined ? "" : `,error_type="${errorData(error, 0).name.replace(/\W/g, "_")}"`;
    this.#time("kv_operation_duration", durationMs, `operation="${operation}"${failure}`);
  }

  /** Tells the metrics. */
  toText<K>({ supervisor, cluster }: InspectSettings<K>): string {
    const metric = (name: string, type: string, help: string, rows: Rows) => [
      `# HELP supervisor_${name} ${help}`,
      `# TYPE supervisor_${name} ${type}`,
      ...Object.entries(rows).map(([labels, value]) => `supervisor_${name}${labels} ${value}`),
    ];
    // Prometheus keeps the ending _count to itself, unless a metric has no type.
    const counts = (name: string, help: string, rows: Rows) => metric(`${name}_count`, "untyped", help, rows);
    const lines = Object.entries(durations).flatMap(([name, help]) =>
      metric(`${name}_seconds`, "histogram", help, this.#histogram(name))
    );
    if (supervisor) {
      const { counts: known } = supervisor.summary(), { paused = 0 } = known;
      const all = Object.values(known).reduce((sum, count) => sum + count, 0);
      const each = Object.fromEntries(processStates.map((state) => [state, known[state] ?? 0]));
      const help = "Starts after the end of a process, by how that had ended.";
      lines.push(
        ...counts("process", "Keys of this instance by state.", by("state", each)),
        ...metric("process_desired", "gauge", "Keys of this instance that are to run.", { "": all - paused }),
        ...metric("process_restarts_total", "counter", help, by("outcome", this.#restarts)),
      );
    }
    if (cluster) {
      const { sessions, slots: { owned, handingOver, unowned } } = cluster.snapshot();
      const slots = { owned: owned.length, handing_over: handingOver.length, unowned: unowned.length };
      lines.push(
        ...counts("cluster_slot", "Slots as this instance sees them.", by("state", slots)),
        ...counts("cluster_session", "Sessions as this instance sees them.", { "": sessions.length }),
      );
    }
    return `${lines.join("\n")}\n`;
  }

  #noteStart(key: unknown): void {
    const outcome = this.#ended.get(key);
    if (outcome === undefined) return;
    this.#ended.delete(key);
    this.#restarts[outcome]++;
  }

  #time(name: keyof typeof durations, durationMs: number, labels = ""): void {
    const seconds = durationMs / 1_000, id = `${name} ${labels}`;
    let timed = this.#timed.get(id);
    if (!timed) this.#timed.set(id, timed = { counts: bounds.map(() => 0), sum: 0 });
    timed.sum += seconds;
    for (let index = bounds.length - 1; seconds <= bounds[index]; index--) timed.counts[index]++;
  }

  #histogram(wanted: string): Rows {
    const rows: Record<string, number> = {};
    for (const [id, { counts, sum }] of this.#timed) {
      const [name, labels] = id.split(" ");
      if (name !== wanted) continue;
      const all = labels && `{${labels}}`, before = labels && `${labels},`;
      bounds.forEach((bound, index) => {
        rows[`_bucket{${before}le="${bound === Infinity ? "+Inf" : bound}"}`] = counts[index];
      });
      Object.assign(rows, { [`_sum${all}`]: sum, [`_count${all}`]: counts.at(-1) });
    }
    return rows;
  }
}

function by(label: string, counts: Rows): Rows {
  return Object.fromEntries(Object.entries(counts).map(([value, count]) => [`{${label}="${value}"}`, count]));
}
