import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

const startTimeoutMs = 500;
const late = "The process was not up within 500 ms";

Deno.test("Supervisor aborts a start-up after a minute by default", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.time.pass(59_999);
  assertEquals(world.stateOf("a"), "starting");
  await world.time.pass(1);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor waits for ever for a process to be up with startTimeoutMs Infinity", async () => {
  await using world = new World({ a: { hangs: true } }, { startTimeoutMs: Infinity });
  await world.begin();
  await world.time.pass(10_000_000);
  assertEquals(world.stateOf("a"), "starting");
});

Deno.test("Supervisor aborts a start-up after startTimeoutMs, which counts as a failure", async () => {
  await using world = new World({ a: { hangs: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(499);
  assertEquals(world.bot("a").signal?.aborted, false);
  await world.time.pass(1);
  const lives = ["a starting restore 1", `a exited starting failed ${late} 0`, "a retrying 1 1000 1500"];
  assertEquals(world.take(), lives);
});

Deno.test("Supervisor gives a start-up that is late a TimeoutError", async () => {
  await using world = new World({ a: { hangs: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(500);
  const [{ error }] = world.journal.of("exited");
  assertEquals([(error as Error).name, world.bot("a").signal?.reason === error], ["TimeoutError", true]);
});

Deno.test("Supervisor.start() rejects as soon as the start-up is late", async () => {
  await using world = new World({}, { startTimeoutMs, announces: false });
  await world.begin();
  world.table.set("a", { hangs: true, deaf: true });
  const start = watch(world.supervisor.start("a"));
  await world.time.pass(500);
  assertEquals([start.fate, world.stateOf("a")], ["TimeoutError", "stopping"]);
});

Deno.test("Supervisor does not time a process that is up", async () => {
  await using world = new World({ a: {} }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(10_000);
  assertEquals([world.bot("a").runs, world.stateOf("a")], [1, "running"]);
});

Deno.test("Supervisor counts the build as part of the start-up", async () => {
  await using world = new World({ a: { build: () => new Promise(() => {}) } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(500);
  assertEquals(world.stateOf("a"), "stopping");
});

Deno.test("Supervisor counts a build that comes too late as a failure and does not run it", async () => {
  const gate = Promise.withResolvers<{ run(): Promise<void> }>();
  let runs = 0;
  await using world = new World({ a: { build: () => gate.promise } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(600);
  gate.resolve({ run: () => Promise.resolve(void runs++) });
  await settle();
  assertEquals([runs, world.take().slice(1)], [0, [`a exited starting failed ${late} 0`, "a retrying 1 1000 1600"]]);
});

Deno.test("Supervisor calls a start-up that ignores its abort stuck after stopTimeoutMs", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(4_499);
  assertEquals(world.stateOf("a"), "stopping");
  await world.time.pass(1);
  assertEquals(world.take(), ["a starting restore 1", "a stuck 4500"]);
});

Deno.test("Supervisor restarts a stuck start-up when it has ended after all", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(5_000);
  world.take();
  world.bot("a").leave();
  await settle();
  const lives = ["a unstuck 4500", `a exited starting failed ${late} 0`, "a retrying 1 1000 6000"];
  assertEquals(world.take(), lives);
});

Deno.test("Supervisor calls a process that comes up after its time still a failure", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(600);
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.take().slice(1), [`a exited starting failed ${late} 0`, "a retrying 1 1000 1600"]);
});

Deno.test("Supervisor announces the error that a late start-up really failed with", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(600);
  world.bot("a").crash(new Error("no route"));
  await settle();
  assertEquals(world.take()[1], "a exited starting failed no route 0");
});

Deno.test("Supervisor stops a late start-up whose entry is removed, and does not restart it", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(600);
  world.table.delete("a");
  await settle();
  world.bot("a").leave();
  await settle();
  assertEquals([world.supervisor.keys(), world.snapshot.processes], [[], []]);
});

Deno.test("Supervisor lets the next process start as soon as a start-up is late", async () => {
  await using world = new World({ a: { hangs: true, deaf: true }, b: {} }, { startTimeoutMs, startConcurrency: 1 });
  await world.begin();
  await world.time.pass(499);
  assertEquals(world.stateOf("b"), "queued");
  await world.time.pass(1);
  assertEquals(world.stateOf("b"), "running");
});

Deno.test("Supervisor counts a start-up that was late as failed in its pass", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { startTimeoutMs });
  await world.begin();
  await world.time.pass(500);
  assertEquals([world.callbacks, world.journal.of("reconciled")[0].failed], [1, 1]);
});
