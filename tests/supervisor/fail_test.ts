import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProcessNotFoundError } from "@pact/supervisor";
import { ErrorConsole, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.fail() aborts a running process at once and counts it as failed", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  world.take();
  await world.time.pass(500);
  const { signal } = world.bot("a");
  world.supervisor.fail("a", oops);
  assertStrictEquals(signal?.reason, oops);
  await settle();
  assertEquals(world.take(), ["a exited running failed oops 500", "a retrying 1 1000 1500"]);
  assertEquals(world.journal.of("exited")[0].isForced, true);
});

Deno.test("Supervisor.fail() makes a process that is starting fail to start, and tells its caller", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const start = watch(world.supervisor.start("a"));
  await settle();
  world.supervisor.fail("a", oops);
  await settle();
  assertEquals([start.error, world.take().slice(1)], [oops, [
    "a exited starting failed oops 0",
    "a retrying 1 1000 1000",
  ]]);
});

Deno.test("Supervisor.fail() makes a process fail whose runnable is being built, and runs nothing", async () => {
  const gate = Promise.withResolvers<{ run(): Promise<void> }>();
  let runs = 0;
  await using world = new World({ a: { build: () => gate.promise } });
  await world.begin();
  world.supervisor.fail("a", oops);
  gate.resolve({ run: () => Promise.resolve(void runs++) });
  await settle();
  assertEquals([runs, world.take().slice(1)], [0, ["a exited starting failed oops 0", "a retrying 1 1000 1000"]]);
});

const untouched: [string, (world: World) => unknown][] = [
  ["stopping", (world) => watch(world.supervisor.stop("a"))],
  ["stuck", async (world) => {
    watch(world.supervisor.stop("a"));
    await world.time.pass(8_000);
  }],
];
for (const [state, prepare] of untouched) {
  Deno.test(`Supervisor.fail() leaves a process alone that is ${state}`, async () => {
    await using world = new World({ a: { lingers: true, deaf: true } }, { announces: false });
    await world.begin();
    world.table.delete("a");
    await prepare(world);
    const isAborted = world.bot("a").signal?.aborted;
    world.supervisor.fail("a", oops);
    assertEquals([world.stateOf("a"), world.bot("a").signal?.aborted], [state, isAborted]);
    world.bot("a").down.resolve();
    await settle();
    assertEquals(world.journal.of("exited").map(({ outcome }) => outcome), ["stopped"]);
  });
}

Deno.test("Supervisor.fail() twice counts once", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  await world.begin();
  world.supervisor.fail("a", oops);
  world.supervisor.fail("a", new Error("again"));
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.journal.of("retrying").map(({ failures }) => failures), [1]);
  assertEquals(world.journal.of("exited").map(({ error }) => error), [oops]);
});

Deno.test("Supervisor.fail() may carry anything", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.supervisor.fail("a", undefined);
  await settle();
  assertEquals(world.take().slice(-2), ["a exited running failed undefined 0", "a retrying 1 1000 1000"]);
});

const without: [string, (world: World) => unknown, string][] = [
  ["the supervisor has nothing to do with", (world) => world.table.delete("a"), "the supervisor has no such key"],
  ["is retrying", (world) => world.bot("a").crash(), "there is none, it is retrying"],
];
for (const [title, prepare, reason] of without) {
  Deno.test(`Supervisor.fail() throws ProcessNotFoundError at a key that ${title}`, async () => {
    await using world = new World({ a: {} });
    await world.begin();
    await prepare(world);
    await settle();
    assertThrows(() => world.supervisor.fail("a", oops), ProcessNotFoundError, `Cannot fail process "a": ${reason}`);
  });
}

Deno.test("Supervisor.fail() throws ProcessNotFoundError at a key that waits for its turn to start", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  assertThrows(() => world.supervisor.fail("b", oops), ProcessNotFoundError, "there is none, it is queued");
});

Deno.test("Supervisor.fail() throws TypeError at what cannot be a key", async () => {
  await using world = new World();
  await world.begin();
  assertThrows(() => world.supervisor.fail({} as string, oops), TypeError, "as a key");
});

Deno.test("Supervisor replaces what fail() has failed at once when its entry changes before it has ended", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  await world.begin();
  const old = world.bot("a");
  world.supervisor.fail("a", oops);
  world.table.set("a");
  await settle();
  old.down.resolve();
  await settle();
  assertEquals(world.take().slice(-3), ["a exited running failed oops 0", "a starting change 1", "a running 0"]);
});

Deno.test("Supervisor.fail() is what a start-up failed with, and what that says itself is printed", async () => {
  using printed = new ErrorConsole();
  await using world = new World({ a: { hangs: true, deaf: true } });
  await world.begin();
  world.supervisor.fail("a", oops);
  world.bot("a").crash(new Error("no route"));
  await settle();
  assertEquals(world.take()[1], "a exited starting failed oops 0");
  assertEquals(printed.lines, [["Suppressed by an earlier error: Error: no route"]]);
});
