/**
 * What of all that happens is worth a span: what is over soon. A span of a life of days would never be seen.
 *
 * @module
 */

import type { ClusterEvent } from "../cluster/events.ts";
import type { StartingEvent, SupervisorEvent } from "../events.ts";
import { keyText } from "./failure_line.ts";
import { type Failure, Passes } from "./passes.ts";

/** Something that was begun and is over. */
export interface ShortSpan {
  readonly name: "supervisor.start" | "supervisor.stop" | "supervisor.reconcile" | "supervisor.hand_over";
  /** When it ended, epoch ms. */
  readonly at: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** What it has failed with. */
  readonly failure?: Failure;
  /** Where the call came from that has caused it. */
  readonly origin?: string;
}

/** Follows the events of one supervisor and its cluster. */
export class ShortSpans<K> {
  readonly #over: (span: ShortSpan) => void;
  /** The starts that are under way. */
  readonly #starts: Map<K, StartingEvent<K>> = new Map();
  readonly #passes: Passes = new Passes();

  /** The function is called with each span. */
  constructor(over: (span: ShortSpan) => void) {
    this.#over = over;
  }

  /** Takes note of an event. */
  note(event: SupervisorEvent<K>): void {
    const failure = this.#passes.note(event);
    switch (event.type) {
      case "starting":
        this.#starts.set(event.key, event);
        return;
      case "running":
        return this.#started(event.key, event.at, { durationMs: event.startMs });
      case "entry-failed":
        return this.#started(event.key, event.at, { failure: event });
      case "abandoned":
      case "exited":
        return this.#ended(event);
      case "reconciled": {
        const { at, durationMs, seen, started, failed } = event;
        const attributes = {
          "supervisor.reconcile.seen": seen,
          "supervisor.reconcile.started": started,
          "supervisor.reconcile.failed": failed,
        };
        this.#over({ name: "supervisor.reconcile", at, durationMs, attributes, failure });
      }
    }
  }

  /** Takes note of an event of the cluster. */
  noteCluster(event: ClusterEvent): void {
    if (event.type !== "slot-released" || event.handOverMs === undefined) return;
    const { at, slot, handOverMs: durationMs } = event;
    this.#over({ name: "supervisor.hand_over", at, durationMs, attributes: { "supervisor.cluster.slot": slot } });
  }

  /** What comes up tells how long it took; of what does not the moments do. */
  #started(key: K, at: number, told: Pick<ShortSpan, "failure"> & { readonly durationMs?: number }): void {
    const starting = this.#starts.get(key);
    if (!starting) return;
    this.#starts.delete(key);
    const { cause, attempt, origin, at: beganAt } = starting;
    const attributes = {
      "supervisor.process.key": keyText(key),
      "supervisor.start.cause": cause,
      "supervisor.start.attempt": attempt,
    };
    this.#over({ name: "supervisor.start", at, durationMs: Math.max(0, at - beganAt), attributes, origin, ...told });
  }

  #ended(event: Extract<SupervisorEvent<K>, { type: "exited" | "abandoned" }>): void {
    const { at, key, outcome } = event, failure = outcome === "failed" ? { error: event.error } : undefined;
    this.#started(key, at, { failure });
    if (event.type === "abandoned" || event.stopMs === undefined) return;
    const attributes = { "supervisor.process.key": keyText(key), "supervisor.process.outcome": outcome };
    this.#over({ name: "supervisor.stop", at, durationMs: event.stopMs, attributes, failure });
  }
}
