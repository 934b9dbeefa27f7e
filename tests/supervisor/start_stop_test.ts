import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ProcessExistsError, ProcessNotFoundError } from "@pact/supervisor";
import { Bot, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

/** A world whose table has an entry that was announced to nobody. */
async function worldWith(key: string, manners = {}): Promise<World> {
  const world = new World({}, { announces: false });
  await world.begin();
  world.table.set(key, manners);
  return world;
}

Deno.test("Supervisor.start() rejects a second start during a start and the first succeeds", async () => {
  await using world = await worldWith("a", { hangs: true });
  const first = watch(world.supervisor.start("a"));
  await settle();
  await assertRejects(() => world.supervisor.start("a"), ProcessExistsError, 'its state is "starting"');
  world.bot("a").up.resolve();
  await settle();
  assertStrictEquals(first.value, world.bot("a"));
});

Deno.test("Supervisor.start() rejects a second start in the same instant", async () => {
  await using world = await worldWith("a");
  const first = watch(world.supervisor.start("a"));
  await assertRejects(() => world.supervisor.start("a"), ProcessExistsError);
  await settle();
  assertEquals(first.fate, "resolved");
});

Deno.test("Supervisor.start(), get() and stop() go through the life of a process", async () => {
  await using world = await worldWith("a");
  const bot = await world.supervisor.start("a");
  assertStrictEquals(world.supervisor.get("a"), bot);
  await world.supervisor.stop("a");
  assertThrows(() => world.supervisor.get("a"), ProcessNotFoundError);
  assertEquals(world.take(), ["a starting call 1", "a running 0", "a exited running stopped 0"]);
});

Deno.test("Supervisor.start() resolves only when the process is up", async () => {
  await using world = await worldWith("a", { hangs: true });
  const start = watch(world.supervisor.start("a"));
  await world.time.pass(5_000);
  assertEquals(start.fate, "pending");
});

const states = [
  ["running", {}, () => {}],
  ["starting", { hangs: true }, () => {}],
  ["stopping", { lingers: true }, (world: World) => watch(world.supervisor.stop("a"))],
  ["stuck", { lingers: true, deaf: true }, async (world: World) => {
    watch(world.supervisor.stop("a"));
    await world.time.pass(8_000);
  }],
] as const;
for (const [state, manners, act] of states) {
  Deno.test(`Supervisor.start() rejects when a process of the key exists and is ${state}`, async () => {
    await using world = new World({ a: manners });
    await world.begin();
    await act(world);
    const error = await assertRejects(() => world.supervisor.start("a"), ProcessExistsError);
    assertEquals([error.key, error.state], ["a", state]);
  });
}

Deno.test("Supervisor.start() rejects when the process is waiting for its turn", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  const error = await assertRejects(() => world.supervisor.start("b"), ProcessExistsError);
  assertEquals(error.state, "queued");
});

Deno.test("Supervisor.start() looks at the table afresh", async () => {
  await using world = await worldWith("a");
  await world.supervisor.start("a");
  await world.supervisor.stop("a");
  const other = new Bot("a", {}, world.live);
  world.table.set("a", { build: () => other });
  assertStrictEquals(await world.supervisor.start("a"), other);
});

Deno.test("Supervisor.start() rejects with ProcessNotFoundError when the table has no such entry", async () => {
  await using world = await worldWith("a");
  const error = await assertRejects(() => world.supervisor.start("b"), ProcessNotFoundError);
  assertEquals(error.message, 'Cannot start process "b": the table has no such key');
});

Deno.test("Supervisor.start() keeps nothing of a key that the table does not have", async () => {
  await using world = await worldWith("a");
  await assertRejects(() => world.supervisor.start("b"));
  assertEquals([world.snapshot.processes, world.take()], [[], []]);
});

Deno.test("Supervisor.start() rejects with the process's own error", async () => {
  await using world = await worldWith("a", { startError: oops });
  assertStrictEquals(await assertRejects(() => world.supervisor.start("a")), oops);
});

Deno.test("Supervisor.start() leaves a failed start to the restart policy", async () => {
  await using world = await worldWith("a", { startError: oops });
  await assertRejects(() => world.supervisor.start("a"));
  await settle();
  assertEquals(world.take(), ["a starting call 1", "a exited starting failed oops 0", "a retrying 1 1000 1000"]);
});

