/**
 * How well the program is, as machines ask: `application/health+json` as drafted by Nadareishvili (2021).
 *
 * @module
 */

import type { ClusterEvent } from "../cluster/events.ts";
import type { SupervisorEvent } from "../events.ts";
import type { InspectSettings } from "./options.ts";

/** One thing that is looked at. */
interface Check {
  readonly status: "pass" | "warn" | "fail";
  readonly observedValue?: unknown;
  /** What is wrong. */
  readonly output?: string;
}

/** Judges what can be seen, and what only events tell. */
export class Health<K> {
  readonly #settings: InspectSettings<K>;
  /** Whether the session of this instance is fenced, and there is no other one yet. */
  #isFenced = false;
  /** The first and the last of the failures of the table that follow each other. */
  #failing: { readonly sinceMs: number; readonly lastAt: number } | undefined = undefined;
  /** Since when the cluster gets no answers. */
  #silentSinceMs: number | undefined = undefined;

  constructor(settings: InspectSettings<K>) {
    this.#settings = settings;
  }

  note(event: SupervisorEvent<unknown> | ClusterEvent): void {
    const nowMs = this.#settings.clock.monotonic();
    if (event.type === "session-fenced") this.#isFenced = true;
    else if (event.type === "session-joined" && event.isSelf) this.#isFenced = false;
    else if (event.type === "database-unavailable") this.#silentSinceMs ??= nowMs;
    else if (event.type === "database-available") this.#silentSinceMs = undefined;
    else if (event.type === "table-failed" && event.operation !== "report") {
      this.#failing = { sinceMs: this.#unread?.sinceMs ?? nowMs, lastAt: event.at };
    }
  }

  /** Whether the instance may be sent work: it has read its table once, for which it needs no slots. */
  get isReady(): boolean {
    const { isRunning, pass } = this.#settings.supervisor?.summary() ?? { isRunning: true, pass: true };
    return isRunning && pass !== undefined;
  }

  /** Tells how well it is. */
  report(): { status: Check["status"]; serviceId: string; checks: object } {
    const { supervisor, cluster, title } = this.#settings;
    const fenced: Check = { status: "fail", output: "the session is fenced: this instance owns nothing" };
    const checks: Record<string, readonly Check[]> = {
      ...supervisor && { processes: [this.#processes()] },
      table: [this.#table()],
      ...cluster && { session: [this.#isFenced ? fenced : { status: "pass" }] },
    };
    const all = Object.values(checks).map(([{ status }]) => status);
    const status = (["fail", "warn"] as const).find((each) => all.includes(each)) ?? "pass";
    return { status, serviceId: title, checks };
  }

  /** The failures of the table since a pass has read it. */
  get #unread(): { readonly sinceMs: number } | undefined {
    const readAt = this.#settings.supervisor?.summary().pass?.at ?? -Infinity;
    return this.#failing && this.#failing.lastAt >= readAt ? this.#failing : undefined;
  }

  /** Paused and resting keys are as they should be. */
  #processes(): Check {
    const { supervisor, graceMs } = this.#settings, { at, counts } = supervisor!.summary();
    const { queued = 0, starting = 0, stopping = 0, ...others } = counts;
    const wrong = (["parked", "stuck", "retrying"] as const).filter((state) => others[state]);
    const told = wrong.map((state) => `${others[state]} ${state}`);
    const slow = queued + starting + stopping === 0
      ? []
      : supervisor!.snapshot().processes.filter(({ state, sinceAt }) =>
        ["queued", "starting", "stopping"].includes(state) && at - sinceAt > graceMs
      );
    if (slow.length > 0) told.push(`${slow.length} not running for more than ${graceMs} ms`);
    return { status: told.length === 0 ? "pass" : "warn", observedValue: counts, output: told.join(", ") || undefined };
  }

  #table(): Check {
    const { clock, unreachableMs } = this.#settings, nowMs = clock.monotonic();
    const forMs = nowMs - Math.min(this.#unread?.sinceMs ?? nowMs, this.#silentSinceMs ?? nowMs);
    if (forMs < unreachableMs) return { status: "pass" };
    return { status: "fail", output: `the table has been out of reach for ${Math.round(forMs)} ms` };
  }
}
