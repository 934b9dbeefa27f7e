import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { systemClock } from "@pact/supervisor";
import { Cluster, type ClusterOptions } from "../../src/cluster/mod.ts";
import { checkOptions } from "../../src/cluster/options.ts";

const max = 2_147_483_647;

Deno.test("checkOptions() fills the defaults of the design in", () => {
  const { newId, ...settings } = checkOptions({});
  assertEquals(settings, {
    prefix: ["cluster"],
    path: undefined,
    watchSees: "this process",
    timeline: undefined,
    allowLocal: false,
    revision: "",
    info: undefined,
    onMismatch: "wait",
    heartbeatMs: 5_000,
    ttlMs: 15_000,
    slots: 256,
    clock: systemClock,
    random: Math.random,
  });
  assert(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(newId()));
});

Deno.test("checkOptions() makes another id each time by default", () => {
  const { newId } = checkOptions({});
  assertEquals(newId() === newId(), false);
});

Deno.test("checkOptions() treats undefined like an absent option", () => {
  const texts = ["prefix", "path", "watchSees", "timeline", "revision", "info"];
  const names = [...texts, "allowLocal", "onMismatch", "heartbeatMs", "ttlMs", "slots", "clock", "random"];
  const { newId: _, ...settings } = checkOptions(Object.fromEntries(names.map((name) => [name, undefined])));
  const { newId: __, ...defaults } = checkOptions({});
  assertEquals(settings, defaults);
});

Deno.test("checkOptions() keeps what is given", () => {
  const given = {
    prefix: ["app", 1],
    path: "/data/kv.sqlite",
    watchSees: "everybody" as const,
    timeline: "production",
    allowLocal: true,
    revision: "2026-11-29",
    info: { url: "http://10.0.0.7:8000", regions: ["ams", null, 1, true], empty: {} },
    onMismatch: "fail" as const,
    heartbeatMs: 10,
    ttlMs: 30,
    slots: 1,
    clock: { ...systemClock },
    random: () => 0,
  };
  const { newId: _, ...settings } = checkOptions(given);
  assertEquals(settings, given);
});

Deno.test("checkOptions() is not changed by what becomes of the prefix", () => {
  const prefix = ["app"];
  const settings = checkOptions({ prefix });
  prefix.push("more");
  assertEquals(settings.prefix, ["app"]);
});

const everybody = "everybody", thisProcess = "this process";
const guesses: readonly (readonly [options: ClusterOptions, elsewhere: string, onDeploy: string])[] = [
  [{}, thisProcess, everybody],
  [{ path: "/data/kv.sqlite" }, thisProcess, thisProcess],
  [{ path: "https.sqlite" }, thisProcess, thisProcess],
  [{ path: ":memory:" }, thisProcess, thisProcess],
  [{ path: "" }, thisProcess, thisProcess],
  [{ path: "https://api.deno.com/databases/1/connect" }, everybody, everybody],
  [{ path: "HTTP://127.0.0.1:4512" }, everybody, everybody],
  [{ watchSees: everybody }, everybody, everybody],
  [{ watchSees: thisProcess, path: "https://api.deno.com/databases/1/connect" }, thisProcess, thisProcess],
];
for (const [options, elsewhere, onDeploy] of guesses) {
  Deno.test(`checkOptions() recognises whose writes a watch sees with ${Deno.inspect(options)}, on Deno Deploy and elsewhere`, () => {
    const told = [checkOptions(options).watchSees];
    Deno.env.set("DENO_DEPLOYMENT_ID", "d1");
    try {
      told.push(checkOptions(options).watchSees);
    } finally {
      Deno.env.delete("DENO_DEPLOYMENT_ID");
    }
    assertEquals(told, [elsewhere, onDeploy]);
  });
}

Deno.test({
  name: "checkOptions() does not read the environment where that needs a prompt",
  permissions: { env: false },
  fn: () => assertEquals(checkOptions({}).watchSees, thisProcess),
});

Deno.test("checkOptions() takes the deployment for the revision on Deno Deploy, unless another one is given", () => {
  Deno.env.set("DENO_DEPLOYMENT_ID", "d1");
  try {
    assertEquals([checkOptions({}).revision, checkOptions({ revision: "" }).revision], ["d1", ""]);
  } finally {
    Deno.env.delete("DENO_DEPLOYMENT_ID");
  }
});

