/**
 * How well the program is, as machines ask: `application/health+json` as drafted by Nadareishvili (2021).
 *
 * @module
 */

import type { ClusterEvent } from "../cluster/events.ts";
import type { SupervisorEvent } from "../events.ts";
import type { InspectSettings } from "./options.ts";

type Status = "pass" | "warn" | "fail";

/** Judges what can be seen, and what only events tell. */
export class Health<K> {
  readonly #settings: InspectSettings<K>;
  /** Whether the session of this instance is fenced, and there is no other one yet. */
  #isFenced = false;
  /** Since when the table fails, and the last pass that had read it when it failed last. */
  #failing: { readonly sinceMs: number; readonly passAt: number | undefined } | undefined = undefined;
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
      this.#failing = { sinceMs: this.#unread?.sinceMs ?? this.#settings.clock.monotonic(), passAt: this.#passAt };
    }
  }

  /** Tells whether the instance may be sent work: it has read its table once, for which it needs no slots. */
  readiness(): [text: string, status: number] {
    const { isRunning, pass } = this.#settings.supervisor?.summary() ?? { isRunning: true, pass: true };
    return isRunning && pass ? ["ready\n", 200] : ["not ready: the table has not been read\n", 503];
  }

  /** Tells how well it is. */
  report(): { readonly status: Status; readonly serviceId: string; readonly checks: object } {
    const { supervisor, cluster, title } = this.#settings;
    const fence = this.#isFenced ? "the session is fenced: this instance owns nothing" : "";
    const checks = {
      ...supervisor && { processes: check("warn", this.#unwell(), supervisor.summary().counts) },
      table: check("fail", this.#outOfReach()),
      ...cluster && { session: check("fail", fence) },
    };
    const all = Object.values(checks).map(([{ status }]) => status);
    const status = all.includes("fail") ? "fail" : all.includes("warn") ? "warn" : "pass";
    return { status, serviceId: title, checks };
  }

  /** Names the last pass that has read the table. */
  get #passAt(): number | undefined {
    return this.#settings.supervisor?.summary().pass?.at;
  }

  /** The failures of the table since a pass has read it. The clock may have been set since: moments are not compared. */
  get #unread(): { readonly sinceMs: number } | undefined {
    return this.#failing?.passAt === this.#passAt ? this.#failing : undefined;
  }

  /** Tells of keys that do not run. Those that are paused or rest are as they should be. */
  #unwell(): string {
    const { supervisor, graceMs } = this.#settings, { at, counts } = supervisor!.summary();
    const { parked, stuck, retrying, queued, starting, stopping } = counts;
    const isSlow = ({ state, sinceAt }: { readonly state: string; readonly sinceAt: number }) =>
      at - sinceAt > graceMs && ["queued", "starting", "stopping"].includes(state);
    const slow = queued || starting || stopping ? supervisor!.snapshot().processes.filter(isSlow).length : 0;
    const wrong = { parked, stuck, retrying, [`not running for more than ${graceMs} ms`]: slow };
    return Object.entries(wrong).filter(([, count]) => count).map(([what, count]) => `${count} ${what}`).join(", ");
  }

  #outOfReach(): string {
    const { clock, unreachableMs } = this.#settings, nowMs = clock.monotonic();
    const forMs = nowMs - Math.min(this.#unread?.sinceMs ?? nowMs, this.#silentSinceMs ?? nowMs);
    return forMs < unreachableMs ? "" : `the table has been out of reach for ${Math.round(forMs)} ms`;
  }
}

/** Makes what is told of one thing that is looked at: its status if something is wrong with it. */
function check(ifWrong: Status, wrong: string, observedValue?: object) {
  const status: Status = wrong === "" ? "pass" : ifWrong;
  return [{ status, observedValue, output: wrong || undefined }];
}
