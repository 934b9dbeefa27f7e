import { assert, assertEquals } from "@std/assert";
import { type RestartOptions, RetryAfterError, UnrecoverableError } from "@pact/supervisor";
import { afterExit, defaultRestartPolicy, delayAfter, type RestartPolicy } from "../../src/restart.ts";
import { settle, UnhandledRejections } from "./fixtures/mod.ts";

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

const returned = { outcome: "returned", error: undefined } as const;
type Exit = Parameters<typeof afterExit>[1];
const oops = new Error("oops");
const failed: Exit = { key: "a", outcome: "failed", error: oops, phase: "running", uptimeMs: 0, failures: 0 };
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
  ["counts a return like a failure", {}, { ...failed, ...returned, failures: 1 }, "retry 2 2000"],
  ["never parks by default", {}, { ...failed, failures: 1e6 }, "retry 1000001 60000"],
  ["retries below the limit", { limit: 3 }, { ...failed, failures: 1 }, "retry 2 2000"],
  ["parks at the limit", { limit: 3 }, { ...failed, failures: 2 }, "park 3 limit"],
  ["parks at the first failure with limit 1", { limit: 1 }, failed, "park 1 limit"],
  ["parks a process that returns", { limit: 1 }, { ...failed, ...returned }, "park 1 limit"],
  ["does not park after a healthy stretch", { limit: 3 }, { ...failed, failures: 2, uptimeMs: 60_000 }, "retry 1 1000"],
  ["parks in spite of healthy stretches with limit 1", { limit: 1 }, { ...failed, uptimeMs: 60_000 }, "park 1 limit"],
  ["rests after a return with on failure", { on: "failure" }, { ...failed, ...returned }, "rest"],
  ["rests rather than parks", { on: "failure", limit: 1 }, { ...failed, ...returned }, "rest"],
  ["retries a failure with on failure", { on: "failure" }, failed, "retry 1 1000"],
];
for (const [title, options, exit, expected] of decisions) {
  Deno.test(`afterExit() ${title}`, () => {
    assertEquals(Object.values(afterExit(policyOf(options), exit, 0.5)).join(" "), expected);
  });
}

const unrecoverable = new UnrecoverableError("no such token");
const late = (delayMs: unknown) => new RetryAfterError(delayMs as number);
const twice = { ...failed, failures: 2, uptimeMs: 5 };
const verdicts: [string, RestartOptions, Exit, string][] = [
  ["parks at an UnrecoverableError", {}, { ...failed, error: unrecoverable }, "park 1 unrecoverable"],
  [
    "parks at one that is a cause",
    {},
    { ...twice, error: new Error("x", { cause: unrecoverable }) },
    "park 3 unrecoverable",
  ],
  ["says why it parks at the limit, too", { limit: 1 }, { ...failed, error: unrecoverable }, "park 1 unrecoverable"],
  ["waits as a RetryAfterError says", {}, { ...failed, error: late(90_000) }, "retry 0 90000"],
  ["counts no step at a RetryAfterError", { limit: 3 }, { ...twice, error: late(5) }, "retry 2 5"],
  ["forgets failures at one after a healthy stretch", {}, { ...twice, uptimeMs: 60_000, error: late(5) }, "retry 0 5"],
  ["rounds a delay up", {}, { ...failed, error: late(0.2) }, "retry 0 1"],
  ["waits as long as the longest timer", {}, { ...failed, error: late(2_147_483_647) }, "retry 0 2147483647"],
  ["retries at once when asked to", {}, { ...failed, error: late(0) }, "retry 0 0"],
  ["parks when decide says so", { decide: () => "park" }, failed, "park 1 decided"],
  ["waits as decide says", { decide: () => 123_456 }, twice, "retry 3 123456"],
  ["waits no time when decide says 0", { decide: () => 0 }, twice, "retry 3 0"],
  ["keeps its delay when decide says nothing", { decide: () => undefined }, twice, "retry 3 4000"],
  ["asks decide after a return", { decide: () => "park" }, { ...failed, ...returned }, "park 1 decided"],
  ["does not ask when a return rests", { on: "failure", decide: () => "park" }, { ...failed, ...returned }, "rest"],
];
for (const [title, options, exit, expected] of verdicts) {
  Deno.test(`afterExit() ${title}`, () => {
    assertEquals(Object.values(afterExit(policyOf(options), exit, 0.5)).join(" "), expected);
  });
}