Deno.test({
  name: "checkOptions() has no revision where the environment cannot be read without a prompt",
  permissions: { env: false },
  fn: () => assertEquals(checkOptions({}).revision, ""),
});

Deno.test("checkOptions() is not changed by what becomes of the info, and leaves out what is undefined", () => {
  const info = { url: "http://a", at: { region: undefined as string | undefined } };
  const settings = checkOptions({ info });
  info.at.region = "ams";
  assertEquals(settings.info, { url: "http://a", at: {} });
});

const accepted: readonly ClusterOptions[] = [
  { heartbeatMs: 5_000, ttlMs: 15_000 },
  { heartbeatMs: 10, ttlMs: max },
  { heartbeatMs: 10, ttlMs: 30 },
  { slots: 4_096 },
  { slots: 1 },
  { revision: "r".repeat(200) },
  { info: null },
  { info: 0 },
  { info: "i".repeat(1_022) },
  { info: Object.create(null) },
  { info: structuredClone({ at: [{}] }) },
];
for (const options of accepted) {
  Deno.test(`checkOptions() accepts ${Deno.inspect(options)}`, () => void checkOptions(options));
}

const clock = "an object with now, monotonic and timer, current value is ";
const whole = (to: number, value: unknown, from = 1) =>
  `a whole number from ${from} to ${to}, current value is ${value}`;
const relation = (ttlMs: number, heartbeatMs: number) =>
  `at least 3 times heartbeatMs, current values are ${ttlMs} and ${heartbeatMs}`;

const endless: Record<string, unknown> = {};
endless.again = endless;

const refused: readonly (readonly [
  options: Record<string, unknown>,
  kind: typeof TypeError | typeof RangeError,
  name: string,
  what: string,
])[] = [
  [{ prefix: [] }, TypeError, "prefix", "a list of at least one"],
  [{ prefix: "cluster" }, TypeError, "prefix", "current value is cluster"],
  [{ prefix: [{}] }, TypeError, "prefix", "current value is [[object Object]]"],
  [{ path: 1 }, TypeError, "path", "a string, current value is 1"],
  [{ path: null }, TypeError, "path", "a string, current value is null"],
  [{ path: new URL("file:///kv") }, TypeError, "path", "a string, current value is [object URL]"],
  [{ watchSees: "all" }, TypeError, "watchSees", '"everybody" or "this process", current value is all'],
  [{ watchSees: null }, TypeError, "watchSees", '"everybody" or "this process", current value is null'],
  [{ timeline: true }, TypeError, "timeline", "a string, current value is true"],
  [{ allowLocal: "yes" }, TypeError, "allowLocal", "a boolean, current value is yes"],
  [{ allowLocal: null }, TypeError, "allowLocal", "a boolean, current value is null"],
  [{ onMismatch: "stop" }, TypeError, "onMismatch", '"wait" or "fail", current value is stop'],
  [{ onMismatch: null }, TypeError, "onMismatch", '"wait" or "fail", current value is null'],
  [{ revision: 2 }, TypeError, "revision", "a string of at most 200 characters, current value is 2"],
  [{ revision: "r".repeat(201) }, TypeError, "revision", "a string of at most 200 characters, current value is rrr"],
  [
    { info: () => {} },
    TypeError,
    "info",
    "plain data, as JSON can say it, at most 16 levels deep, current value at info is",
  ],
  [{ info: NaN }, TypeError, "info", "current value at info is NaN"],
  [{ info: 1n }, TypeError, "info", "current value at info is 1"],
  [{ info: { at: [new Date(0)] } }, TypeError, "info", "current value at info.at[0] is"],
  [{ info: { url: new URL("http://a") } }, TypeError, "info", "current value at info.url is [object URL]"],
  [{ info: [undefined] }, TypeError, "info", "current value at info[0] is undefined"],
  [{ info: endless }, TypeError, "info", "current value at info.again.again"],
  [{ info: "\u20ac".repeat(341) }, TypeError, "info", "at most 1024 bytes long as JSON, current length is 1025 bytes"],
  [{ clock: {} }, TypeError, "clock", `${clock}[object Object]`],
  [{ clock: null }, TypeError, "clock", `${clock}null`],
  [{ clock: { now: () => 0, timer: () => {} } }, TypeError, "clock", `${clock}[object Object]`],
  [{ random: 0.5 }, TypeError, "random", "a function, current value is 0.5"],
  [{ newId: "a1" }, TypeError, "newId", "a function, current value is a1"],
  [{ heartbeatMs: "5000" }, TypeError, "heartbeatMs", "a number, current value is 5000"],
  [{ heartbeatMs: 0 }, RangeError, "heartbeatMs", whole(max, 0, 10)],
  [{ heartbeatMs: 9 }, RangeError, "heartbeatMs", whole(max, 9, 10)],
  [{ heartbeatMs: -10 }, RangeError, "heartbeatMs", whole(max, -10, 10)],
  [{ heartbeatMs: 10.5 }, RangeError, "heartbeatMs", whole(max, 10.5, 10)],
  [{ heartbeatMs: NaN }, RangeError, "heartbeatMs", whole(max, NaN, 10)],
  [{ heartbeatMs: max + 1 }, RangeError, "heartbeatMs", whole(max, max + 1, 10)],
  [{ heartbeatMs: 10, ttlMs: 29 }, RangeError, "ttlMs", whole(max, 29, 30)],
  [{ ttlMs: 5_000n }, TypeError, "ttlMs", "a number, current value is 5000"],
  [{ ttlMs: Infinity }, RangeError, "ttlMs", whole(max, Infinity, 30)],
  [{ ttlMs: 14_999 }, RangeError, "ttlMs", relation(14_999, 5_000)],
  [{ heartbeatMs: 5_001 }, RangeError, "ttlMs", relation(15_000, 5_001)],
  [{ slots: 0 }, RangeError, "slots", whole(4_096, 0)],
  [{ slots: 4_097 }, RangeError, "slots", whole(4_096, 4_097)],
  [{ slots: 2.5 }, RangeError, "slots", whole(4_096, 2.5)],
  [{ slots: "256" }, TypeError, "slots", "a number, current value is 256"],
];
for (const [options, kind, name, what] of refused) {
  Deno.test(`new Cluster() throws ${kind.name} at the options ${Deno.inspect(options)}`, async () => {
    using kv = await Deno.openKv(":memory:");
    const { message } = assertThrows(() => new Cluster(kv, options as ClusterOptions), kind);
    assert(message.startsWith(`Cannot use the option ${name}: it must be`), message);
    assert(message.includes(what), message);
  });
}

