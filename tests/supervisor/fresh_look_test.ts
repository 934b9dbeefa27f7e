import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

/** Announces a key, and holds the answer of the look that follows back until the gate opens. */
async function lookInFlight(world: World, change: () => void): Promise<PromiseWithResolvers<void>> {
  const gate = Promise.withResolvers<void>();
  world.table.onAnswer = () => gate.promise;
  change();
  await settle();
  world.table.onAnswer = () => {};
  return gate;
}

for (const operation of ["start", "ensure", "restart"] as const) {
  Deno.test(`Supervisor.${operation}() finds an entry that was set before it although an older look found none`, async () => {
    await using world = new World();
    await world.begin();
    const older = await lookInFlight(world, () => world.table.delete("a"));
    world.table.set("a");
    const call = watch(world.supervisor[operation]("a"));
    older.resolve();
    await settle();
    assertEquals([call.fate, world.stateOf("a")], ["resolved", "running"]);
  });
}

Deno.test("Supervisor.restart() does not reject with the error of a look that began before it", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const older = await lookInFlight(world, () => world.table.announce("a"));
  const restart = watch(world.supervisor.restart("a"));
  await settle();
  older.reject(new Error("too old"));
  await settle();
  assertEquals([restart.fate, world.bot("a").runs], ["resolved", 1]);
});

Deno.test("Supervisor announces the error of a look that began before the call that waits", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const older = await lookInFlight(world, () => world.table.announce("a"));
  watch(world.supervisor.restart("a"));
  await settle();
  older.reject(new Error("too old"));
  await settle();
  assertEquals(world.journal.of("table-failed").map(({ error }) => `${error}`), ["Error: too old"]);
});
