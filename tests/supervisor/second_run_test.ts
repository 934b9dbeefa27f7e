import { assertEquals } from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { settle, watch, World } from "./fixtures/mod.ts";

const never = () => new Promise<never>(() => {});

/** A second run with a stuck process of the first, at which a look of the first run hangs. */
async function secondRun(world: World) {
  await world.begin();
  world.table.onLook = never;
  world.table.set("a"); // a hint, whose look is never answered
  await settle();
  await world.end();
  assertEquals([world.run.fate, world.stateOf("a")], ["resolved", "stuck"]);
  world.table.onLook = () => {};
  await world.begin();
  await world.time.pass(2_000);
}

Deno.test("Supervisor starts in its second run what was stuck in the first, although a look of the first is never answered", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } }, { stopTimeoutMs: 100 });
  await secondRun(world);
  world.bot("a").down.resolve();
  await world.time.pass(600_000);
  assertEquals([world.stateOf("a"), world.supervisor.keys()], ["running", ["a"]]);
});

Deno.test("Supervisor.ensure() resolves in the second run although a look of the first is never answered", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } }, { stopTimeoutMs: 100 });
  await secondRun(world);
  world.bot("a").down.resolve();
  await settle();
  const ensured = watch(world.supervisor.ensure("a"));
  await world.time.pass(600_000);
  assertEquals(ensured.fate, "resolved");
});

Deno.test("Supervisor builds what was stuck in its first run in the async context of the second", async () => {
  const storage = new AsyncLocalStorage<string>();
  await using world = new World({ a: { deaf: true, lingers: true } }, { stopTimeoutMs: 100 });
  const contexts: (string | undefined)[] = [];
  await storage.run("one", () => world.begin());
  await world.end();
  assertEquals(world.stateOf("a"), "stuck");
  const old = world.bot("a");
  world.table.onBuild = () => contexts.push(storage.getStore());
  await storage.run("two", () => world.begin());
  await world.time.pass(2_000);
  old.down.resolve();
  await world.time.pass(1_000);
  assertEquals([world.stateOf("a"), contexts], ["running", ["two"]]);
  world.bot("a").down.resolve();
});
