import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

const reason = new Error("end now");

Deno.test("Supervisor.run() ends when it is forced while its callback waits for a deaf process to start", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } });
  const controller = new AbortController();
  const run = watch(world.supervisor.run(() => world.supervisor.ensure("a"), { signal: controller.signal }));
  await world.time.pass(1_000);
  controller.abort(reason);
  await world.time.pass(8_000);
  assertEquals([run.fate, world.stateOf("a")], ["ProcessStuckError", "stuck"]);
});

Deno.test("Supervisor.run() ends when it is forced while its callback waits for the stop of a deaf process", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  const controller = new AbortController();
  const run = watch(world.supervisor.run(() => world.supervisor.stop("a"), { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await world.time.pass(8_000);
  assertEquals([run.fate, world.stateOf("a")], ["ProcessStuckError", "stuck"]);
});

Deno.test("Supervisor.stop() rejects stopTimeoutMs after the run is forced while its process is deaf", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(1_000);
  world.force.abort(reason);
  await world.time.pass(3_999);
  assertEquals(stop.fate, "pending");
  await world.time.pass(1);
  assertEquals(stop.fate, "ProcessStuckError");
});
