import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { trace } from "@opentelemetry/api";
import { MapTable, nop, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { instrument } from "@pact/supervisor/otel";
import { heartbeatMs, World as ClusterWorld } from "../cluster/fixtures.ts";
import { settle, World } from "../supervisor/fixtures/mod.ts";
import { Recorder } from "./recorder.ts";

const supervisor = new Supervisor(new MapTable([["a", nop]]));

const badParts: Readonly<Record<string, [parts: unknown, says: string]>> = {
  "nothing": [undefined, "Cannot instrument: it takes an object with a supervisor, current value is undefined"],
  "null": [null, "it takes an object with a supervisor, current value is null"],
  "a text": ["supervisor", "it takes an object with a supervisor, current value is supervisor"],
  "no supervisor": [{}, "Cannot use the option supervisor: it must be a Supervisor, current value is undefined"],
  "the supervisor itself": [supervisor, "Cannot use the option supervisor: it must be a Supervisor"],
  "a table as a supervisor": [
    { supervisor: new MapTable() },
    "Cannot use the option supervisor: it must be a Supervisor",
  ],
  "a supervisor as a cluster": [
    { supervisor, cluster: supervisor },
    "Cannot use the option cluster: it must be a Cluster",
  ],
  "null as a cluster": [{ supervisor, cluster: null }, "it must be a Cluster, current value is null"],
  "a Map as a table": [{ supervisor, table: new Map() }, "Cannot use the option table: it must be a table"],
  "null as a table": [{ supervisor, table: null }, "it must be a table, current value is null"],
};

const badProviders: Readonly<Record<string, [providers: unknown, says: string]>> = {
  "null": [null, "Cannot instrument: the providers are an object, current value is null"],
  "a text": ["otlp", "the providers are an object, current value is otlp"],
  "a meter": [
    { meterProvider: { createCounter() {} } },
    "Cannot use the option meterProvider: it must be a MeterProvider",
  ],
  "null as a meter provider": [{ meterProvider: null }, "it must be a MeterProvider, current value is null"],
  "a tracer": [
    { tracerProvider: { startSpan() {} } },
    "Cannot use the option tracerProvider: it must be a TracerProvider",
  ],
};

for (const [name, [parts, says]] of Object.entries(badParts)) {
  Deno.test(`instrument() refuses ${name} with a clear error, and leaves nothing behind`, () => {
    const { message } = assertThrows(() => instrument(parts as never), TypeError);
    assertStringIncludes(message, says);
    using _telemetry = instrument({ supervisor }, new Recorder());
  });
}

for (const [name, [providers, says]] of Object.entries(badProviders)) {
  Deno.test(`instrument() refuses ${name} as providers with a clear error, and leaves nothing behind`, () => {
    const { message } = assertThrows(() => instrument({ supervisor }, providers as never), TypeError);
    assertStringIncludes(message, says);
    using _telemetry = instrument({ supervisor }, new Recorder());
  });
}

Deno.test("instrument() refuses what is instrumented already, which would be counted twice", async () => {
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { allowLocal: true });
  const table = cluster.table(kv, { prefix: ["bots"], create: (_: null, _key: string) => nop });
  const other = new Supervisor(new MapTable());
  const telemetry = instrument({ supervisor, cluster, table }, new Recorder());
  for (
    const [name, parts] of Object.entries({
      supervisor: { supervisor },
      cluster: { supervisor: other, cluster },
      table: { supervisor: other, table },
    })
  ) {
    assertThrows(
      () => instrument(parts, new Recorder()),
      Error,
      `Cannot instrument the ${name}: it is instrumented already`,
    );
  }
  telemetry[Symbol.dispose]();
  telemetry[Symbol.dispose]();
  using _other = instrument({ supervisor: other, cluster, table }, new Recorder());
});

Deno.test("instrument() takes everything back when it is disposed of", async () => {
  await using world = await ClusterWorld.open(["a"]);
  const recorder = new Recorder(), one = world.instance("a");
  const { supervisor, cluster, part: table } = one;
  const telemetry = instrument({ supervisor, cluster, table }, recorder);
  one.begin();
  await world.pass(20 * heartbeatMs);
  assertEquals([recorder.callbacks, recorder.recorded.length > 0, recorder.begun > 0], [1, true, true]);
  telemetry[Symbol.dispose]();
  const before = [recorder.recorded.length, recorder.begun];
  await supervisor.restart("a");
  await table.set("b", "free");
  await world.pass(20 * heartbeatMs);
  assertEquals([recorder.callbacks, recorder.recorded.length, recorder.begun], [0, ...before]);
  assertEquals(supervisor.summary().counts, { running: 2 });
});

Deno.test("instrument() does without providers, and takes what is registered globally", async () => {
  const recorder = new Recorder();
  trace.setGlobalTracerProvider(recorder.tracerProvider);
  try {
    await using world = new World({ a: {} });
    using _telemetry = instrument({ supervisor: world.supervisor });
    await world.begin();
    await settle();
    assertEquals(recorder.spans.map(({ name }) => name).sort(), ["supervisor.reconcile", "supervisor.start"]);
  } finally {
    trace.disable();
  }
});

Deno.test("instrument() changes nothing for the processes when a provider throws", async () => {
  const recorder = new Recorder(), { error } = console, printed: string[] = [];
  console.error = (line: string) => void printed.push(line);
  try {
    await using world = new World({ a: {} });
    const tracerProvider = {
      getTracer: () => ({
        startSpan() {
          throw new Error("no tracer");
        },
      }),
    };
    using _telemetry = instrument({ supervisor: world.supervisor }, {
      ...recorder,
      tracerProvider: tracerProvider as never,
    });
    await world.begin();
    await world.supervisor.restart("a");
    assertEquals(world.supervisor.keys(), ["a"]);
  } finally {
    console.error = error;
  }
  assertEquals(new Set(printed), new Set(["An event listener failed: Error: no tracer"]));
});
