import { assertEquals, assertThrows } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

Deno.test("Supervisor.status() shows each key as snapshot() does, in every state", async () => {
  await using world = new World({
    starting: { hangs: true },
    running: {},
    stopping: { lingers: true },
    stuck: { lingers: true, deaf: true },
    retrying: {},
    parked: {},
    resting: {},
  }, { restart: { limit: 3, on: "failure" } });
  await world.begin();
  watch(world.supervisor.stop("stuck"));
  for (let i = 0; i < 3; i++) {
    world.bot("parked").crash();
    await world.time.pass(4_000);
  }
  world.bot("resting").leave();
  world.bot("retrying").crash();
  watch(world.supervisor.stop("stopping"));
  await settle();
  const { processes } = world.snapshot;
  assertEquals(processes.map(({ state }) => state).sort(), Object.keys(world.snapshot.counts).sort());
  assertEquals(processes.map(({ key }) => world.supervisor.status(key)), [...processes]);
});

Deno.test("Supervisor.status() is undefined of a key that snapshot() does not have", async () => {
  await using world = new World({ a: {} });
  const before = world.supervisor.status("a");
  await world.begin();
  await world.supervisor.stop("a");
  assertEquals([before, world.supervisor.status("a"), world.supervisor.status("b")], [undefined, undefined, undefined]);
});

Deno.test("Supervisor.status() is undefined of a key that is only asked for", async () => {
  await using world = new World();
  await world.begin();
  world.table.onLook = () => new Promise(() => {});
  world.table.announce("a");
  await settle();
  assertEquals([world.supervisor.status("a"), world.snapshot.processes], [undefined, []]);
});

Deno.test("Supervisor.status() refuses what cannot be a key", async () => {
  await using world = new World();
  // @ts-expect-error: not a key
  assertThrows(() => world.supervisor.status({}), TypeError, "as a key");
});

const moments: [string, (world: World) => unknown, number][] = [
  ["queued", (world) => world.table.set("b"), 100],
  ["retrying", (world) => world.bot("a").crash(), 100],
  ["running", () => {}, 0],
  ["stopping", (world) => watch(world.supervisor.stop("a")), 100],
];
for (const [state, act, sinceAt] of moments) {
  Deno.test(`Supervisor.status() says since when a key is ${state}`, async () => {
    await using world = new World({ a: { lingers: true }, c: { hangs: true } }, { startConcurrency: 1 });
    await world.begin();
    await world.time.pass(100);
    act(world);
    await world.time.pass(200);
    const status = world.supervisor.status(state === "queued" ? "b" : "a");
    assertEquals([status?.state, status?.sinceAt], [state, sinceAt]);
  });
}
