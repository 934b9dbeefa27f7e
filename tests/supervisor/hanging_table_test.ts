import { assertEquals } from "@std/assert";
import { World } from "./fixtures/mod.ts";

/** A world in which a pass has missed the entry "a", and the look that would confirm it is never answered. */
async function worldThatHangs(world: World): Promise<PromiseWithResolvers<void>> {
  const gate = Promise.withResolvers<void>();
  await world.begin();
  world.table.rows.delete("a");
  world.table.onLook = (key) => key === "a" && gate.promise;
  await world.time.pass(60_000);
  return gate;
}

Deno.test("Supervisor goes on passing over the table although a look for what is gone is never answered", async () => {
  await using world = new World({ a: {}, b: {} }, { announces: false });
  const gate = await worldThatHangs(world);
  world.table.set("c");
  await world.time.pass(61_000);
  assertEquals(world.stateOf("c"), "running");
  gate.resolve();
});

Deno.test("Supervisor announces after a second that a look for what is gone is not answered", async () => {
  await using world = new World({ a: {}, b: {} }, { announces: false });
  const gate = await worldThatHangs(world);
  await world.time.pass(999);
  assertEquals(world.journal.of("table-failed"), []);
  await world.time.pass(1);
  const said = "table-failed iterate Cannot confirm what is gone: the table has not answered within 1000 ms";
  assertEquals(world.take().at(-1), said);
  gate.resolve();
});
