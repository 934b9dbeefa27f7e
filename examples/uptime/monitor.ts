/** A monitor: one process per web site. */

import { leaf, type RunCallback, type Runnable, type RunOptions } from "@pact/supervisor";
import type { SpecIssue, SpecSchema } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";

/** What is watched, and how often. */
export interface MonitorSpec {
  readonly url: string;
  readonly intervalMs: number;
}

/** The result of the last check. */
export interface Check {
  readonly at: number;
  readonly status: number;
  readonly durationMs: number;
}

/** How long a site may take to answer. */
const timeoutMs = 3_000;

/** Checks a site again and again. It is up once the site has answered, and fails when the site does. */
export class Monitor implements Runnable {
  readonly spec: MonitorSpec;
  lastCheck?: Check;

  constructor(spec: MonitorSpec) {
    this.spec = spec;
  }

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    await this.#check(signal);
    await leaf((signal) => this.#watch(signal)).run(running, { signal });
  }

  async #watch(signal: AbortSignal): Promise<never> {
    for (;;) {
      await delay(this.spec.intervalMs, { signal });
      await this.#check(signal);
    }
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { url } = this.spec;
    const at = Date.now();
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    this.lastCheck = { at, status: response.status, durationMs: Date.now() - at };
  }
}

/** What a spec must look like, as a Standard Schema: both in a request and in the database. */
export const monitorSpec: SpecSchema<MonitorSpec> = {
  "~standard": {
    version: 1,
    vendor: "uptime",
    validate(value) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        return { issues: [{ message: `a monitor must be an object, current value is ${JSON.stringify(value)}` }] };
      }
      const { url, intervalMs, ...others }: Record<string, unknown> = { ...value };
      const issues = [
        ...unless(isWebAddress(url), "url", "must be an http or https address of at most 2000 characters", url),
        ...unless(isInterval(intervalMs), "intervalMs", "must be a whole number from 100 to 86400000", intervalMs),
        ...Object.keys(others).flatMap((name) => unless(false, name, "must be absent", others[name])),
      ];
      const isSpec = isWebAddress(url) && isInterval(intervalMs) && issues.length === 0;
      return isSpec ? { value: { url, intervalMs } } : { issues };
    },
  },
};

function isWebAddress(value: unknown): value is string {
  if (typeof value !== "string" || value.length > 2_000) return false;
  return /^https?:$/.test(URL.parse(value)?.protocol ?? "");
}

function isInterval(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 86_400_000;
}

function unless(isRight: boolean, name: string, rule: string, value: unknown): SpecIssue[] {
  if (isRight) return [];
  return [{ path: [name], message: `${rule}, current value is ${JSON.stringify(value)?.slice(0, 200)}` }];
}
