import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

/** A world with "a" running, and a pass under way that holds the row of "a" it has read. */
async function worldInPass(): Promise<{ world: World; letRowGo: () => Promise<void> }> {
  const world = new World({ a: {} });
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.onRow = () => gate.promise;
  watch(world.supervisor.reconcile());
  await settle();
  world.take();
  const letRowGo = () => {
    gate.resolve();
    return settle();
  };
  return { world, letRowGo };
}

Deno.test("Supervisor does not go back to an old version that a pass read before a look saw the new one", async () => {
  const { world, letRowGo } = await worldInPass();
  await using _world = world;
  world.table.set("a");
  await settle();
  const lives = ["a replaced 2", "a exited running stopped 0", "a starting change 1", "a running 0"];
  assertEquals(world.take(), lives);
  await letRowGo();
  assertEquals(world.take(), []);
});

Deno.test("Supervisor does not start what a pass read before a look saw that it is gone", async () => {
  const { world, letRowGo } = await worldInPass();
  await using _world = world;
  world.table.delete("a");
  await settle();
  world.take();
  await letRowGo();
  assertEquals([world.take(), world.supervisor.keys()], [[], []]);
});

Deno.test("Supervisor does not stop what a look has started since the pass began", async () => {
  const { world, letRowGo } = await worldInPass();
  await using _world = world;
  world.table.set("b");
  await settle();
  await letRowGo();
  assertEquals(world.take(), ["b starting change 1", "b running 0"]);
});

Deno.test("Supervisor does not stop what a call has started since the pass began", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.onRow = () => gate.promise;
  watch(world.supervisor.reconcile());
  await settle();
  world.table.set("b");
  await world.supervisor.start("b");
  world.take();
  gate.resolve();
  await settle();
  assertEquals([world.take(), world.table.looks], [[], ["b"]]);
});

Deno.test("Supervisor trusts a look under way more than the row of a pass", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const answer = Promise.withResolvers<void>();
  world.table.onAnswer = () => answer.promise;
  world.table.set("a");
  await settle();
  world.table.onAnswer = () => {};
  world.table.rows.delete("a");
  watch(world.supervisor.reconcile());
  await settle();
  answer.resolve();
  await settle();
  watch(world.supervisor.reconcile());
  await settle();
  assertEquals(world.supervisor.keys(), []);
});

Deno.test("Supervisor asks the table again when the entry comes back during the confirmation of its loss", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const answer = Promise.withResolvers<void>();
  world.table.onAnswer = () => answer.promise;
  world.table.delete("a");
  await settle();
  world.table.set("a");
  world.take();
  answer.resolve();
  await settle();
  const lives = ["a removed", "a exited running stopped 0", "a starting change 1", "a running 0"];
  assertEquals([world.take(), world.supervisor.keys()], [lives, ["a"]]);
});

Deno.test("Supervisor starts an entry that is created again while its old process is stopping, after its end", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  world.table.delete("a");
  await settle();
  world.table.set("a");
  await settle();
  assertEquals(world.bot("a") === old, true);
  old.down.resolve();
  await settle();
  assertEquals([world.bot("a") === old, world.stateOf("a")], [false, "running"]);
});

Deno.test("Supervisor does not start an entry that is removed again while its old process is stopping", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  world.table.delete("a");
  world.table.set("a");
  await settle();
  world.table.delete("a");
  await settle();
  world.take();
  old.down.resolve();
  await settle();
  assertEquals([world.bot("a") === old, world.take()], [true, ["a exited running stopped 0"]]);
});

Deno.test("Supervisor starts the last of several versions that are set while the old process is stopping", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  for (let version = 2; version <= 5; version++) {
    world.table.set("a");
    await settle();
  }
  world.take();
  old.down.resolve();
  await settle();
  assertEquals(world.take(), ["a exited running stopped 0", "a starting change 1", "a running 0"]);
  assertEquals(world.snapshot.processes[0].version, 5);
});

Deno.test("Supervisor replaces a process whose entry changes while its runnable is built", async () => {
  await using world = new World();
  await world.begin();
  const gate = Promise.withResolvers<unknown>();
  world.table.set("a", { version: "old", build: () => gate.promise });
  await settle();
  world.table.set("a", {});
  await settle();
  gate.resolve({ run: () => Promise.reject(new Error("ran")) });
  await settle();
  assertEquals(world.take().slice(1), [
    "a replaced 2",
    "a exited starting stopped 0",
    "a starting change 1",
    "a running 0",
  ]);
});

Deno.test("Supervisor uses the newest row of a key that waits for its turn", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  world.table.set("b");
  await settle();
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.snapshot.processes[1].version, 3);
});

Deno.test("Supervisor does not start a key that is removed while it waits for its turn", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  world.table.delete("b");
  await settle();
  world.bot("a").up.resolve();
  await settle();
  assertEquals([world.bot("b"), world.supervisor.keys()], [undefined, ["a"]]);
});

Deno.test("Supervisor looks again when a pass reads a row of a key that was looked at, as the row may be newer", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.onIterate = () => gate.promise;
  watch(world.supervisor.reconcile());
  world.table.announce("a");
  await settle();
  const row = world.table.rows.get("a")!;
  world.table.rows.set("a", { ...row, version: "announced to nobody" });
  gate.resolve();
  await settle();
  assertEquals(world.snapshot.processes[0].version, "announced to nobody");
});
