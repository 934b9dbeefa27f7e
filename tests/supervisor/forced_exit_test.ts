import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

Deno.test("Supervisor says that an exit was forced when the stop budget was spent", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(3_999);
  assertEquals(world.journal.of("exited"), []);
  await world.time.pass(1);
  assertEquals(stop.fate, "resolved");
  assertEquals(world.journal.of("exited").map(({ outcome, isForced }) => [outcome, isForced]), [["stopped", true]]);
});

Deno.test("Supervisor does not call a graceful exit forced", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.supervisor.stop("a");
  assertEquals(world.journal.of("exited").map((event) => "isForced" in event), [false]);
});

Deno.test("Supervisor does not call the end of a start-up forced: nothing is left undone by it", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.supervisor.stop("a");
  assertEquals(world.journal.of("exited").map((event) => "isForced" in event), [false]);
});

Deno.test("Supervisor parks what returned without an error, not with an older one", async () => {
  await using world = new World({ a: {} }, { restart: { limit: 2 } });
  await world.begin();
  world.bot("a").crash();
  await world.time.pass(1_000);
  world.bot("a").leave();
  await settle();
  assertEquals(world.journal.of("parked").map(({ error }) => error), [undefined]);
  const [process] = world.snapshot.processes;
  assertEquals([process.state, process.lastError], ["parked", undefined]);
});
