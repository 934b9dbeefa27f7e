import { assert, assertEquals } from "@std/assert";
import { StartRate } from "../../src/supervisor/start_rate.ts";
import { settle, watch, World } from "./fixtures/mod.ts";

/** Says when each of so many starts begins, all of which are wanted at once. */
function pace(perSecond: number, starts: number): number[] {
  const rate = new StartRate(perSecond), began: number[] = [];
  for (let at = 0; began.length < starts;) {
    at += rate.waitMs(at);
    rate.count(at);
    began.push(at);
  }
  return began;
}

const tables: [number, number[]][] = [
  [1, [0, 1_000, 2_000]],
  [3, [0, 0, 0, 1_000, 1_000, 1_000, 2_000]],
  [2.9, [0, 0, 1_000]],
  [0.2, [0, 5_000, 10_000]],
];
for (const [perSecond, expected] of tables) {
  Deno.test(`StartRate allows ${perSecond} starts a second`, () => {
    assertEquals(pace(perSecond, expected.length), expected);
  });
}

Deno.test("StartRate counts a start that did not wait", () => {
  const rate = new StartRate(2);
  [0, 400, 500].forEach((at) => rate.count(at));
  assertEquals([500, 1_000, 1_400].map((at) => rate.waitMs(at)), [900, 400, 0]);
});

const rowsOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, {}]));

/** The most starts that any second has seen. */
function mostInASecond(world: World): number {
  const times = world.journal.of("starting").map(({ at }) => at);
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
}

Deno.test("Supervisor starts no more processes in any second than startsPerSecond says", async () => {
  await using world = new World(rowsOf(25), { startsPerSecond: 10 });
  await world.begin();
  assertEquals(world.snapshot.counts, { running: 10, queued: 15 });
  await world.time.pass(2_000);
  assertEquals([world.snapshot.counts, mostInASecond(world)], [{ running: 25 }, 10]);
});

Deno.test("Supervisor counts restarts and replacements to the starts of a second", async () => {
  await using world = new World(rowsOf(10), { startsPerSecond: 5, restart: { minDelayMs: 10 } });
  await world.begin();
  await world.time.pass(5_000);
  for (let index = 0; index < 5; index++) world.table.set(`k${index}`);
  for (let index = 5; index < 10; index++) world.bot(`k${index}`).crash();
  await world.time.pass(500);
  assertEquals(world.snapshot.counts, { running: 5, queued: 5 });
  await world.time.pass(1_000);
  assertEquals([world.snapshot.counts, mostInASecond(world)], [{ running: 10 }, 5]);
});

Deno.test("Supervisor.start() does not wait for startsPerSecond, and counts", async () => {
  await using world = new World({}, { startsPerSecond: 1, announces: false });
  await world.begin();
  for (const key of ["a", "b"]) world.table.set(key);
  await world.supervisor.start("a");
  await world.supervisor.start("b");
  assertEquals(world.time.now, 0);
  world.table.set("c");
  watch(world.supervisor.reconcile());
  await settle();
  const before = world.stateOf("c");
  await world.time.pass(1_000);
  assertEquals([before, world.stateOf("c")], ["queued", "running"]);
});

Deno.test("Supervisor forgets a key that waits for startsPerSecond when its entry is deleted", async () => {
  await using world = new World(rowsOf(3), { startsPerSecond: 1 });
  await world.begin();
  world.table.delete("k1");
  await settle();
  await world.time.pass(1_000);
  assertEquals(world.supervisor.keys(), ["k0", "k2"]);
  assert(world.journal.of("starting").every(({ key }) => key !== "k1"));
});
