import { assertEquals } from "@std/assert";
import { Bot, settle, watch, World } from "./fixtures/mod.ts";

/** Keys of a world are strings otherwise. */
const [zero, minusZero] = [0, -0] as unknown[] as string[];

/** For every event of a key whether that is 0 and not -0. */
const areZero = (world: World) =>
  world.journal.events.flatMap((event) => "key" in event ? Object.is(event.key, 0) : []);

for (const operation of ["start", "ensure", "restart"] as const) {
  Deno.test(`Supervisor.${operation}() takes -0 for the key 0`, async () => {
    await using world = new World({}, { announces: false });
    await world.begin();
    world.table.set(zero);
    watch(world.supervisor[operation](minusZero));
    await settle();
    assertEquals(areZero(world), [true, true]);
  });
}

Deno.test("Supervisor takes an entry with the key -0 for one with the key 0", async () => {
  await using world = new World({}, { announces: false });
  world.table[Symbol.asyncIterator] = async function* () {
    yield { key: minusZero, get: () => new Bot("0", {}, world.live) };
  };
  await world.begin();
  assertEquals(areZero(world), [true, true]);
});
