/**
 * The metrics of this instance, as Prometheus reads them (text format 0.0.4). The key of a process is never a label: there may
 * be 100 000 of them.
 *
 * @module
 */

import { bounds, type Histogram } from "./histogram.ts";
import type { InspectSettings } from "./options.ts";
import { answer } from "./problem.ts";
import type { Watch } from "./watch.ts";

/** Every state, so that each one is there each time. */
const states = [
  "queued",
  "starting",
  "running",
  "stopping",
  "stuck",
  "retrying",
  "parked",
  "resting",
  "paused",
] as const;

/** Tells the metrics. */
export function metricsResponse<K>({ supervisor, cluster }: InspectSettings<K>, watch: Watch): Response {
  const lines: string[] = [];
  if (supervisor) {
    const { counts } = supervisor.summary();
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const rows = states.map((state) => [`{state="${state}"}`, counts[state] ?? 0] as const);
    lines.push(...metric("supervisor_process_count", "gauge", "Keys of this instance by state.", rows));
    const desired = [["", all - (counts.paused ?? 0)]] as const;
    lines.push(...metric("supervisor_process_desired", "gauge", "Keys of this instance that are to run.", desired));
    const restarts = Object.entries(watch.restarts).map(([outcome, count]) =>
      [`{outcome="${outcome}"}`, count] as const
    );
    const help = "Starts after the end of a process, by how that had ended.";
    lines.push(...metric("supervisor_process_restarts_total", "counter", help, restarts));
    lines.push(...histogram("supervisor_process_start_duration_seconds", "How long start-ups took.", watch.starts));
    lines.push(
      ...histogram("supervisor_reconcile_duration_seconds", "How long passes over the table took.", watch.passes),
    );
  }
  if (cluster) {
    const { sessions, slots: { owned, handingOver, unowned } } = cluster.snapshot();
    const rows = Object.entries({ owned, handing_over: handingOver, unowned });
    const slots = rows.map(([state, { length }]) => [`{state="${state}"}`, length] as const);
    lines.push(...metric("supervisor_cluster_slot_count", "gauge", "Slots as this instance sees them.", slots));
    const count = [["", sessions.length]] as const;
    lines.push(...metric("supervisor_cluster_session_count", "gauge", "Sessions as this instance sees them.", count));
  }
  return answer(lines.map((line) => `${line}\n`).join(""), {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}

function metric(name: string, type: string, help: string, rows: readonly (readonly [string, number])[]): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...rows.map(([labels, value]) => `${name}${labels} ${value}`),
  ];
}

function histogram(name: string, help: string, { counts, sum }: Histogram): string[] {
  const buckets = counts.map((count, index) => `${name}_bucket{le="${bounds[index] ?? "+Inf"}"} ${count}`);
  return [...metric(name, "histogram", help, []), ...buckets, `${name}_sum ${sum}`, `${name}_count ${counts.at(-1)}`];
}
