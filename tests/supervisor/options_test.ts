import { assertEquals, assertThrows } from "@std/assert";
import { MapTable, nop, Supervisor, type SupervisorOptions, systemClock } from "@pact/supervisor";
import { checkOptions } from "../../src/supervisor/options.ts";
import { defaultRestartPolicy } from "../../src/restart.ts";

const max = 2_147_483_647;

Deno.test("checkOptions() fills the defaults of the design in", () => {
  assertEquals(checkOptions({}), {
    clock: systemClock,
    initialWaitMs: 1_000,
    intervalMs: 60_000,
    sweepMs: undefined,
    startConcurrency: 128,
    startsPerSecond: Infinity,
    startTimeoutMs: 60_000,
    livenessMs: Infinity,
    onStuck: "keep",
    stopTimeoutMs: 4_000,
    restart: defaultRestartPolicy,
    random: Math.random,
  });
});

Deno.test("checkOptions() treats undefined like an absent option", () => {
  const options = { clock: undefined, intervalMs: undefined, restart: { limit: undefined, on: undefined } };
  assertEquals(checkOptions(options), checkOptions({}));
});

Deno.test("checkOptions() keeps what is given", () => {
  const random = () => 0;
  const given = { initialWaitMs: 1, intervalMs: 2, startConcurrency: 3, startTimeoutMs: 4, stopTimeoutMs: 5, random };
  const { initialWaitMs, intervalMs, startConcurrency, startTimeoutMs, stopTimeoutMs, ...rest } = checkOptions(given);
  assertEquals(
    { initialWaitMs, intervalMs, startConcurrency, startTimeoutMs, stopTimeoutMs, random: rest.random },
    given,
  );
});

for (
  const [given, intervalMs, sweepMs] of [[{}, 60_000, 900_000], [{ intervalMs: 60_000 }, 60_000, undefined]] as const
) {
  Deno.test(`checkOptions() takes ${sweepMs} for sweepMs of a table with the options ${Deno.inspect(given)}`, () => {
    const settings = checkOptions(given, 900_000);
    assertEquals([settings.intervalMs, settings.sweepMs], [intervalMs, sweepMs]);
  });
}

Deno.test("checkOptions() keeps what is given of the restart policy and fills the rest in", () => {
  const { restart } = checkOptions({ restart: { limit: 3, on: "failure" } });
  assertEquals(restart, { ...defaultRestartPolicy, limit: 3, on: "failure" });
});

type Options = Record<string, unknown>;
const accepted: Options[] = [
  { initialWaitMs: 0 },
  { initialWaitMs: max },
  { intervalMs: 1 },
  { intervalMs: max },
  { startConcurrency: 1 },
  { startConcurrency: Infinity },
  { startTimeoutMs: 1 },
  { startTimeoutMs: max },
  { startTimeoutMs: Infinity },
  { startsPerSecond: 0.001 },
  { livenessMs: 1 },
  { livenessMs: Infinity },
  { onStuck: "keep" },
  { onStuck: "abandon" },
  { startsPerSecond: Infinity },
  { stopTimeoutMs: 0 },
  { stopTimeoutMs: max },
  { restart: { minDelayMs: 0 } },
  { restart: { minDelayMs: 0, maxDelayMs: 0 } },
  { restart: { minDelayMs: max, maxDelayMs: max } },
  { restart: { factor: 1 } },
  { restart: { jitter: 0 } },
  { restart: { jitter: 1 } },
  { restart: { resetAfterMs: 0 } },
  { restart: { resetAfterMs: Infinity } },
  { restart: { limit: 1 } },
  { restart: { limit: Infinity } },
];
for (const options of accepted) {
  Deno.test(`new Supervisor() accepts the options ${Deno.inspect(options)}`, () => {
    new Supervisor(new MapTable([["a", nop]]), options as SupervisorOptions);
  });
}

