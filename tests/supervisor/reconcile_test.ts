import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.reconcile() starts what is missing", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  await world.supervisor.reconcile();
  assertEquals(world.take(), ["a starting reconcile 1", "a running 0"]);
});

Deno.test("Supervisor.reconcile() stops what is gone", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  world.take();
  await world.supervisor.reconcile();
  await settle();
  assertEquals(world.take(), ["a removed", "a exited running stopped 0"]);
});

Deno.test("Supervisor.reconcile() replaces what changed", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.set("a");
  world.take();
  await world.supervisor.reconcile();
  await settle();
  const lives = ["a replaced 2", "a exited running stopped 0", "a starting change 1", "a running 0"];
  assertEquals(world.take(), lives);
});

Deno.test("Supervisor.reconcile() leaves alone what has not changed", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.take();
  await world.supervisor.reconcile();
  assertEquals([world.take(), world.bot("a").runs, world.table.looks], [[], 1, []]);
});

const versions: [string, unknown, unknown, boolean][] = [
  ["an equal number", 1, 1, false],
  ["another number", 1, 2, true],
  ["NaN both times", NaN, NaN, false],
  ["0 and -0", 0, -0, true],
  ["another equal object", {}, {}, true],
  ["none both times", undefined, undefined, false],
  ["none and then one", undefined, 1, true],
];
for (const [title, before, after, isReplaced] of versions) {
  Deno.test(`Supervisor compares versions with Object.is: ${title}`, async () => {
    await using world = new World({}, { announces: false });
    const build = () => ({ run: (running: (signal?: AbortSignal) => unknown) => running() });
    world.table.set("a", { version: before, build });
    await world.begin();
    world.table.set("a", { version: after, build });
    await world.supervisor.reconcile();
    assertEquals(world.journal.of("replaced").length, isReplaced ? 1 : 0);
  });
}

Deno.test("Supervisor.reconcile() replaces nothing in a table without versions", async () => {
  await using world = new World({ a: {} }, { announces: false, versioned: false });
  await world.begin();
  const old = world.bot("a");
  world.table.set("a");
  await world.supervisor.reconcile();
  assertEquals(world.bot("a") === old, true);
});

Deno.test("Supervisor.reconcile() resolves when what it started is up", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const reconcile = watch(world.supervisor.reconcile());
  await world.time.pass(500);
  assertEquals(reconcile.fate, "pending");
  world.bot("a").up.resolve();
  await settle();
  assertEquals([reconcile.fate, world.time.now], ["resolved", 500]);
});

Deno.test("Supervisor.reconcile() resolves after initialWaitMs when what it started hangs", async () => {
  await using world = new World({}, { announces: false, initialWaitMs: 300 });
  await world.begin();
  world.table.set("a", { hangs: true });
  const reconcile = watch(world.supervisor.reconcile());
  await world.time.pass(299);
  assertEquals(reconcile.fate, "pending");
  await world.time.pass(1);
  assertEquals(reconcile.fate, "resolved");
});

Deno.test("Supervisor.reconcile() during a pass makes another one that begins after the call", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.set("a");
  world.table.onRow = () => gate.promise;
  const passes = [watch(world.supervisor.reconcile()), watch(world.supervisor.reconcile())];
  await settle();
  passes.push(watch(world.supervisor.reconcile()));
  world.table.set("b");
  world.table.onRow = () => {};
  gate.resolve();
  await settle();
  assertEquals(passes.map(({ fate }) => fate), ["resolved", "resolved", "resolved"]);
  assertEquals([world.supervisor.keys(), world.table.iterations], [["a", "b"], 3]);
});

Deno.test("Supervisor.reconcile() respects backoff", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  world.take();
  await world.time.pass(500);
  await world.supervisor.reconcile();
  assertEquals([world.take(), world.stateOf("a")], [[], "retrying"]);
});

Deno.test("Supervisor.reconcile() respects parking", async () => {
  await using world = new World({ a: { startError: oops } }, { restart: { limit: 1 } });
  await world.begin();
  world.take();
  await world.supervisor.reconcile();
  assertEquals([world.take(), world.stateOf("a")], [[], "parked"]);
});

Deno.test("Supervisor.reconcile() converges in one pass", async () => {
  await using world = new World({ a: {}, b: {}, c: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  world.table.set("b");
  world.table.set("d");
  const old = world.bot("b");
  await world.supervisor.stop("c");
  await world.supervisor.reconcile();
  await settle();
  assertEquals([world.supervisor.keys().sort(), world.bot("b") === old], [["b", "c", "d"], false]);
});

Deno.test("Supervisor announces what a pass did", async () => {
  await using world = new World({ a: {}, b: {}, c: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  world.table.set("b");
  world.table.set("d");
  world.table.set("e", { startError: oops });
  await world.time.pass(60_000);
  const [, reconciled] = world.journal.of("reconciled");
  const { type, at, ...counts } = reconciled;
  assertEquals([type, at], ["reconciled", 60_000]);
  assertEquals(counts, { seen: 4, started: 2, stopped: 1, replaced: 1, failed: 1, durationMs: 0 });
});

Deno.test("Supervisor announces how long a pass took, the wait for its starts included", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.time.pass(700);
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.journal.of("reconciled").map(({ durationMs }) => durationMs), [700]);
});

for (const [title, options, intervalMs] of [["60 s", {}, 60_000], ["intervalMs", { intervalMs: 70 }, 70]] as const) {
  Deno.test(`Supervisor makes a pass every ${title}`, async () => {
    await using world = new World({}, { announces: false, ...options });
    await world.begin();
    for (const passes of [2, 3, 4]) {
      await world.time.pass(intervalMs - 1);
      assertEquals(world.table.iterations, passes - 1);
      await world.time.pass(1);
      assertEquals(world.table.iterations, passes);
    }
  });
}

Deno.test("Supervisor counts the interval anew after a pass by call", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  await world.time.pass(50_000);
  await world.supervisor.reconcile();
  await world.time.pass(59_999);
  assertEquals(world.table.iterations, 2);
  await world.time.pass(1);
  assertEquals(world.table.iterations, 3);
});

Deno.test("Supervisor.run() stops a process that the 60 s pass has picked up and that is still starting", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  await world.time.pass(60_000);
  assertEquals(world.stateOf("a"), "starting");
  await world.leave();
  assertEquals([world.run.fate, world.bot("a").signal?.aborted, world.live.keys], ["resolved", true, []]);
});

Deno.test("Supervisor looks vanished entries up 64 at a time at most", async () => {
  const rows = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, {}]));
  await using world = new World(rows, { announces: false });
  await world.begin();
  await settle();
  const gate = Promise.withResolvers<void>();
  world.table.rows.clear();
  world.table.onLook = () => gate.promise;
  const reconcile = watch(world.supervisor.reconcile());
  await settle();
  assertEquals(world.table.looks.length, 64);
  gate.resolve();
  await settle();
  assertEquals([reconcile.fate, world.supervisor.keys()], ["resolved", []]);
});

Deno.test("Supervisor counts only what a pass found gone as stopped, not what was gone once", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  world.table.delete("a");
  await settle();
  world.table.set("a");
  await settle();
  world.table.bots.get("a")!.down.resolve();
  await settle();
  world.table[Symbol.asyncIterator] = async function* () {}; // it skips a row that is there
  await world.supervisor.reconcile();
  assertEquals([world.journal.of("reconciled").at(-1)?.stopped, world.stateOf("a")], [0, "running"]);
});
