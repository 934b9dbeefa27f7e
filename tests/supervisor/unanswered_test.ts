import { assertEquals } from "@std/assert";
import { nop, Supervisor, type SupervisorEvent } from "@pact/supervisor";
import { turn } from "../../src/clock.ts";
import { brief } from "./fixtures/journal.ts";
import { settle, TestTime, watch, World } from "./fixtures/mod.ts";

const never = () => new Promise<never>(() => {});
/** How long the library waits for a look or a row at most. */
const limitMs = 20_000;

Deno.test("Supervisor.start() rejects with a TimeoutError when get of the table never answers", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  await world.supervisor.stop("a");
  world.table.onLook = never;
  const start = watch(world.supervisor.start("a"));
  await world.time.pass(limitMs);
  assertEquals(start.fate, "TimeoutError");
});

Deno.test("Supervisor follows a change whose look was never answered once the table answers again", async () => {
  await using world = new World({ a: {} }, { intervalMs: 3_600_000 });
  await world.begin();
  const old = world.bot("a");
  world.table.onLook = never;
  world.table.set("a");
  await world.time.pass(limitMs);
  world.table.onLook = () => {};
  const told = world.journal.of("table-failed").map(({ operation }) => operation);
  await world.time.pass(60_000);
  assertEquals([told, world.bot("a") === old, world.stateOf("a")], [["get"], false, "running"]);
});

Deno.test("Supervisor restarts a process whose look was never answered with a growing delay, and tells of each", async () => {
  await using world = new World({ a: {}, b: {} }, { restart: { jitter: 0 } });
  await world.begin();
  world.table.onLook = (key) => key === "a" ? never() : undefined;
  world.table.onIterate = () => Promise.reject(new Error("down"));
  world.bot("a").crash();
  await world.time.pass(300_000);
  const delays = world.journal.of("retrying").map(({ delayMs }) => delayMs);
  world.table.onIterate = () => {};
  await world.time.pass(61_000); // no look is ever answered: a row of a pass has to do
  assertEquals([delays.slice(0, 4), world.stateOf("a"), world.stateOf("b")], [
    [1_000, 1_000, 2_000, 4_000],
    "running",
    "running",
  ]);
});

Deno.test("Supervisor has at most two looks at a key that are never answered, and makes new ones when they are", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const answers: (() => void)[] = [];
  world.table.onLook = () => new Promise<void>((resolve) => answers.push(resolve));
  world.bot("a").crash();
  await world.time.pass(600_000);
  const before = answers.length;
  answers.forEach((answer) => answer());
  world.table.onLook = () => {};
  await world.time.pass(61_000);
  assertEquals([before, world.stateOf("a")], [2, "running"]);
});

Deno.test("Supervisor acts upon no answer to a look that it gave up", async () => {
  await using world = new World({ a: {} }, { intervalMs: 3_600_000 });
  await world.begin();
  const old = world.bot("a");
  const gate = Promise.withResolvers<void>();
  world.table.onAnswer = () => gate.promise;
  world.table.delete("a");
  await world.time.pass(limitMs);
  world.table.onAnswer = () => {};
  world.table.rows.set("a", { version: 1, build: () => nop });
  gate.resolve();
  await settle();
  assertEquals([world.stateOf("a"), world.bot("a") === old], ["running", true]);
});

Deno.test("Supervisor.reconcile() makes further passes when an iteration never yields its next row", async () => {
  await using world = new World({ a: {}, b: {} }, { intervalMs: 3_600_000, announces: false });
  await world.begin();
  world.table.onRow = (key) => key === "b" ? never() : undefined;
  world.table.set("c");
  const pass = watch(world.supervisor.reconcile());
  await world.time.pass(limitMs);
  const told = world.journal.of("table-failed").map(({ operation }) => operation);
  world.table.onRow = () => {};
  await world.time.pass(60_000);
  assertEquals([pass.fate, told, world.supervisor.keys()], ["resolved", ["iterate"], ["a", "b", "c"]]);
});

Deno.test("Supervisor makes at most two iterations in ten minutes that are never answered, and stops nothing", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  let asked = 0;
  world.table.onIterate = () => {
    asked++;
    return never();
  };
  await world.time.pass(600_000);
  const told = new Set(world.journal.of("table-failed").map(({ operation }) => operation));
  assertEquals([asked, [...told], world.supervisor.keys()], [2, ["iterate"], ["a"]]);
});

