/**
 * The metrics of the library, for whatever shows them: names, units and descriptions by the rules of OpenTelemetry.
 *
 * @module
 */

/** What is said of a metric. */
export interface Metric {
  readonly name: string;
  /** Sums may go down, where those of a counter only grow; gauges are not added up over instances. */
  readonly kind: "sum" | "gauge" | "counter" | "histogram";
  /** The unit as UCUM spells it. */
  readonly unit: string;
  readonly description: string;
  /** The upper ends of the buckets of a histogram, in its unit. */
  readonly bounds?: readonly number[];
}

const durationBounds = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

export const processCount: Metric = {
  name: "supervisor.process.count",
  kind: "sum",
  unit: "{process}",
  description: "Keys of this instance by state.",
};

export const processDesired: Metric = {
  name: "supervisor.process.desired",
  kind: "sum",
  unit: "{process}",
  description: "Keys of this instance that are to run.",
};

export const processRestarts: Metric = {
  name: "supervisor.process.restarts",
  kind: "counter",
  unit: "{restart}",
  description: "Starts that no call asked for after the end of a process, by how that had ended.",
};

export const startDuration: Metric = {
  name: "supervisor.process.start.duration",
  kind: "histogram",
  unit: "s",
  description: "How long it took until processes were up.",
  bounds: durationBounds,
};

export const processUptime: Metric = {
  name: "supervisor.process.uptime",
  kind: "histogram",
  unit: "s",
  description: "How long processes had been running when they ended.",
  bounds: [1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800],
};

export const reconcileDuration: Metric = {
  name: "supervisor.reconcile.duration",
  kind: "histogram",
  unit: "s",
  description: "How long passes over the table took, the wait for their starts included.",
  bounds: durationBounds,
};

export const slotCount: Metric = {
  name: "supervisor.cluster.slot.count",
  kind: "gauge",
  unit: "{slot}",
  description: "Slots as this instance sees them: its own, those it hands over, those that have no owner.",
};

export const sessionCount: Metric = {
  name: "supervisor.cluster.session.count",
  kind: "gauge",
  unit: "{session}",
  description: "Sessions as this instance sees them.",
};

export const kvDuration: Metric = {
  name: "supervisor.kv.operation.duration",
  kind: "histogram",
  unit: "s",
  description: "How long calls to the database took.",
  bounds: durationBounds,
};

/** All of them. */
export const metrics: readonly Metric[] = [
  processCount,
  processDesired,
  processRestarts,
  startDuration,
  processUptime,
  reconcileDuration,
  slotCount,
  sessionCount,
  kvDuration,
];

/** What comes with a value: few different ones, never a key. */
export type Labels = Readonly<Record<string, string>>;

/** Takes a value of a metric. */
export type Take = (metric: Metric, value: number, labels?: Labels) => void;