const outOfRange: [Options, string][] = [
  ...["initialWaitMs", "intervalMs", "startTimeoutMs", "stopTimeoutMs"].flatMap((name): [Options, string][] => [
    [{ [name]: -1 }, name],
    [{ [name]: NaN }, name],
    [{ [name]: name === "startTimeoutMs" ? -Infinity : Infinity }, name],
    [{ [name]: max + 1 }, name],
  ]),
  [{ startsPerSecond: 0 }, "startsPerSecond"],
  [{ livenessMs: 0 }, "livenessMs"],
  [{ livenessMs: NaN }, "livenessMs"],
  [{ livenessMs: max + 1 }, "livenessMs"],
  [{ startsPerSecond: -1 }, "startsPerSecond"],
  [{ startsPerSecond: NaN }, "startsPerSecond"],
  [{ intervalMs: 0 }, "intervalMs"],
  [{ startTimeoutMs: 0 }, "startTimeoutMs"],
  [{ startConcurrency: 0 }, "startConcurrency"],
  [{ startConcurrency: 1.5 }, "startConcurrency"],
  [{ startConcurrency: NaN }, "startConcurrency"],
  [{ restart: { minDelayMs: -1 } }, "restart.minDelayMs"],
  [{ restart: { minDelayMs: NaN } }, "restart.minDelayMs"],
  [{ restart: { minDelayMs: 60_001 } }, "restart.maxDelayMs"],
  [{ restart: { maxDelayMs: 999 } }, "restart.maxDelayMs"],
  [{ restart: { maxDelayMs: Infinity } }, "restart.maxDelayMs"],
  [{ restart: { factor: 0.99 } }, "restart.factor"],
  [{ restart: { factor: Infinity } }, "restart.factor"],
  [{ restart: { factor: NaN } }, "restart.factor"],
  [{ restart: { jitter: -0.01 } }, "restart.jitter"],
  [{ restart: { jitter: 1.01 } }, "restart.jitter"],
  [{ restart: { resetAfterMs: -1 } }, "restart.resetAfterMs"],
  [{ restart: { limit: 0 } }, "restart.limit"],
  [{ restart: { limit: 2.5 } }, "restart.limit"],
];
for (const [options, name] of outOfRange) {
  Deno.test(`new Supervisor() throws RangeError at the options ${Deno.inspect(options)}`, () => {
    assertThrows(() => new Supervisor(new MapTable([["a", nop]]), options as SupervisorOptions), RangeError, name);
  });
}

const wrongShapes: [Options, string][] = [
  ...["initialWaitMs", "intervalMs", "startConcurrency", "startTimeoutMs", "stopTimeoutMs"].flatMap((
    name,
  ): [Options, string][] => [[{ [name]: "1000" }, name], [{ [name]: 1_000n }, name]]),
  [{ startTimeoutMs: null }, "startTimeoutMs"],
  [{ startsPerSecond: "5" }, "startsPerSecond"],
  [{ startsPerSecond: null }, "startsPerSecond"],
  [{ livenessMs: "5" }, "livenessMs"],
  [{ onStuck: "kill" }, "onStuck"],
  [{ onStuck: true }, "onStuck"],
  [{ onStuck: null }, "onStuck"],
  ...["minDelayMs", "maxDelayMs", "factor", "jitter", "resetAfterMs", "limit"].map((name): [Options, string] => [
    { restart: { [name]: "1" } },
    `restart.${name}`,
  ]),
  [{ restart: { on: "never" } }, "restart.on"],
  [{ restart: { on: Symbol("always") } }, "restart.on"],
  [{ restart: { decide: "park" } }, "restart.decide"],
  [{ restart: { decide: null } }, "restart.decide"],
  [{ restart: "always" }, "restart"],
  [{ restart: 1 }, "restart"],
  [{ random: 0.5 }, "random"],
  [{ clock: {} }, "clock"],
  [{ clock: Object.create(null) }, "clock"],
  [{ clock: { now: () => 0, monotonic: () => 0 } }, "clock"],
];
for (const [options, name] of wrongShapes) {
  Deno.test(`new Supervisor() throws TypeError at the options ${Deno.inspect(options)}`, () => {
    const error = assertThrows(
      () => new Supervisor(new MapTable([["a", nop]]), options as SupervisorOptions),
      TypeError,
    );
    assertEquals(error.message.startsWith(`Cannot use the option ${name}: it must be`), true, error.message);
  });
}
