import { assertEquals } from "@std/assert";
import { instrument } from "@pact/supervisor/otel";
import { hang } from "../../src/testing/mod.ts";
import { heartbeatMs, World as ClusterWorld } from "../cluster/fixtures.ts";
import { settle, World } from "../supervisor/fixtures/mod.ts";
import { Lines, Recorder } from "./recorder.ts";

Deno.test("instrument() prints each failure as one line of JSON, with the ids of its span, and nothing as text", async () => {
  using console = new Lines();
  const recorder = new Recorder();
  const error = new TypeError("two\nlines \u2028", { cause: new Error("refused") });
  await using world = new World({ "a\u2028b": { startError: error } }, { isObserved: false, restart: { limit: 1 } });
  using _telemetry = instrument({ supervisor: world.supervisor }, recorder);
  await world.begin();
  await world.time.pass(0);
  assertEquals(console.lines.map((line) => /[\n\r\u2028\u2029]/.test(line)), [false, false]);
  const [exited, parked] = console.lines.map((line) => JSON.parse(line));
  const start = recorder.spans.find(({ name }) => name === "supervisor.start")!;
  const told = { name: "TypeError", message: "two\\nlines \\u2028", causes: ["Error: refused"], at: 0 };
  assertEquals(exited, {
    level: "error",
    at: 0,
    event: "exited",
    key: "a\\u2028b",
    message: 'supervisor: process "a\\u2028b": failed while starting: TypeError: two\\nlines \\u2028: refused',
    error: told,
    trace_id: start.id.padStart(32, "f"),
    span_id: start.id,
  });
  assertEquals([parked.event, parked.error, "span_id" in parked], ["parked", told, false]);
});

Deno.test("instrument() prints nothing when all is well, and text again after it was disposed of", async () => {
  using console = new Lines();
  await using world = new World({ a: {}, b: {} }, { isObserved: false });
  const telemetry = instrument({ supervisor: world.supervisor }, new Recorder());
  await world.begin();
  await world.supervisor.restart("a");
  await settle();
  assertEquals(console.lines, []);
  telemetry[Symbol.dispose]();
  world.bot("b").crash();
  await settle();
  assertEquals(console.lines, ['supervisor: process "b": failed while running: Error: crash']);
});

Deno.test("instrument() prints the failures of a cluster, too", async () => {
  using console = new Lines();
  await using world = await ClusterWorld.open();
  const one = world.instance("a");
  using _telemetry = instrument({ supervisor: one.supervisor, cluster: one.cluster }, new Recorder());
  one.begin();
  await world.pass(20 * heartbeatMs);
  one.kv.break(hang());
  await world.pass(10 * heartbeatMs);
  one.kv.break();
  const [line] = console.lines.map((each) => JSON.parse(each)).filter(({ message }) => message.startsWith("cluster: "));
  assertEquals([line.event, line.error.name], ["database-unavailable", "KvTimeoutError"]);
});