const ids: readonly (readonly [id: unknown, shown: string])[] = [
  ["worker-1", '"worker-1"'],
  ["A1", '"A1"'],
  ["", '""'],
  ["a 1", '"a 1"'],
  ["a1\n", '"a1\\n"'],
  [undefined, "undefined"],
  [{}, "[object Object]"],
  ["a".repeat(65), `"${"a".repeat(65)}"`],
];
for (const [id, shown] of ids) {
  Deno.test(`Cluster.run() rejects with TypeError when newId gives ${Deno.inspect(id).slice(0, 20)}, and can be run again`, async () => {
    using kv = await Deno.openKv(":memory:");
    const cluster = new Cluster(kv, { allowLocal: true, newId: () => id as string });
    for (let runs = 0; runs < 2; runs++) {
      const { message } = await assertRejects(() => cluster.run(() => {}), TypeError);
      const rule = String(id).length > 64 ? "at most 64 characters" : "hexadecimal digits and dashes";
      const expected = `an id has ${rule}`;
      assertEquals(message, `Cannot use what the option newId returned: ${expected}, current value is ${shown}`);
    }
  });
}

Deno.test("new Cluster() throws TypeError at a prefix where control records live", async () => {
  using kv = await Deno.openKv(":memory:");
  assertThrows(
    () => new Cluster(kv, { prefix: ["@pact/supervisor", "cluster"] }),
    TypeError,
    'control records live under "@pact/supervisor"',
  );
});

for (const value of [undefined, null, {}, "kv.sqlite"]) {
  Deno.test(`new Cluster() throws TypeError at ${Deno.inspect(value)} in place of a database`, () => {
    assertThrows(() => new Cluster(value as unknown as Deno.Kv), TypeError, "kv must be an open Deno.Kv");
  });
}
