import { assertEquals } from "@std/assert";
import { Bot, settle, World } from "./fixtures/mod.ts";

type Settle = (value: unknown) => void;

/** A world whose row "a" is built by something like a promise, as a library may bring its own. */
function worldOf(then: (bot: Bot, resolve: Settle, reject: Settle) => void): World {
  const world = new World({}, { announces: false });
  const build = () => {
    const bot = new Bot("a", {}, world.live);
    return { then: (resolve: Settle, reject: Settle) => then(bot, resolve, reject) };
  };
  world.table.rows.set("a", { build });
  return world;
}

Deno.test("Supervisor runs once what a promise of a foreign kind resolves with twice", async () => {
  await using world = worldOf((bot, resolve) => {
    resolve(bot);
    resolve(bot);
  });
  await world.begin();
  assertEquals([world.live.keys, world.live.overlaps], [["a"], []]);
});

Deno.test("Supervisor lets a process go on although the promise of a foreign kind that gave it rejects afterwards", async () => {
  await using world = worldOf((bot, resolve, reject) => {
    resolve(bot);
    reject(new Error("late"));
  });
  await world.begin();
  await settle();
  assertEquals(world.journal.spell("a"), "sr");
});
