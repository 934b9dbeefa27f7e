import { assertEquals } from "@std/assert";
import { instrument } from "@pact/supervisor/otel";
import { MapTable, nop, Supervisor } from "@pact/supervisor";
import { hang } from "../../src/testing/mod.ts";
import { heartbeatMs, timeoutMs, World as ClusterWorld } from "../cluster/fixtures.ts";
import { settle, watch, World } from "../supervisor/fixtures/mod.ts";
import { Lines, Recorder } from "./recorder.ts";

const none = {
  queued: 0,
  starting: 0,
  running: 0,
  stopping: 0,
  stuck: 0,
  retrying: 0,
  parked: 0,
  resting: 0,
  paused: 0,
};

function counted(counts: Partial<typeof none>, desired: number): Record<string, number> {
  const states = Object.entries({ ...none, ...counts }).map((
    [state, count],
  ) => [`supervisor.process.count ${state}`, count]);
  return { ...Object.fromEntries(states), "supervisor.process.desired": desired };
}

Deno.test("instrument() makes each metric with its kind and unit by the rules of OpenTelemetry", () => {
  const recorder = new Recorder();
  using _telemetry = instrument({ supervisor: new Supervisor(new MapTable()) }, recorder);
  const made = Object.entries(recorder.made).map(([name, { kind, unit }]) => [name, kind, unit]);
  assertEquals(made.sort(), [
    ["supervisor.cluster.session.count", "ObservableGauge", "{session}"],
    ["supervisor.cluster.slot.count", "ObservableGauge", "{slot}"],
    ["supervisor.kv.operation.duration", "Histogram", "s"],
    ["supervisor.process.count", "ObservableUpDownCounter", "{process}"],
    ["supervisor.process.desired", "ObservableUpDownCounter", "{process}"],
    ["supervisor.process.restarts", "Counter", "{restart}"],
    ["supervisor.process.start.duration", "Histogram", "s"],
    ["supervisor.process.uptime", "Histogram", "s"],
    ["supervisor.reconcile.duration", "Histogram", "s"],
  ]);
  assertEquals(Object.values(recorder.made).filter(({ description }) => !description), []);
});

Deno.test("instrument() counts the keys in each state, every state each time", async () => {
  using _lines = new Lines();
  const recorder = new Recorder();
  await using world = new World({ a: {}, b: {}, parked: { startError: new Error("oops") } }, { restart: { limit: 1 } });
  using _telemetry = instrument({ supervisor: world.supervisor }, recorder);
  assertEquals(recorder.collect(), counted({}, 0));
  await world.begin();
  await world.time.pass(5_000);
  assertEquals(recorder.collect(), counted({ running: 2, parked: 1 }, 3));
});

Deno.test("instrument() does not count what is paused as desired", async () => {
  const recorder = new Recorder(), table = new MapTable([["a", nop], ["b", nop]]), supervisor = new Supervisor(table);
  using _telemetry = instrument({ supervisor, table }, recorder);
  table.pause("b");
  await supervisor.run(() => assertEquals(recorder.collect(), counted({ running: 1, paused: 1 }, 1)));
});

Deno.test("instrument() adds several supervisors up that tell the same provider", async () => {
  const recorder = new Recorder();
  const supervisors = ["a", "b"].map((key) => new Supervisor(new MapTable([[key, nop], [`${key}2`, nop]])));
  const telemetry = supervisors.map((supervisor) => instrument({ supervisor }, recorder));
  await supervisors[0].run(async () => {
    await supervisors[1].run(() => {
      assertEquals(recorder.collect(), counted({ running: 4 }, 4));
      telemetry[1][Symbol.dispose]();
      assertEquals(recorder.collect(), counted({ running: 2 }, 2));
    });
  });
  telemetry[0][Symbol.dispose]();
  assertEquals(recorder.callbacks, 0);
});