Deno.test("Supervisor.start() starts a key that waits for its restart at once", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash();
  await settle();
  const bot = await world.supervisor.start("a");
  assertEquals([bot.runs, world.time.now, world.live.keys], [1, 0, ["a"]]);
});

Deno.test("Supervisor.start() calls the restart off that the key was waiting for", async () => {
  await using world = new World({ a: { startError: oops } }, { announces: false });
  await world.begin();
  const { version } = world.table.rows.get("a")!;
  world.table.set("a", { hangs: true });
  world.table.rows.get("a")!.version = version;
  watch(world.supervisor.start("a"));
  await settle();
  const bot = world.bot("a");
  await world.time.pass(5_000); // past the moment at which the restart was due
  assertEquals([world.bot("a") === bot, world.stateOf("a")], [true, "starting"]);
});

Deno.test("Supervisor.start() rejects with the table's error, which is told to nobody else", async () => {
  await using world = await worldWith("a");
  world.table.onLook = () => Promise.reject(oops);
  assertStrictEquals(await assertRejects(() => world.supervisor.start("a")), oops);
  await settle();
  assertEquals([world.take(), world.snapshot.processes], [[], []]);
});

Deno.test("Supervisor.start() does not wait for its turn among the starts of a pass", async () => {
  await using world = new World({ a: { hangs: true } }, { startConcurrency: 1, announces: false });
  await world.begin();
  world.table.set("b");
  await world.supervisor.start("b");
  assertEquals(world.time.now, 0);
});

Deno.test("Supervisor.stop() resolves only when the process has ended", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await settle();
  assertEquals([stop.fate, world.stateOf("a")], ["pending", "stopping"]);
  world.bot("a").down.resolve();
  await settle();
  assertEquals([stop.fate, world.stateOf("a")], ["resolved", undefined]);
});

Deno.test("Supervisor.stop() is graceful: the signal of the process does not abort", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.supervisor.stop("a");
  assertEquals(world.bot("a").signal?.aborted, false);
});

Deno.test("Supervisor.stop() aborts a process that is starting and its start rejects", async () => {
  await using world = await worldWith("a", { hangs: true });
  const start = watch(world.supervisor.start("a"));
  await settle();
  await world.supervisor.stop("a");
  assertEquals([start.fate, world.bot("a").signal?.aborted], ["ProcessEndedEarlyError", true]);
});

Deno.test("Supervisor.stop() joins a stop in progress", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const stops = [watch(world.supervisor.stop("a")), watch(world.supervisor.stop("a"))];
  await settle();
  world.bot("a").down.resolve();
  await settle();
  assertEquals(stops.map(({ fate }) => fate), ["resolved", "resolved"]);
});

Deno.test("Supervisor.stop() rejects with what the process failed with", async () => {
  await using world = new World({ a: { stopError: oops } });
  await world.begin();
  assertStrictEquals(await assertRejects(() => world.supervisor.stop("a")), oops);
});

Deno.test("Supervisor.stop() rejects with ProcessNotFoundError when there is no such process", async () => {
  await using world = new World();
  await world.begin();
  await assertRejects(() => world.supervisor.stop("a"), ProcessNotFoundError, 'Cannot stop process "a"');
});

Deno.test("Supervisor.stop() takes a process that is waiting for its turn out of the queue", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  await world.supervisor.stop("b");
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.supervisor.keys(), ["a"]);
});

Deno.test("Supervisor.stop() leaves an entry that is still in the table to the next reconcile", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.supervisor.stop("a");
  await world.time.pass(59_999);
  assertEquals(world.supervisor.keys(), []);
  await world.time.pass(1);
  assertEquals(world.supervisor.keys(), ["a"]);
});

Deno.test("Supervisor.stop() stops a start whose look at the table is still under way", async () => {
  await using world = await worldWith("a");
  const gate = Promise.withResolvers<void>();
  world.table.onAnswer = () => gate.promise;
  const start = watch(world.supervisor.start("a"));
  await settle();
  await world.supervisor.stop("a");
  gate.resolve();
  await settle();
  assertEquals([start.fate, world.supervisor.keys(), world.take()], ["ProcessEndedEarlyError", [], []]);
});
