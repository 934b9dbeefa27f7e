import { assert, assertEquals } from "@std/assert";
import { type Starter, StartQueue } from "../../src/supervisor/start_queue.ts";
import { systemClock } from "../../src/clock.ts";
import { settle, TestTime, World } from "./fixtures/mod.ts";

const fail = (error: unknown) => {
  throw error;
};

/** A queue and what it has let start so far. */
function queueOf(limit: number) {
  const started: string[] = [];
  const queue = new StartQueue(systemClock, { startConcurrency: limit, startsPerSecond: Infinity }, queueMicrotask);
  const starters = ["a", "b", "c", "d"].map((name): Starter => ({
    mayStart: () => void started.push(name),
    cannotStart: fail,
  }));
  return { queue, started, starters };
}

Deno.test("StartQueue lets as many start at the same time as its limit says, in order", async () => {
  using _time = new TestTime();
  const { queue, started, starters } = queueOf(2);
  starters.forEach((starter) => queue.add(starter));
  await settle();
  assertEquals(started, ["a", "b"]);
});

Deno.test("StartQueue calls back within add() when nobody waits and a permit is free", async () => {
  using _time = new TestTime();
  const { queue, started, starters } = queueOf(1);
  queue.add(starters[0]);
  queue.add(starters[1]);
  assertEquals(started, ["a"]);
  await settle();
});

Deno.test("StartQueue tells a starter that threw, and goes on with the next one", async () => {
  using _time = new TestTime();
  const told: unknown[] = [];
  const queue = new StartQueue(systemClock, { startConcurrency: 1, startsPerSecond: Infinity }, queueMicrotask);
  const oops = new Error("oops");
  const starter = (): Starter => ({ mayStart: () => fail(oops), cannotStart: (error) => void told.push(error) });
  for (let i = 0; i < 3; i++) queue.add(starter());
  await settle();
  assertEquals(told, [oops, oops, oops]);
});

Deno.test("StartQueue lets the next one start when a permit is given back", async () => {
  using _time = new TestTime();
  const { queue, started, starters } = queueOf(1);
  starters.forEach((starter) => queue.add(starter));
  await settle();
  queue.release(starters[0]);
  await settle();
  assertEquals(started, ["a", "b"]);
});

Deno.test("StartQueue lets nobody start who has left the queue", async () => {
  using _time = new TestTime();
  const { queue, started, starters } = queueOf(1);
  starters.forEach((starter) => queue.add(starter));
  await settle();
  queue.release(starters[1]);
  queue.release(starters[0]);
  await settle();
  assertEquals(started, ["a", "c"]);
});

Deno.test("StartQueue gives no permit away for one that never had any", async () => {
  using _time = new TestTime();
  const { queue, started, starters } = queueOf(1);
  starters.forEach((starter) => queue.add(starter));
  await settle();
  queue.release({ mayStart: () => {}, cannotStart: fail });
  await settle();
  assertEquals(started, ["a"]);
});

Deno.test("StartQueue takes the permit of a start that keeps others waiting for a second", async () => {
  using time = new TestTime();
  const { queue, started, starters } = queueOf(2);
  starters.forEach((starter) => queue.add(starter));
  await time.pass(999);
  assertEquals(started, ["a", "b"]);
  await time.pass(1);
  assertEquals(started, ["a", "b", "c", "d"]);
});

Deno.test("StartQueue measures the second from when somebody begins to wait, and anew for those who start then", async () => {
  using time = new TestTime();
  const { queue, started, starters } = queueOf(1);
  queue.add(starters[0]);
  await time.pass(600);
  queue.add(starters[1]);
  queue.add(starters[2]);
  await time.pass(999);
  assertEquals(started, ["a"]);
  await time.pass(1);
  assertEquals(started, ["a", "b"]);
  await time.pass(999);
  assertEquals(started, ["a", "b"]);
  await time.pass(1);
  assertEquals(started, ["a", "b", "c"]);
});

Deno.test("StartQueue keeps no timer while nobody waits", async () => {
  using time = new TestTime();
  const { queue, starters } = queueOf(1);
  queue.add(starters[0]);
  await settle();
  assertEquals(time.timers, 0);
  queue.add(starters[1]);
  await settle();
  assertEquals(time.timers, 1);
  queue.release(starters[1]);
  assertEquals(time.timers, 0);
});

Deno.test("StartQueue gives the event loop a turn after 64 starts", async () => {
  using _time = new TestTime();
  const queue = new StartQueue(systemClock, { startConcurrency: Infinity, startsPerSecond: Infinity }, queueMicrotask);
  let starts = 0;
  for (let i = 0; i < 200; i++) queue.add({ mayStart: () => void starts++, cannotStart: fail });
  for (let microtasks = 0; microtasks < 1_000; microtasks++) await undefined;
  assertEquals(starts, 64);
  await settle();
  assertEquals(starts, 200);
});

Deno.test("StartQueue bears thousands of starts that end within their own call", async () => {
  using _time = new TestTime();
  const queue = new StartQueue(systemClock, { startConcurrency: 1, startsPerSecond: Infinity }, queueMicrotask);
  let starts = 0;
  for (let i = 0; i < 5_000; i++) {
    const starter: Starter = {
      mayStart: () => {
        starts++;
        queue.release(starter);
      },
      cannotStart: fail,
    };
    queue.add(starter);
  }
  for (let i = 0; i < 100 && starts < 5_000; i++) await settle();
  assertEquals(starts, 5_000);
});

for (const [title, options, limit] of [["128", {}, 128], ["startConcurrency", { startConcurrency: 3 }, 3]] as const) {
  Deno.test(`Supervisor has ${title} processes starting at the same time at most`, async () => {
    const rows = Object.fromEntries(Array.from({ length: 140 }, (_, i) => [`k${i}`, { hangs: true }]));
    await using world = new World(rows, options);
    await world.begin();
    await settle();
    assertEquals(world.snapshot.counts, { starting: limit, queued: 140 - limit });
  });
}

Deno.test("Supervisor starts the next process when one is up, has failed, or was stopped", async () => {
  const rows = { a: { hangs: true }, b: { hangs: true }, c: { hangs: true }, d: { hangs: true } };
  await using world = new World(rows, { startConcurrency: 1 });
  await world.begin();
  world.bot("a").up.resolve();
  await settle();
  assert(world.bot("b"));
  world.bot("b").crash();
  await settle();
  assert(world.bot("c"));
  await world.supervisor.stop("c");
  await settle();
  assert(world.bot("d"));
});

Deno.test("Supervisor starts others although as many as startConcurrency hang", async () => {
  await using world = new World({ a: { hangs: true }, b: { hangs: true }, c: {} }, { startConcurrency: 2 });
  await world.begin();
  await world.time.pass(999);
  assertEquals(world.stateOf("c"), "queued");
  await world.time.pass(1);
  assertEquals(world.stateOf("c"), "running");
});

Deno.test("Supervisor lets restarts wait for their turn as well", async () => {
  await using world = new World({ a: {}, b: {} }, { startConcurrency: 1 });
  await world.begin();
  for (const key of ["a", "b"]) {
    world.table.rows.get(key)!.build = () => new Promise(() => {});
    world.bot(key).crash();
  }
  await settle();
  await world.time.pass(1_000);
  assertEquals(world.snapshot.counts, { starting: 1, queued: 1 });
});
