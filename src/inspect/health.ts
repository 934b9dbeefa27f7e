/**
 * How well the program is, as machines ask: `application/health+json` as drafted by Nadareishvili (2021).
 *
 * @module
 */

import type { SupervisorSummary } from "../supervisor/snapshot.ts";
import type { InspectSettings } from "./options.ts";
import { answer, toJson } from "./problem.ts";
import type { Watch } from "./watch.ts";

type Status = "pass" | "warn" | "fail";

/** One thing that is looked at. */
interface Check {
  readonly status: Status;
  readonly observedValue?: unknown;
  /** What is wrong. */
  readonly output?: string;
}

/** Tells whether the instance may be sent work: it has read its table once. It needs no slots for that. */
export function readyResponse<K>({ supervisor }: InspectSettings<K>): Response {
  const isReady = supervisor === undefined || isUp(supervisor.summary());
  const text = isReady ? "ready\n" : "not ready: the table has not been read\n";
  return answer(text, { status: isReady ? 200 : 503, headers: { "content-type": "text/plain" } });
}

/** Tells how well it is: 503 if it fails. */
export function healthResponse<K>(settings: InspectSettings<K>, watch: Watch): Response {
  const checks: Record<string, readonly Check[]> = {
    ...settings.supervisor && { processes: [processCheck(settings)] },
    table: [tableCheck(settings, watch)],
    ...settings.cluster && { session: [sessionCheck(watch)] },
  };
  const all = Object.values(checks).flat().map(({ status }) => status);
  const status: Status = all.includes("fail") ? "fail" : all.includes("warn") ? "warn" : "pass";
  const body = toJson({ status, serviceId: settings.title, checks });
  const headers = { "content-type": "application/health+json" };
  return answer(body, { status: status === "fail" ? 503 : 200, headers });
}

function isUp({ isRunning, pass }: SupervisorSummary): boolean {
  return isRunning && pass !== undefined;
}

/** Paused and resting keys are as they should be. */
function processCheck<K>({ supervisor, graceMs }: InspectSettings<K>): Check {
  const { at, counts } = supervisor!.summary();
  const { parked = 0, stuck = 0, retrying = 0, queued = 0, starting = 0, stopping = 0 } = counts;
  const wrong = Object.entries({ parked, stuck, retrying }).filter(([, count]) => count > 0);
  const told = wrong.map(([state, count]) => `${count} ${state}`);
  if (queued + starting + stopping > 0) {
    const states = ["queued", "starting", "stopping"];
    const slow = supervisor!.snapshot().processes.filter((each) =>
      states.includes(each.state) && at - each.sinceAt > graceMs
    ).length;
    if (slow > 0) told.push(`${slow} not running for more than ${graceMs} ms`);
  }
  const isWell = told.length === 0;
  return { status: isWell ? "pass" : "warn", observedValue: counts, ...!isWell && { output: told.join(", ") } };
}

function tableCheck<K>({ unreachableMs }: InspectSettings<K>, { unreachableForMs: forMs }: Watch): Check {
  if (forMs < unreachableMs) return { status: "pass" };
  return { status: "fail", output: `the table has been out of reach for ${Math.round(forMs)} ms` };
}

function sessionCheck({ isFenced }: Watch): Check {
  return isFenced
    ? { status: "fail", output: "the session is fenced: this instance owns nothing" }
    : { status: "pass" };
}