Deno.test("Supervisor reads a slow table to its end when a row comes now and then", async () => {
  await using world = new World({ a: {}, b: {}, c: {}, d: {} }, { announces: false, intervalMs: 3_600_000 });
  world.table.onRow = () => new Promise((resolve) => setTimeout(resolve, 9_000));
  await world.begin();
  await world.time.pass(40_000);
  assertEquals([world.journal.of("table-failed"), world.supervisor.keys().length], [[], 4]);
});

Deno.test("Supervisor follows changes again although the return of a stream that failed never settles", async () => {
  using time = new TestTime();
  let opened = 0;
  const events: SupervisorEvent<string>[] = [];
  const supervisor = new Supervisor({
    get: () => Promise.resolve(undefined),
    async *[Symbol.asyncIterator]() {},
    changes: () => ({
      [Symbol.asyncIterator]: () => {
        opened++;
        return {
          next: () => opened < 3 ? Promise.resolve({ done: false, value: {} as string }) : never(),
          return: never,
        };
      },
    }),
  }, { stopTimeoutMs: 10 });
  supervisor.subscribe((event) => void events.push(event));
  const over = Promise.withResolvers<void>();
  const run = watch(supervisor.run(() => over.promise));
  await time.pass(10_000);
  over.resolve();
  await time.pass(1_000);
  const told = events.filter(({ type }) => type === "table-failed").map(brief);
  assertEquals([opened, run.fate, told.length], [3, "resolved", 3]);
});

Deno.test("Supervisor tells of a lease whose release never settles, and starts the key again meanwhile", async () => {
  await using world = new World();
  const lease = () => ({ signal: new AbortController().signal, release: never });
  world.table.set("a", { version: 1, lease, build: () => nop });
  await world.begin();
  await world.supervisor.restart("a");
  await world.time.pass(limitMs);
  const [told] = world.journal.of("entry-failed");
  assertEquals([world.stateOf("a"), told.key, (told.error as Error).name], ["running", "a", "TimeoutError"]);
});

Deno.test("Supervisor.start() given up again and again leaves at most two looks unanswered", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  await world.supervisor.stop("a");
  const answers: (() => void)[] = [];
  world.table.onLook = () => new Promise<void>((resolve) => answers.push(resolve));
  for (let i = 0; i < 20; i++) {
    const patience = new AbortController();
    const start = watch(world.supervisor.start("a", { signal: patience.signal }));
    await world.time.pass(1_000);
    patience.abort(new Error("too slow"));
    await settle();
    assertEquals(start.fate, "Error");
  }
  const before = answers.length;
  world.table.onLook = () => {};
  answers.forEach((answer) => answer());
  await settle();
  await world.supervisor.start("a");
  assertEquals([before, world.stateOf("a")], [2, "running"]);
});

Deno.test("Supervisor.start() and stop() a thousand times at once on a table that answers starts the key", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  await world.supervisor.stop("a");
  for (let i = 0; i < 1_000; i++) {
    watch(world.supervisor.start("a"));
    watch(world.supervisor.stop("a"));
  }
  const start = watch(world.supervisor.start("a"));
  await settle();
  assertEquals([start.fate, world.stateOf("a")], ["resolved", "running"]);
});

Deno.test("Supervisor aborts the signal of a look that it gives up, and then can ask a table that obeys it", async () => {
  await using world = new World({ a: {} }, { intervalMs: 3_600_000 });
  await world.begin();
  const { get } = world.table;
  let lost = 0;
  world.table.get = (key, options?: { signal?: AbortSignal }) => {
    if (++lost > 3) return get.call(world.table, key);
    return new Promise((_, reject) => options?.signal?.addEventListener("abort", () => reject(options.signal?.reason)));
  };
  for (let i = 0; i < 3; i++) {
    world.table.announce("a");
    await world.time.pass(limitMs);
  }
  world.table.delete("a");
  await settle();
  assertEquals([lost > 3, world.supervisor.keys()], [true, []]);
});

Deno.test("Supervisor serves timers beside a stream of changes that is always ready", async () => {
  await using world = new World({ a: {} });
  let hints = 0, served = 0;
  world.table.changes = async function* ({ signal }) {
    turn().then(() => served = hints);
    while (hints < 100_000 && !signal.aborted) {
      hints++;
      yield "a";
    }
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  await world.begin();
  while (hints < 100_000) await turn();
  assertEquals(served < 10_000, true, `the event loop had its turn after ${served} hints`);
});
