import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProcessNotFoundError } from "@pact/supervisor";
import { settle, World } from "./fixtures/mod.ts";

const oops = new Error("oops");
const restart = { limit: 2 };

/** A world in which the key "a" is parked at 1 s and nothing is left to say. */
async function parkedWorld(): Promise<World> {
  const world = new World({ a: { startError: oops } }, { restart });
  await world.begin();
  await world.time.pass(1_000);
  world.take();
  return world;
}

Deno.test("Supervisor parks a key after limit consecutive failures", async () => {
  await using world = new World({ a: { startError: oops } }, { restart });
  await world.begin();
  await world.time.pass(1_000);
  assertEquals(world.take(), [
    "a starting restore 1",
    "a exited starting failed oops 0",
    "a retrying 1 1000 1000",
    "a starting retry 2",
    "a exited starting failed oops 0",
    "a parked limit 2 oops",
  ]);
});

Deno.test("Supervisor parks a key for good: passes and time change nothing", async () => {
  await using world = await parkedWorld();
  await world.time.pass(1_000_000);
  assertEquals([world.take(), world.stateOf("a")], [[], "parked"]);
});

Deno.test("Supervisor shows a parked key with its last error in the snapshot", async () => {
  await using world = await parkedWorld();
  const [process] = world.snapshot.processes;
  assertEquals(process, {
    key: "a",
    state: "parked",
    sinceAt: 1_000,
    version: 1,
    failures: 2,
    lastError: { name: "Error", message: "oops", causes: [], at: 1_000 },
  });
});

Deno.test("Supervisor has no process of a parked key", async () => {
  await using world = await parkedWorld();
  assertEquals(world.supervisor.keys(), []);
  assertThrows(() => world.supervisor.get("a"), ProcessNotFoundError);
});

Deno.test("Supervisor leaves a parked key alone when another one changes", async () => {
  await using world = await parkedWorld();
  world.table.set("b");
  await settle();
  assertEquals(world.take(), ["b starting change 1", "b running 0"]);
});

Deno.test("Supervisor leaves a parked key alone when its entry is announced without a new version", async () => {
  await using world = await parkedWorld();
  world.table.announce("a");
  await settle();
  assertEquals(world.take(), []);
});

Deno.test("Supervisor un-parks a key when its entry has a new version, and counts anew", async () => {
  await using world = await parkedWorld();
  world.table.set("a");
  await settle();
  assertEquals(world.take(), ["a unparked change", "a starting change 1", "a running 0"]);
});

Deno.test("Supervisor un-parks a key when a pass sees a new version", async () => {
  await using world = new World({ a: { startError: oops } }, { restart, announces: false });
  await world.begin();
  await world.time.pass(1_000);
  world.take();
  world.table.set("a");
  await world.supervisor.reconcile();
  assertEquals(world.take(), ["a unparked change", "a starting change 1", "a running 0"]);
});

for (const operation of ["start", "ensure", "restart"] as const) {
  Deno.test(`Supervisor.${operation}() un-parks a key`, async () => {
    await using world = await parkedWorld();
    await assertRejects(() => world.supervisor[operation]("a"), Error, "oops");
    await settle();
    const lines = ["a unparked call", "a starting call 1", "a exited starting failed oops 0", "a retrying 1 1000 2000"];
    assertEquals(world.take(), lines);
  });
}

Deno.test("Supervisor forgets a parked key when its entry is removed", async () => {
  await using world = await parkedWorld();
  world.table.delete("a");
  await settle();
  assertEquals([world.take(), world.snapshot.processes], [["a removed"], []]);
});

Deno.test("Supervisor starts a key that was parked when its entry is created again", async () => {
  await using world = await parkedWorld();
  world.table.delete("a");
  await settle();
  world.take();
  world.table.set("a");
  await settle();
  assertEquals(world.take(), ["a starting change 1", "a running 0"]);
});

Deno.test("Supervisor starts a key that was parked when its entry is created again between two looks", async () => {
  await using world = await parkedWorld();
  world.table.delete("a");
  world.table.set("a");
  await settle();
  assertEquals(world.take(), ["a unparked change", "a starting change 1", "a running 0"]);
});

Deno.test("Supervisor parks no other key than the one that fails", async () => {
  await using world = new World({ a: { startError: oops }, b: {} }, { restart });
  await world.begin();
  await world.time.pass(1_000);
  world.bot("b").crash();
  await world.time.pass(1_000);
  assertEquals([world.stateOf("a"), world.stateOf("b")], ["parked", "running"]);
});

Deno.test("Supervisor parks a key whose process returns again and again", async () => {
  await using world = new World({ a: {} }, { restart });
  await world.begin();
  world.bot("a").leave();
  await world.time.pass(1_000);
  world.bot("a").leave();
  await settle();
  assertEquals(world.take().at(-1), "a parked limit 2 undefined");
});

Deno.test("Supervisor parks a key that cannot be built", async () => {
  await using world = new World({ a: { build: () => Promise.reject(oops) } }, { restart });
  await world.begin();
  await world.time.pass(1_000);
  assertEquals(world.take().slice(-2), ["a entry-failed oops", "a parked limit 2 oops"]);
});

Deno.test("Supervisor parks a key whose lease cannot be asked for", async () => {
  const lease = () => {
    throw oops;
  };
  await using world = new World({ a: { build: () => undefined, lease } }, { restart });
  await world.begin();
  await world.time.pass(1_000);
  assertEquals(world.take().slice(-2), ["a entry-failed oops", "a parked limit 2 oops"]);
});

Deno.test("Supervisor begins to count again when an un-parked key fails", async () => {
  await using world = await parkedWorld();
  await assertRejects(() => world.supervisor.start("a"));
  await world.time.pass(1_000);
  assertEquals(world.stateOf("a"), "parked");
});
