import { assert, assertEquals } from "@std/assert";
import type { RestartOptions } from "@pact/supervisor";
import { afterExit, defaultRestartPolicy, delayAfter, type RestartPolicy } from "../../src/restart.ts";

const policyOf = (options: RestartOptions): RestartPolicy => ({ ...defaultRestartPolicy, jitter: 0, ...options });

Deno.test("defaultRestartPolicy is that of the design", () => {
  assertEquals(defaultRestartPolicy, {
    minDelayMs: 1_000,
    maxDelayMs: 60_000,
    factor: 2,
    jitter: 0.2,
    resetAfterMs: 60_000,
    limit: Infinity,
    on: "always",
  });
});

const delays: [string, RestartOptions, number[], number[]][] = [
  ["doubles up to the cap", {}, [1, 2, 3, 4, 5, 6, 7, 8], [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
  ["grows by the factor", { factor: 3 }, [1, 2, 3, 4], [1_000, 3_000, 9_000, 27_000]],
  ["does not grow with factor 1", { factor: 1 }, [1, 2, 100], [1_000, 1_000, 1_000]],
  ["begins with minDelayMs", { minDelayMs: 7 }, [1, 2, 3], [7, 14, 28]],
  ["is capped by maxDelayMs", { maxDelayMs: 1_500 }, [1, 2, 3], [1_000, 1_500, 1_500]],
  ["is constant when both bounds are equal", { minDelayMs: 5, maxDelayMs: 5 }, [1, 50], [5, 5]],
  ["is whole", { minDelayMs: 1, factor: 1.5 }, [1, 2, 3, 4], [1, 2, 2, 3]],
  ["stays capped after ever so many failures", {}, [1_024, 1_025, 100_000], [60_000, 60_000, 60_000]],
  ["stays 0 with minDelayMs 0", { minDelayMs: 0 }, [1, 2, 1_025, 100_000], [0, 0, 0, 0]],
  ["stays 0 with maxDelayMs 0", { minDelayMs: 0, maxDelayMs: 0 }, [1, 2, 2_000], [0, 0, 0]],
];
for (const [title, options, failures, expected] of delays) {
  Deno.test(`delayAfter() ${title}`, () => {
    assertEquals(failures.map((count) => delayAfter(policyOf(options), count, 0.5)), expected);
  });
}

const almostOne = 1 - Number.EPSILON;
const jitters: [number, number, number, number][] = [
  [0.2, 0, 1, 800],
  [0.2, 0.5, 1, 1_000],
  [0.2, almostOne, 1, 1_200],
  [0.2, 0, 3, 3_200],
  [0.2, almostOne, 3, 4_800],
  [0.2, 0, 10, 48_000],
  [0.2, almostOne, 10, 60_000],
  [1, 0, 1, 0],
  [1, 0.25, 1, 500],
  [1, almostOne, 1, 2_000],
  [0, 0, 1, 1_000],
  [0, almostOne, 1, 1_000],
];
for (const [jitter, random, failures, expected] of jitters) {
  Deno.test(`delayAfter() is ${expected} ms with jitter ${jitter} and chance ${random.toFixed(2)} after failure ${failures}`, () => {
    assertEquals(delayAfter(policyOf({ jitter }), failures, random), expected);
  });
}

Deno.test("delayAfter() stays within the jitter whatever the chance", () => {
  for (let random = 0; random < 1; random += 0.01) {
    const delayMs = delayAfter(policyOf({ jitter: 0.2 }), 2, random);
    assert(delayMs >= 1_600 && delayMs <= 2_400, `${delayMs} ms at ${random}`);
  }
});

type Exit = Parameters<typeof afterExit>[1];
const failed: Exit = { outcome: "failed", uptimeMs: 0, failures: 0 };
const decisions: [string, RestartOptions, Exit, string][] = [
  ["retries after a first failure", {}, failed, "retry 1 1000"],
  ["counts failures on", {}, { ...failed, failures: 2 }, "retry 3 4000"],
  ["counts on after a run that was too short", {}, { ...failed, failures: 2, uptimeMs: 59_999 }, "retry 3 4000"],
  ["counts anew after a healthy stretch", {}, { ...failed, failures: 2, uptimeMs: 60_000 }, "retry 1 1000"],
  ["heeds resetAfterMs", { resetAfterMs: 10 }, { ...failed, failures: 2, uptimeMs: 10 }, "retry 1 1000"],
  ["always counts anew with resetAfterMs 0", { resetAfterMs: 0 }, { ...failed, failures: 9 }, "retry 1 1000"],
  ["never counts anew with resetAfterMs Infinity", { resetAfterMs: Infinity }, {
    ...failed,
    failures: 1,
    uptimeMs: 1e12,
  }, "retry 2 2000"],
  ["counts a return like a failure", {}, { ...failed, outcome: "returned", failures: 1 }, "retry 2 2000"],
  ["never parks by default", {}, { ...failed, failures: 1e6 }, "retry 1000001 60000"],
  ["retries below the limit", { limit: 3 }, { ...failed, failures: 1 }, "retry 2 2000"],
  ["parks at the limit", { limit: 3 }, { ...failed, failures: 2 }, "park 3"],
  ["parks at the first failure with limit 1", { limit: 1 }, failed, "park 1"],
  ["parks a process that returns", { limit: 1 }, { ...failed, outcome: "returned" }, "park 1"],
  ["does not park after a healthy stretch", { limit: 3 }, { ...failed, failures: 2, uptimeMs: 60_000 }, "retry 1 1000"],
  ["parks in spite of healthy stretches with limit 1", { limit: 1 }, { ...failed, uptimeMs: 60_000 }, "park 1"],
  ["rests after a return with on failure", { on: "failure" }, { ...failed, outcome: "returned" }, "rest"],
  ["rests rather than parks", { on: "failure", limit: 1 }, { ...failed, outcome: "returned" }, "rest"],
  ["retries a failure with on failure", { on: "failure" }, failed, "retry 1 1000"],
];
for (const [title, options, exit, expected] of decisions) {
  Deno.test(`afterExit() ${title}`, () => {
    assertEquals(Object.values(afterExit(policyOf(options), exit, 0.5)).join(" "), expected);
  });
}
