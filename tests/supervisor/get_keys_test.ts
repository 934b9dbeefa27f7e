import { assertEquals, assertThrows } from "@std/assert";
import { ProcessNotFoundError, ProcessNotRunningError } from "@pact/supervisor";
import { watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.get() throws ProcessNotFoundError when there is no such process", async () => {
  await using world = new World();
  await world.begin();
  assertThrows(() => world.supervisor.get("a"), ProcessNotFoundError, 'Cannot get process "a"');
});

Deno.test("Supervisor.get() throws ProcessNotRunningError while the process is stopping", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  watch(world.supervisor.stop("a"));
  const error = assertThrows(() => world.supervisor.get("a"), ProcessNotRunningError);
  assertEquals([error.key, error.state], ["a", "stopping"]);
});

Deno.test("Supervisor.keys() has the keys of processes in whatever state", async () => {
  await using world = new World({ a: {}, b: { hangs: true }, c: { lingers: true }, d: {}, e: { startError: oops } }, {
    startConcurrency: 3,
  });
  await world.begin();
  await world.time.pass(0);
  watch(world.supervisor.stop("c"));
  assertEquals(world.supervisor.keys().sort(), ["a", "b", "c", "d"]);
});

Deno.test("Supervisor.keys() has nothing before the first run and after it", async () => {
  await using world = new World({ a: {} });
  assertEquals(world.supervisor.keys(), []);
  await world.supervisor.run(() => {});
  assertEquals(world.supervisor.keys(), []);
});
