/**
 * Follows the events of this instance: keeps the last ones, counts, and remembers what is not well.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { ClusterEvent } from "../cluster/events.ts";
import type { ExitOutcome, SupervisorEvent } from "../events.ts";
import { EventLog } from "./event_log.ts";
import { Histogram } from "./histogram.ts";
import type { InspectedCluster, InspectedSupervisor } from "./options.ts";

/** What is followed, and until when. */
export interface WatchOptions {
  readonly supervisor?: Pick<InspectedSupervisor<unknown>, "subscribe" | "summary">;
  readonly cluster?: Pick<InspectedCluster, "subscribe">;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What is known from events alone. */
export class Watch {
  readonly log: EventLog;
  /** Starts that followed the end of a process, by how that had ended. */
  readonly restarts: Record<ExitOutcome, number> = { failed: 0, returned: 0, stopped: 0 };
  /** How long processes took to start, in s. */
  readonly starts: Histogram = new Histogram();
  /** How long passes took, in s. */
  readonly passes: Histogram = new Histogram();
  /** Whether the session of this instance is fenced, and there is no other one yet. */
  isFenced = false;
  readonly #clock: Clock;
  /** How the last life of a key has ended that is to start again. */
  readonly #ended: Map<unknown, ExitOutcome> = new Map();
  #lastExit: { readonly key: unknown; readonly outcome: ExitOutcome } | undefined = undefined;
  /** The first and the last of the failures of the table that follow each other. */
  #failing: { readonly sinceMs: number; readonly lastAt: number } | undefined = undefined;
  /** Since when the cluster does not get answers. */
  #unavailableMs: number | undefined = undefined;
  /** When a pass has last read the whole table. */
  readonly #passAt: () => number;

  /** Follows what an inspector looks at. It takes the place of no listener: failures are printed as before. */
  constructor({ supervisor, cluster, signal, clock }: WatchOptions) {
    this.#clock = clock;
    this.log = new EventLog(clock);
    this.#passAt = () => supervisor?.summary().pass?.at ?? -Infinity;
    if (signal.aborted) return;
    const options = { signal, keepsConsole: true };
    supervisor?.subscribe((event) => {
      this.#note(event);
      this.log.add(event);
    }, options);
    cluster?.subscribe((event) => {
      this.#noteCluster(event);
      this.log.add(event);
    }, options);
  }

  /** For how long the table has been out of reach, in ms: a pass that reads it ends that. */
  get unreachableForMs(): number {
    const nowMs = this.#clock.monotonic();
    const { sinceMs, lastAt } = this.#failing ?? { sinceMs: nowMs, lastAt: -Infinity };
    const isOver = this.#passAt() > lastAt;
    return Math.max(isOver ? 0 : nowMs - sinceMs, nowMs - (this.#unavailableMs ?? nowMs));
  }

  #note(event: SupervisorEvent<unknown>): void {
    switch (event.type) {
      case "starting":
        return this.#noteStart(event.key);
      case "running":
        return this.starts.add(event.startMs / 1_000);
      case "exited":
        this.#lastExit = { key: event.key, outcome: event.outcome };
        return;
      case "retrying": // it comes right after the end that it answers; an entry that cannot be read has none
        return this.#noteEnd(event.key);
      case "replaced":
        return void this.#ended.set(event.key, "stopped");
      case "removed":
      case "parked":
      case "paused":
        return void this.#ended.delete(event.key);
      case "reconciled":
        return this.passes.add(event.durationMs / 1_000);
      case "table-failed":
        if (event.operation !== "report") this.#noteFailure(event.at);
    }
  }

  #noteEnd(key: unknown): void {
    const last = this.#lastExit;
    this.#ended.set(key, last && last.key === key ? last.outcome : "failed");
  }

  #noteStart(key: unknown): void {
    const outcome = this.#ended.get(key);
    if (outcome === undefined) return;
    this.#ended.delete(key);
    this.restarts[outcome]++;
  }

  #noteFailure(at: number): void {
    const isOver = this.#passAt() > (this.#failing?.lastAt ?? -Infinity);
    const sinceMs = isOver ? undefined : this.#failing?.sinceMs;
    this.#failing = { sinceMs: sinceMs ?? this.#clock.monotonic(), lastAt: at };
  }

  #noteCluster(event: ClusterEvent): void {
    if (event.type === "session-fenced") this.isFenced = true;
    else if (event.type === "session-joined" && event.isSelf) this.isFenced = false;
    else if (event.type === "database-unavailable") this.#unavailableMs ??= this.#clock.monotonic();
    else if (event.type === "database-available") this.#unavailableMs = undefined;
  }
}
