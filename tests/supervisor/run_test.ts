import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Process, ProcessNotRunningError, type Supervisor } from "@pact/supervisor";
import { type Bot, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.run() calls back with every process of the table running", async () => {
  await using world = new World({ a: {}, b: {} });
  const states: unknown[] = [];
  await world.supervisor.run(() => states.push(world.supervisor.keys(), world.snapshot.counts));
  assertEquals(states, [["a", "b"], { running: 2 }]);
});

Deno.test("Supervisor.run() calls back at once when the table is empty", async () => {
  await using world = new World();
  await world.begin();
  assertEquals([world.callbacks, world.time.now], [1, 0]);
});

for (const [title, options, waitMs] of [["1 s", {}, 1_000], ["initialWaitMs", { initialWaitMs: 70 }, 70]] as const) {
  Deno.test(`Supervisor.run() calls back after ${title} when a process hangs in its start`, async () => {
    await using world = new World({ a: {}, b: { hangs: true } }, options);
    await world.begin();
    await world.time.pass(waitMs - 1);
    assertEquals(world.callbacks, 0);
    await world.time.pass(1);
    assertEquals(world.callbacks, 1);
  });
}

Deno.test("Supervisor.run() calls back before initialWaitMs when the last process is up", async () => {
  await using world = new World({ a: { hangs: true }, b: { hangs: true } });
  await world.begin();
  await world.time.pass(100);
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.callbacks, 0);
  world.bot("b").up.resolve();
  await settle();
  assertEquals([world.callbacks, world.time.now], [1, 100]);
});

Deno.test("Supervisor.run() calls back at once when every start has failed", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  assertEquals([world.callbacks, world.time.now], [1, 0]);
});

Deno.test("Supervisor.run() calls back after initialWaitMs when the table does not answer", async () => {
  await using world = new World({ a: {} });
  const gate = Promise.withResolvers<void>();
  world.table.onIterate = () => gate.promise;
  await world.begin();
  await world.time.pass(999);
  assertEquals(world.callbacks, 0);
  await world.time.pass(1);
  assertEquals(world.callbacks, 1);
  gate.resolve();
});

Deno.test("Supervisor.get() says ProcessNotRunningError of a process that hangs in its start", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.time.pass(1_000);
  assertThrows(() => world.supervisor.get("a"), ProcessNotRunningError, 'its state is "starting"');
});

Deno.test("Supervisor.run() lets a straggler go on starting after the callback has begun", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.time.pass(5_000);
  world.bot("a").up.resolve();
  await settle();
  assertStrictEquals(world.supervisor.get("a"), world.bot("a"));
});

Deno.test("Supervisor.run() resolves with nothing whatever the callback returns", async () => {
  await using world = new World();
  assertEquals(await world.supervisor.run(() => 5), undefined);
});

for (const [title, fail] of [["throws", () => assert(false)], ["rejects", () => Promise.reject(oops)]] as const) {
  Deno.test(`Supervisor.run() rejects when the callback ${title}, after everything has ended`, async () => {
    await using world = new World({ a: { lingers: true } });
    const run = watch(world.supervisor.run(fail));
    await settle();
    assertEquals([run.fate, world.stateOf("a")], ["pending", "stopping"]);
    world.bot("a").down.resolve();
    await settle();
    assertEquals([run.fate, world.live.keys], [
      fail === undefined ? "" : run.error === oops ? "Error" : "AssertionError",
      [],
    ]);
  });
}

Deno.test("Supervisor.run() makes a second run wait until the first has ended", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  let isCalled = false;
  const second = watch(world.supervisor.run(() => void (isCalled = true)));
  await world.leave();
  assertEquals([isCalled, second.fate], [false, "pending"]);
  world.bot("a").down.resolve();
  await settle();
  assert(isCalled);
  world.bot("a").down.resolve();
  await settle();
  assertEquals(second.fate, "resolved");
});

Deno.test("Supervisor.run() rejects a run that waits for another one when its signal aborts", async () => {
  await using world = new World();
  await world.begin();
  const controller = new AbortController();
  const second = watch(world.supervisor.run(() => {}, { signal: controller.signal }));
  await settle();
  controller.abort(oops);
  await settle();
  assertStrictEquals(second.error, oops);
});

Deno.test("Supervisor.run() makes a third run wait for the first when the second was given up", async () => {
  await using world = new World();
  await world.begin();
  const controller = new AbortController();
  const second = watch(world.supervisor.run(() => {}, { signal: controller.signal }));
  const third = watch(world.supervisor.run(() => {}));
  controller.abort();
  await settle();
  assertEquals([second.fate, third.fate], ["AbortError", "pending"]);
  await world.leave();
  assertEquals(third.fate, "resolved");
});

Deno.test("Supervisor.run() makes a next run after one whose callback failed", async () => {
  await using world = new World({ a: {} });
  await assertRejects(() => world.supervisor.run(() => Promise.reject(oops)), Error, "oops");
  let keys: string[] = [];
  await world.supervisor.run(() => void (keys = world.supervisor.keys()));
  assertEquals(keys, ["a"]);
});

Deno.test("Supervisor.run() gives the callback a signal that does not abort on a graceful end", async () => {
  await using world = new World();
  let given: AbortSignal | undefined;
  await world.supervisor.run((signal) => void (given = signal));
  assertEquals(given?.aborted, false);
});

Deno.test("Supervisor.run() is that of a runnable: a process runs a supervisor", async () => {
  await using world = new World({ a: {} });
  const process: Process<Supervisor<string, Bot>> = new Process(world.supervisor);
  await process.start();
  assertEquals(world.supervisor.keys(), ["a"]);
  await process.stop();
  assertEquals(world.live.keys, []);
});