Deno.test("instrument() measures starts and lives in s, and counts restarts by how the life before had ended", async () => {
  using _lines = new Lines();
  const recorder = new Recorder();
  await using world = new World({ a: { hangs: true } }, { restart: { jitter: 0 } });
  using _telemetry = instrument({ supervisor: world.supervisor }, recorder);
  await world.begin();
  await world.time.pass(250);
  world.bot("a").up.resolve();
  await world.time.pass(7_000);
  world.bot("a").crash();
  await world.time.pass(1_000);
  world.bot("a").up.resolve();
  await settle();
  world.table.set("a", {});
  world.table.announce("a");
  await settle();
  await world.supervisor.restart("a");
  await settle();
  assertEquals(recorder.valuesOf("supervisor.process.start.duration"), [[0.25, {}], [0, {}], [0, {}], [0, {}]]);
  assertEquals(recorder.valuesOf("supervisor.process.uptime").map(([uptime]) => uptime), [7, 0, 0]);
  assertEquals(recorder.valuesOf("supervisor.process.restarts"), [
    [1, { outcome: "failed" }],
    [1, { outcome: "stopped" }],
  ]);
});

Deno.test("instrument() measures no life of what has not come up, and no start either", async () => {
  using _lines = new Lines();
  const recorder = new Recorder();
  await using world = new World({ a: { startError: new Error("oops") } }, { restart: { limit: 1 } });
  using _telemetry = instrument({ supervisor: world.supervisor }, recorder);
  await world.begin();
  await settle();
  const measured = recorder.recorded.map(([name]) => name).filter((name) => name.startsWith("supervisor.process"));
  assertEquals(measured, []);
});

Deno.test("instrument() measures passes, and says what one has failed with", async () => {
  using _lines = new Lines();
  const recorder = new Recorder();
  await using world = new World({ a: {}, b: { startError: new Error("no fault of the pass") } });
  using _telemetry = instrument({ supervisor: world.supervisor }, recorder);
  await world.begin();
  world.table.onIterate = () => Promise.reject(new TypeError("no table"));
  watch(world.supervisor.reconcile());
  await world.time.pass(0);
  world.table.onIterate = () => {};
  watch(world.supervisor.reconcile());
  await world.time.pass(0);
  const passes = recorder.valuesOf("supervisor.reconcile.duration");
  assertEquals(passes.map(([, attributes]) => attributes), [{}, { "error.type": "TypeError" }, {}]);
});

Deno.test("instrument() counts the slots and sessions of a cluster, and measures its calls and those of its table", async () => {
  using _lines = new Lines();
  const recorder = new Recorder();
  await using world = await ClusterWorld.open(["a"]);
  const one = world.instance("a");
  const { supervisor, cluster, part: table, kv } = one;
  using _telemetry = instrument({ supervisor, cluster, table }, recorder);
  one.begin();
  await world.pass(20 * heartbeatMs);
  const { "supervisor.cluster.session.count": sessions, ...rest } = recorder.collect();
  const slots = Object.entries(rest).filter(([name]) => name.startsWith("supervisor.cluster"));
  assertEquals([sessions, slots], [1, [
    ["supervisor.cluster.slot.count owned", 16],
    ["supervisor.cluster.slot.count handing_over", 0],
    ["supervisor.cluster.slot.count unowned", 0],
  ]]);
  const operations = new Set(
    recorder.valuesOf("supervisor.kv.operation.duration").map(([, { operation }]) => operation),
  );
  for (const operation of ["heartbeat", "sessions", "claims", "listing"]) assertEquals(operations.has(operation), true);

  const before = recorder.recorded.length;
  kv.break(hang(), "commit");
  await world.pass(2 * heartbeatMs);
  kv.break();
  const failed = recorder.recorded.slice(before).filter(([, , attributes]) => "error.type" in attributes);
  assertEquals(failed[0].slice(1), [timeoutMs / 1_000, { operation: "heartbeat", "error.type": "KvTimeoutError" }]);
});
