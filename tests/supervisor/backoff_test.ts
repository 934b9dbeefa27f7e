import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProcessNotFoundError } from "@pact/supervisor";
import { brief, ErrorConsole, settle, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

/** Says when each event of a type happened. */
function times(world: World, type: "starting" | "retrying" | "parked"): number[] {
  return world.journal.of(type).map(({ at }) => at);
}

Deno.test("Supervisor restarts a process that crashed, after a delay", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.time.pass(100);
  world.take();
  world.bot("a").crash(oops);
  await world.time.pass(999);
  assertEquals(world.take(), ["a exited running failed oops 100", "a retrying 1 1000 1100"]);
  await world.time.pass(1);
  assertEquals(world.take(), ["a starting retry 2", "a running 0"]);
});

Deno.test("Supervisor restarts a process that returned by itself", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.take();
  world.bot("a").leave();
  await world.time.pass(1_000);
  const lives = ["a exited running returned 0", "a retrying 1 1000 1000", "a starting retry 2", "a running 0"];
  assertEquals(world.take(), lives);
});

Deno.test("Supervisor waits longer after each consecutive failure", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  await world.time.pass(150_000);
  assertEquals(times(world, "starting"), [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000]);
});

Deno.test("Supervisor counts the attempts of consecutive failures", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  await world.time.pass(7_000);
  assertEquals(world.journal.of("starting").map(({ attempt }) => attempt), [1, 2, 3, 4]);
});

Deno.test("Supervisor begins anew with the shortest delay after a healthy stretch", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  for (const uptimeMs of [0, 0, 60_000]) {
    await world.time.pass(uptimeMs);
    world.bot("a").crash();
    await world.time.pass(2_000);
  }
  assertEquals(world.journal.of("retrying").map(({ failures }) => failures), [1, 2, 1]);
});

Deno.test("Supervisor counts only the time since the process was up as healthy", async () => {
  await using world = new World({ a: { hangs: true } }, { startTimeoutMs: Infinity });
  await world.begin();
  for (let lives = 0; lives < 2; lives++) {
    await world.time.pass(70_000);
    world.bot("a").up.resolve();
    await settle();
    world.bot("a").crash();
    await world.time.pass(2_000);
  }
  assertEquals(world.journal.of("retrying").map(({ failures }) => failures), [1, 2]);
});

Deno.test("Supervisor uses its option random for the jitter", async () => {
  const chances = [0, 0.75];
  await using world = new World({ a: { startError: oops } }, { random: () => chances.shift()! });
  await world.begin();
  await world.time.pass(800);
  assertEquals(world.journal.of("retrying").map(({ delayMs }) => delayMs), [800, 2_200]);
});

Deno.test("Supervisor announces when a restart is due", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.time.pass(500);
  world.bot("a").crash();
  await settle();
  assertEquals(world.journal.of("retrying").map(({ at, delayMs, retryAt }) => [at, delayMs, retryAt]), [[
    500,
    1_000,
    1_500,
  ]]);
});

Deno.test("Supervisor keeps the backoff of each key to itself", async () => {
  await using world = new World({ a: { startError: oops }, b: {} });
  await world.begin();
  await world.time.pass(10_000);
  world.bot("b").crash();
  await settle();
  const last = world.journal.of("retrying").at(-1)!;
  assertEquals(brief(last), "b retrying 1 1000 11000");
});

Deno.test("Supervisor leaves the others alone when one crashes", async () => {
  await using world = new World({ a: { startError: oops }, b: {} });
  await world.begin();
  await world.time.pass(100_000);
  assertEquals([world.bot("b").runs, world.stateOf("b")], [1, "running"]);
});

Deno.test("Supervisor restarts at once with minDelayMs 0 without starving the event loop", async () => {
  await using world = new World({ a: { startError: oops } }, { restart: { minDelayMs: 0, limit: 10_000 } });
  await world.begin();
  const { failures } = world.snapshot.processes[0];
  assert(failures > 10 && failures < 5_000, `${failures} restarts`);
});

Deno.test("Supervisor serves all delays with one timer", async () => {
  const rows = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { startError: oops }]));
  await using world = new World(rows);
  await world.begin();
  const passes = 1;
  assertEquals([world.snapshot.counts, world.time.timers], [{ retrying: 100 }, 1 + passes]);
});

