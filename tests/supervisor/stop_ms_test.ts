import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

Deno.test("exited says how long the stop took, by the monotonic clock", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.time.pass(5_000);
  watch(world.supervisor.stop("a"));
  await world.time.pass(300);
  world.bot("a").down.resolve();
  await settle();
  const [{ stopMs, uptimeMs }] = world.journal.of("exited");
  assertEquals([stopMs, uptimeMs], [300, 5_300]);
});

Deno.test("exited counts the stop from the first time it was asked for", async () => {
  await using world = new World({ a: { lingers: true } }, { stopTimeoutMs: 1_000 });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(400);
  watch(world.supervisor.stop("a"));
  await world.time.pass(10_000); // forced after 1 s
  assertEquals(world.journal.of("exited").map(({ stopMs, isForced }) => [stopMs, isForced]), [[1_000, true]]);
});

Deno.test("exited says how long an aborted start-up took to end", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs: 1_000, initialWaitMs: 0 });
  await world.begin();
  await world.time.pass(1_000);
  await world.time.pass(250);
  world.bot("a").crash();
  await settle();
  assertEquals(world.journal.of("exited").map(({ phase, stopMs }) => [phase, stopMs]), [["starting", 250]]);
});

Deno.test("exited says nothing of a stop when the process ended by itself at once", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash();
  await settle();
  assertEquals(world.journal.of("exited").map((event) => "stopMs" in event), [false]);
});

Deno.test("exited has the time of a stop at the end of the run", async () => {
  const world = new World({ a: { lingers: true } });
  {
    await using _world = world;
    await world.begin();
    await world.leave();
    await world.time.pass(700);
    world.bot("a").down.resolve();
    await settle();
  }
  assertEquals(world.journal.of("exited").map(({ stopMs }) => stopMs), [700]);
});