const nested: [string, unknown, string][] = [
  ["an AggregateError", new AggregateError([oops, late(7), unrecoverable]), "retry 0 7"],
  ["another order", new AggregateError([oops, unrecoverable, late(7)]), "park 1 unrecoverable"],
  ["more than a few errors", new AggregateError([...Array(50).fill(oops), unrecoverable]), "park 1 unrecoverable"],
  ["a SuppressedError", new SuppressedError(oops, unrecoverable), "park 1 unrecoverable"],
  ["a chain of causes", new Error("x", { cause: new Error("y", { cause: late(7) }) }), "retry 0 7"],
  [
    "the nearest of several",
    new Error("x", { cause: new AggregateError([new Error("y", { cause: late(7) }), unrecoverable]) }),
    "park 1 unrecoverable",
  ],
  ["an error of another copy of the library", { name: "UnrecoverableError", message: "x" }, "park 1 unrecoverable"],
  ["a subclass", new (class NoToken extends UnrecoverableError {})(), "park 1 unrecoverable"],
];
for (const [title, error, expected] of nested) {
  Deno.test(`afterExit() finds what a process has thrown in ${title}`, () => {
    assertEquals(Object.values(afterExit(policyOf({}), { ...failed, error }, 0.5)).join(" "), expected);
  });
}

Deno.test("afterExit() asks decide with what is known of the failure, the jitter in its delay, and nothing else", () => {
  const asked: unknown[] = [];
  afterExit(policyOf({ jitter: 0.2, decide: (failure) => void asked.push(failure) }), twice, almostOne);
  assertEquals(asked, [{ key: "a", error: oops, phase: "running", failures: 3, uptimeMs: 5, delayMs: 4_800 }]);
});

const unasked: [string, RestartOptions, Exit][] = [
  ["at an UnrecoverableError", {}, { ...failed, error: unrecoverable }],
  ["at a RetryAfterError", {}, { ...failed, error: late(5) }],
  ["at a RetryAfterError that cannot be used", {}, { ...failed, error: late(NaN) }],
  ["when the limit parks", { limit: 1 }, failed],
];
for (const [title, options, exit] of unasked) {
  Deno.test(`afterExit() does not ask decide ${title}`, () => {
    let asked = 0;
    afterExit(policyOf({ ...options, decide: () => void asked++ }), exit, 0.5);
    assertEquals(asked, 0);
  });
}

const right = "from 0 to 2147483647, current value is";
const mistakes: [RestartOptions, unknown, string, string][] = [
  ...[[-1, "-1"], [NaN, "NaN"], [Infinity, "Infinity"], [2_147_483_648, "2147483648"]].map((
    [value, shown],
  ): [RestartOptions, unknown, string, string] => [{ decide: () => value as number }, oops, "RangeError", `${shown}`]),
  ...[["later", "later"], [null, "null"], [5n, "5"], [true, "true"], [{}, "[object Object]"]].map((
    [value, shown],
  ): [RestartOptions, unknown, string, string] => [{ decide: () => value as number }, oops, "TypeError", `${shown}`]),
  [{}, late(NaN), "RangeError", "NaN"],
  [{}, late("5"), "TypeError", "5"],
  [{}, late(undefined), "TypeError", "undefined"],
];
for (const [options, error, name, shown] of mistakes) {
  const whose = options.decide ? "what restart.decide returned" : "the delayMs of a RetryAfterError";
  Deno.test(`afterExit() takes the delay of the policy and says why when ${whose} is ${shown}`, () => {
    const decision = afterExit(policyOf(options), { ...failed, failures: 2, error }, 0.5);
    if (decision.action !== "retry") throw new Error("it is not retried");
    assertEquals([decision.failures, decision.delayMs], [3, 4_000]);
    const mistake = decision.mistake?.error as Error, { message } = mistake;
    assertEquals(mistake.name, name);
    assert(message.startsWith(`Cannot use ${whose}: it must be `), message);
    assert(message.endsWith(`${right} ${shown}`), message);
  });
}

Deno.test("afterExit() leaves no rejection unhandled when decide is async", async () => {
  using unhandled = new UnhandledRejections();
  const decide = () => Promise.reject(oops) as unknown as undefined;
  assertEquals(Object.keys(afterExit(policyOf({ decide }), failed, 0.5)).includes("mistake"), true);
  await settle();
  assertEquals(unhandled.reasons, []);
});

Deno.test("afterExit() takes the delay of the policy when decide throws, whatever that is", () => {
  const decide = () => {
    throw undefined;
  };
  assertEquals(afterExit(policyOf({ decide }), failed, 0.5), {
    action: "retry",
    failures: 1,
    delayMs: 1_000,
    mistake: { error: undefined },
  });
});