Deno.test("Supervisor serves restarts that are due at different times with one timer", async () => {
  await using world = new World({ a: {}, b: {}, c: {} });
  await world.begin();
  for (const key of ["a", "b", "c"]) {
    world.bot(key).crash();
    await world.time.pass(100);
  }
  assertEquals(world.time.timers, 2);
  await world.time.pass(900);
  assertEquals(world.journal.of("starting").slice(3).map(({ key, at }) => [key, at]), [["a", 1_000], ["b", 1_100], [
    "c",
    1_200,
  ]]);
});

Deno.test("Supervisor does not restart a key that was removed during its delay", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash(oops);
  await settle();
  world.take();
  world.table.delete("a");
  await world.time.pass(5_000);
  assertEquals([world.take(), world.snapshot.processes], [["a removed"], []]);
});

Deno.test("Supervisor starts a new version at once although the key waits for its restart", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  await world.time.pass(3_500);
  world.take();
  world.table.set("a");
  await world.time.pass(10_000); // past the moment at which the restart was due
  assertEquals(world.take(), ["a starting change 1", "a running 0"]);
});

Deno.test("Supervisor heeds backoff when another key changes", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  world.take();
  world.table.set("b");
  await settle();
  assertEquals(world.take(), ["b starting change 1", "b running 0"]);
});

Deno.test("Supervisor restarts after a failure to build like after any other", async () => {
  await using world = new World({ a: { build: () => Promise.reject(oops) } });
  await world.begin();
  await world.time.pass(3_000);
  assertEquals(world.take().slice(0, 6), [
    "a starting restore 1",
    "a entry-failed oops",
    "a retrying 1 1000 1000",
    "a starting retry 2",
    "a entry-failed oops",
    "a retrying 2 2000 3000",
  ]);
});

Deno.test("Supervisor.stop() finds no process of a key that waits for its restart, which stays due", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash();
  await settle();
  await assertRejects(() => world.supervisor.stop("a"), ProcessNotFoundError, "there is none, it is retrying");
  assertEquals(world.stateOf("a"), "retrying");
});

for (const outcome of ["returned", "failed"] as const) {
  const rests = outcome === "returned";
  Deno.test(`Supervisor with on "failure" ${rests ? "lets rest" : "restarts"} a process that ${outcome}`, async () => {
    await using world = new World({ a: {} }, { restart: { on: "failure" } });
    await world.begin();
    if (rests) world.bot("a").leave();
    else world.bot("a").crash();
    await world.time.pass(200_000);
    assertEquals([world.stateOf("a"), world.supervisor.keys()], rests ? ["resting", []] : ["running", ["a"]]);
  });
}

Deno.test("Supervisor ends the rest of a key when its entry changes", async () => {
  await using world = new World({ a: {} }, { restart: { on: "failure" } });
  await world.begin();
  world.bot("a").leave();
  await settle();
  world.take();
  world.table.set("a");
  await settle();
  assertEquals(world.take(), ["a starting change 1", "a running 0"]);
});

Deno.test("Supervisor ends the rest of a key at a start by hand", async () => {
  await using world = new World({ a: {} }, { restart: { on: "failure" } });
  await world.begin();
  world.bot("a").leave();
  await settle();
  await world.supervisor.start("a");
  assertEquals(world.supervisor.keys(), ["a"]);
});

Deno.test("Supervisor counts anew after a restart by hand", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash();
  await world.time.pass(1_000);
  await world.supervisor.restart("a");
  await settle();
  assertEquals(world.journal.of("starting").map(({ attempt }) => attempt), [1, 2, 1]);
});

Deno.test("Supervisor restarts a process although its option random throws, and prints that", async () => {
  using console = new ErrorConsole();
  await using world = new World({ a: {} }, {
    random: () => {
      throw new Error("no chance");
    },
  });
  await world.begin();
  world.bot("a").crash();
  await world.time.pass(2_000);
  assertEquals([world.stateOf("a"), console.lines[0]], ["running", ["The option random failed: Error: no chance"]]);
});
