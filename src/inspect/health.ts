/**
 * How well the program is, as machines ask: `application/health+json` as drafted by Nadareishvili (2021).
 *
 * @module
 */

import type { ClusterEvent } from "../cluster/events.ts";
import type { SupervisorEvent } from "../events.ts";
import type { InspectSettings } from "./options.ts";

/** One thing that is looked at, and what is wrong with it. */
interface Check {
  readonly status: "pass" | "warn" | "fail";
  readonly observedValue?: unknown;
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
    if (event.type === "session-fenced") this.#isFenced = true;
    else if (event.type === "session-joined" && event.isSelf) this.#isFenced = false;
    else if (event.type === "database-unavailable") this.#silentSinceMs ??= this.#settings.clock.monotonic();
    else if (event.type === "database-available") this.#silentSinceMs = undefined;
    else if (event.type === "table-failed" && event.operation !== "report") {
      this.#failing = { sinceMs: this.#unread?.sinceMs ?? this.#settings.clock.monotonic(), lastAt: event.at };
    }
  }

  /** Tells whether the instance may be sent work: it has read its table once, for which it needs no slots. */
  readiness(): [text: string, status: number] {
    const { isRunning, pass } = this.#settings.supervisor?.summary() ?? { isRunning: true, pass: true };
    return isRunning && pass ? ["ready\n", 200] : ["not ready: the table has not been read\n", 503];
  }

  /** Tells how well it is. */
  report(): { readonly status: Check["status"]; readonly serviceId: string; readonly checks: object } {
    const { supervisor, cluster, title } = this.#settings;
    const fenced = "the session is fenced: this instance owns nothing";
    const checks: Record<string, Check> = {
      ...supervisor && { processes: this.#processes() },
      table: this.#table(),
      ...cluster && { session: this.#isFenced ? { status: "fail", output: fenced } : { status: "pass" } },
    };
    const all = Object.values(checks).map(({ status }) => status);
    const status = (["fail", "warn"] as const).find((each) => all.includes(each)) ?? "pass";
    const lists = Object.entries(checks).map(([name, check]) => [name, [check]]);
    return { status, serviceId: title, checks: Object.fromEntries(lists) };
  }

  /** The failures of the table since a pass has read it. */
  get #unread(): { readonly sinceMs: number } | undefined {
    const readAt = this.#settings.supervisor?.summary().pass?.at ?? -Infinity;
    return this.#failing && this.#failing.lastAt >= readAt ? this.#failing : undefined;
  }

  /** Paused and resting keys are as they should be. */
  #processes(): Check {
    const { supervisor, graceMs } = this.#settings, { at, counts } = supervisor!.summary();
    const wrong = (["parked", "stuck", "retrying"] as const).filter((state) => counts[state]);
    const told = wrong.map((state) => `${counts[state]} ${state}`);
    const passing = (["queued", "starting", "stopping"] as const).filter((state) => counts[state]);
    const isSlow = ({ state, sinceAt }: { readonly state: string; readonly sinceAt: number }) =>
      at - sinceAt > graceMs && passing.some((each) => each === state);
    const slow = passing.length === 0 ? 0 : supervisor!.snapshot().processes.filter(isSlow).length;
    if (slow > 0) told.push(`${slow} not running for more than ${graceMs} ms`);
    if (told.length === 0) return { status: "pass", observedValue: counts };
    return { status: "warn", observedValue: counts, output: told.join(", ") };
  }

  #table(): Check {
    const { clock, unreachableMs } = this.#settings, nowMs = clock.monotonic();
    const forMs = nowMs - Math.min(this.#unread?.sinceMs ?? nowMs, this.#silentSinceMs ?? nowMs);
    if (forMs < unreachableMs) return { status: "pass" };
    return { status: "fail", output: `the table has been out of reach for ${Math.round(forMs)} ms` };
  }
}
