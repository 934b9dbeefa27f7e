/**
 * What of all that happens is worth a span: what is over soon. A span of a life of days would never be seen.
 *
 * @module
 */

import type { ClusterEvent } from "../cluster/events.ts";
import type { KeyedEvent, StartingEvent, SupervisorEvent } from "../events.ts";
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

/**
 * How many spans of a name there are in a second at most, and how many failed ones. When 100 000 processes start at once, each of
 * their spans would cost more than the start, and exporters drop most of them anyway.
 */
export const maxSpansPerSecond = 100;

/** Follows the events of one supervisor and its cluster. */
export class ShortSpans<K> {
  readonly #over: (span: ShortSpan) => void;
  /** The last start; most are over before the next one begins. */
  #lastStart: StartingEvent<K> | undefined = undefined;
  /** Other starts that are under way. */
  readonly #starts: Map<K, StartingEvent<K>> = new Map();
  readonly #passes: Passes = new Passes();
  readonly #room: Readonly<Record<ShortSpan["name"], Room>> = {
    "supervisor.start": new Room(),
    "supervisor.stop": new Room(),
    "supervisor.reconcile": new Room(),
    "supervisor.hand_over": new Room(),
  };
  readonly #roomForFailed: Room = new Room();

  /** The function is called with each span. */
  constructor(over: (span: ShortSpan) => void) {
    this.#over = over;
  }

  /** Takes note of an event. */
  note(event: SupervisorEvent<K>): void {
    switch (event.type) {
      case "starting":
        return this.#starting(event);
      case "running":
        return this.#started(event, undefined, event.startMs);
      case "entry-failed":
        return this.#started(event, event);
      case "abandoned":
      case "exited":
        return this.#ended(event);
      case "table-failed":
        return void this.#passes.note(event);
      case "reconciled":
        return this.#reconciled(event);
    }
  }

  /** Takes note of an event of the cluster. */
  noteCluster(event: ClusterEvent): void {
    if (event.type !== "slot-released" || event.handOverMs === undefined) return;
    const { at, slot, handOverMs: durationMs } = event, name = "supervisor.hand_over";
    if (this.#room[name].take(at)) {
      this.#over({ name, at, durationMs, attributes: { "supervisor.cluster.slot": slot } });
    }
  }

  #starting(event: StartingEvent<K>): void {
    if (this.#lastStart) this.#starts.set(this.#lastStart.key, this.#lastStart);
    this.#lastStart = event;
  }

  #takeStart(key: K): StartingEvent<K> | undefined {
    const last = this.#lastStart;
    if (last && Object.is(last.key, key)) {
      this.#lastStart = undefined;
      return last;
    }
    const starting = this.#starts.size > 0 ? this.#starts.get(key) : undefined;
    if (starting) this.#starts.delete(key);
    return starting;
  }

  /** What comes up tells how long it took; of what does not the moments do. */
  #started({ key, at }: KeyedEvent<K>, failure: Failure | undefined, startMs?: number): void {
    const starting = this.#takeStart(key), name = "supervisor.start";
    if (!starting) return;
    const { cause, attempt, origin, at: beganAt } = starting;
    // There are no more of what calls have caused than there are calls.
    if (origin === undefined && !this.#hasRoom(name, at, failure)) return;
    const attributes = {
      "supervisor.process.key": keyText(key),
      "supervisor.start.cause": cause,
      "supervisor.start.attempt": attempt,
    };
    this.#over({ name, at, durationMs: startMs ?? Math.max(0, at - beganAt), attributes, origin, failure });
  }

  #ended(event: Extract<SupervisorEvent<K>, { type: "exited" | "abandoned" }>): void {
    const { at, key, outcome } = event, failure = outcome === "failed" ? { error: event.error } : undefined;
    if (event.phase === "starting") this.#started(event, failure);
    const name = "supervisor.stop";
    if (event.type === "abandoned" || event.stopMs === undefined || !this.#hasRoom(name, at, failure)) return;
    const attributes = { "supervisor.process.key": keyText(key), "supervisor.process.outcome": outcome };
    this.#over({ name, at, durationMs: event.stopMs, attributes, failure });
  }

  #reconciled(event: Extract<SupervisorEvent<K>, { type: "reconciled" }>): void {
    const { at, durationMs, seen, started, failed } = event, name = "supervisor.reconcile";
    const failure = this.#passes.note(event);
    if (!this.#hasRoom(name, at, failure)) return;
    const attributes = {
      "supervisor.reconcile.seen": seen,
      "supervisor.reconcile.started": started,
      "supervisor.reconcile.failed": failed,
    };
    this.#over({ name, at, durationMs, attributes, failure });
  }

  #hasRoom(name: ShortSpan["name"], at: number, failure: Failure | undefined): boolean {
    return (failure ? this.#roomForFailed : this.#room[name]).take(at);
  }
}

/** Room for so many spans in a second, by the clock of the events. */
class Room {
  #fromAt = -Infinity;
  #taken = 0;

  take(at: number): boolean {
    if (Math.abs(at - this.#fromAt) >= 1_000) {
      this.#fromAt = at;
      this.#taken = 0;
    }
    return this.#taken++ < maxSpansPerSecond;
  }
}
