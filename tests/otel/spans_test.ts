import { assertEquals } from "@std/assert";
import { type Context, context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorage } from "node:async_hooks";
import { instrument } from "@pact/supervisor/otel";
import { heartbeatMs, World as ClusterWorld } from "../cluster/fixtures.ts";
import { settle, watch, World } from "../supervisor/fixtures/mod.ts";
import { Lines, type RecordedSpan, Recorder } from "./recorder.ts";

/** What is said of a span in a few words. */
function brief({ name, fromAt, toAt, attributes }: RecordedSpan): string {
  const { "supervisor.process.key": key, "error.type": error, ...rest } = attributes;
  const shown = [key, ...Object.values(rest), error].filter((each) => each !== undefined);
  return `${name.replace("supervisor.", "")} ${fromAt}-${toAt} ${shown.join(" ")}`;
}

/** A world whose supervisor is instrumented. */
function open(rows: ConstructorParameters<typeof World>[0], options: ConstructorParameters<typeof World>[1] = {}) {
  const recorder = new Recorder(), world = new World(rows, options), lines = new Lines();
  const telemetry = instrument({ supervisor: world.supervisor }, recorder);
  return {
    recorder,
    world,
    brief: () => recorder.spans.filter(({ name }) => name !== "supervisor.reconcile").map(brief),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      telemetry[Symbol.dispose]();
      lines[Symbol.dispose]();
      assertEquals(recorder.spans.length, recorder.begun, "spans that were begun and not ended");
    },
  };
}

Deno.test("instrument() makes a span of a start and one of a stop, none of the life between", async () => {
  await using opened = open({ a: { hangs: true, lingers: true } });
  const { world } = opened;
  await world.begin();
  await world.time.pass(250);
  world.bot("a").up.resolve();
  await world.time.pass(86_400_000);
  watch(world.supervisor.stop("a"));
  await world.time.pass(40);
  world.bot("a").down.resolve();
  await settle();
  assertEquals(opened.brief(), ["start 0-250 a restore 1", "stop 86400250-86400290 a stopped"]);
});

Deno.test("instrument() tells how a start has failed, and makes no span of the stop of what crashes", async () => {
  await using opened = open({ a: { startError: new TypeError("oops") }, b: {} }, { restart: { limit: 1 } });
  const { world, recorder } = opened;
  await world.begin();
  await world.time.pass(10);
  world.bot("b").crash();
  await settle();
  assertEquals(opened.brief(), ["start 0-0 a restore 1 TypeError", "start 0-0 b restore 1"]);
  assertEquals(recorder.spans.find(({ attributes }) => "error.type" in attributes)?.status, {
    code: 2,
    message: "TypeError: oops",
  });
});

Deno.test("instrument() ends the span of a start that is given up or called off with the process", async () => {
  await using opened = open({ late: { hangs: true, deaf: true }, off: { hangs: true } }, { startTimeoutMs: 1_000 });
  const { world } = opened;
  await world.begin();
  await world.time.pass(500);
  watch(world.supervisor.stop("off"));
  await world.time.pass(700);
  world.bot("late").crash();
  await settle();
  assertEquals(opened.brief(), [
    "start 0-500 off restore 1",
    "stop 500-500 off stopped",
    "start 0-1200 late restore 1 Error",
    "stop 1000-1200 late failed Error",
  ]);
});

Deno.test("instrument() makes no span of an entry that could not be looked up, and one of an entry that could not be built", async () => {
  await using opened = open({ a: {} });
  const { world } = opened;
  world.table.onBuild = () => {
    throw new RangeError("no such bot");
  };
  await world.begin();
  world.table.onLook = () => Promise.reject(new Error("no table"));
  watch(world.supervisor.ensure("b"));
  await settle();
  assertEquals(opened.brief(), ["start 0-0 a restore 1 RangeError"]);
});

Deno.test("instrument() makes a span of each pass, with what came of it", async () => {
  await using opened = open({ a: {}, b: { hangs: true } }, { initialWaitMs: 500 });
  const { world, recorder } = opened;
  await world.begin();
  await world.time.pass(500);
  world.table.onIterate = () => Promise.reject(new TypeError("no table"));
  watch(world.supervisor.reconcile());
  await world.time.pass(0);
  const passes = recorder.spans.filter(({ name }) => name === "supervisor.reconcile").map(brief);
  assertEquals(passes, ["reconcile 0-500 2 2 0", "reconcile 500-500 0 0 0 TypeError"]);
});

Deno.test("instrument() makes a span of each hand-over of a slot", async () => {
  using _lines = new Lines();
  const recorder = new Recorder();
  await using world = await ClusterWorld.open(["a"]);
  const one = world.instance("a");
  using _telemetry = instrument({ supervisor: one.supervisor, cluster: one.cluster }, recorder);
  one.begin();
  await world.pass(20 * heartbeatMs);
  await world.member("b");
  await world.pass(20 * heartbeatMs);
  const handOvers = recorder.spans.filter(({ name }) => name === "supervisor.hand_over");
  const released = one.of("slot-released");
  assertEquals(released.length > 0, true);
  assertEquals(
    handOvers.map(({ attributes, toAt }) => [attributes["supervisor.cluster.slot"], toAt]),
    released.map(({ slot, at }) => [slot, at]),
  );
});

/** Has calls know of spans, as the context manager of an SDK does. */
class Contexts implements Disposable {
  readonly #storage = new AsyncLocalStorage<Context>();

  constructor() {
    const storage = this.#storage;
    context.setGlobalContextManager({
      active: () => storage.getStore() ?? ROOT_CONTEXT,
      with: (active, call, self, ...args) => storage.run(active, () => call.apply(self as never, args)),
      bind: (_, target) => target,
      enable: () => ({}) as never,
      disable: () => ({}) as never,
    });
  }

  /** Calls within a span of a request. */
  within<T>(spanId: string, call: () => T): T {
    const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId, traceFlags: 1 };
    return context.with(trace.setSpanContext(ROOT_CONTEXT, span), call);
  }

  [Symbol.dispose](): void {
    context.disable();
  }
}

Deno.test("instrument() links a start to the span of the request that has caused it, and makes it no child of that", async () => {
  using contexts = new Contexts();
  await using opened = open({ a: {}, b: {} });
  const { world, recorder } = opened;
  await world.begin();
  await world.supervisor.stop("a");
  await contexts.within("00000000000000a1", () => world.supervisor.start("a"));
  await contexts.within("00000000000000a2", () => world.supervisor.restart("b"));
  world.bot("b").crash();
  await world.time.pass(2_000);
  const starts = recorder.spans.filter(({ name }) => name === "supervisor.start");
  const request = "0af7651916cd43dd8448eb211c80319c";
  assertEquals(starts.map(({ attributes, links, parent }) => [attributes["supervisor.start.cause"], links, parent]), [
    ["restore", [], undefined],
    ["restore", [], undefined],
    ["call", [`${request} 00000000000000a1 1`], undefined],
    ["call", [`${request} 00000000000000a2 1`], undefined],
    ["retry", [], undefined],
  ]);
});

Deno.test("instrument() makes roots of all spans, also where run is called within a span", async () => {
  using contexts = new Contexts();
  await using opened = open({ a: {} });
  await contexts.within("00000000000000a1", () => opened.world.begin());
  assertEquals(opened.recorder.spans.map(({ links, parent }) => [links, parent]), [[[], undefined], [[], undefined]]);
});
