import { assertEquals } from "@std/assert";
import { settle, World } from "./fixtures/mod.ts";

Deno.test("Supervisor looks once at a key that has changed: the process is replaced by what that look has found", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.looks.length = 0;
  const before = world.bot("a");
  world.table.set("a");
  await settle();
  assertEquals([world.table.looks, world.bot("a") !== before, world.stateOf("a")], [["a"], true, "running"]);
});

Deno.test("Supervisor replaces a process by the newest entry that was found while the old one stopped", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const built: number[] = [];
  const set = (number: number) =>
    world.table.set("a", { build: () => ({ run: (callback: () => unknown) => (built.push(number), callback()) }) });
  set(1);
  await settle();
  set(2);
  await settle();
  world.table.looks.length = 0;
  world.bot("a").down.resolve();
  await settle();
  assertEquals([built, world.table.looks], [[2], []]);
});

Deno.test("Supervisor.restart() looks afresh, though a look has found a new entry while the process stopped", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  world.table.set("a");
  await settle();
  const restart = world.supervisor.restart("a");
  world.table.looks.length = 0;
  world.bot("a").down.resolve();
  await restart;
  assertEquals(world.table.looks, ["a"]);
});

Deno.test("Supervisor does not start a process whose entry is deleted after it was found changed", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const first = world.bot("a");
  world.table.set("a");
  await settle();
  world.table.delete("a");
  await settle();
  first.down.resolve();
  await settle();
  assertEquals([world.stateOf("a"), world.bot("a")], [undefined, first]);
});

Deno.test("Supervisor looks afresh when a process ends that was stuck: what was found before may be old", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  await world.begin();
  world.table.set("a");
  await world.time.pass(8_000);
  assertEquals(world.stateOf("a"), "stuck");
  world.table.looks.length = 0;
  world.bot("a").down.resolve();
  await settle();
  assertEquals([world.table.looks, world.stateOf("a")], [["a"], "running"]);
});
