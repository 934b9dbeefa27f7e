import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { Bot, brief, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor restores the table: every entry is started with the cause restore", async () => {
  await using world = new World({ a: {}, b: {} });
  await world.begin();
  assertEquals(world.journal.of("starting").map(brief), ["a starting restore 1", "b starting restore 1"]);
});

Deno.test("Supervisor restores the other entries when one cannot be built", async () => {
  await using world = new World({ a: { build: () => Promise.reject(oops) }, b: {} });
  await world.begin();
  assertEquals([world.supervisor.keys(), world.journal.of("entry-failed").map(({ error }) => error)], [["b"], [oops]]);
});

const misbuilt: [string, () => unknown, string][] = [
  ["throws", () => {
    throw oops;
  }, "oops"],
  ["rejects", () => Promise.reject(oops), "oops"],
  ["gives nothing", () => undefined, "current value is undefined"],
  ["gives null", () => null, "current value is null"],
  ["gives a class instead of an instance", () => Bot, "current value is [object Function]"],
  ["gives an object without run", () => ({}), "current value is [object Object]"],
  ["gives an object without a prototype", () => Object.create(null), "current value is [object Object]"],
  ["gives a module", () => import("./fixtures/mod.ts"), "current value is [object Module]"],
  ["gives a symbol", () => Symbol("bot"), "current value is Symbol(bot)"],
  ["gives an object whose run is no function", () => ({ run: true }), "current value is [object Object]"],
];
for (const [title, build, said] of misbuilt) {
  Deno.test(`Supervisor fails only the entry whose get ${title}`, async () => {
    await using world = new World({ a: { build }, b: {} });
    await world.begin();
    const [failed] = world.take().filter((line) => line.startsWith("a entry-failed"));
    assertEquals(world.supervisor.keys(), ["b"]);
    assertStringIncludes(failed, said);
  });
}

Deno.test("Supervisor fails only the entry that has no get", async () => {
  await using world = new World({ a: {}, b: {} });
  const rows = world.table[Symbol.asyncIterator].bind(world.table);
  world.table[Symbol.asyncIterator] = async function* () {
    for await (const entry of rows()) yield entry.key === "a" ? { key: "a" } as typeof entry : entry;
  };
  await world.begin();
  assertEquals([world.supervisor.keys(), world.journal.of("entry-failed").length], [["b"], 1]);
});

Deno.test("Supervisor awaits a runnable that is built asynchronously", async () => {
  const gate = Promise.withResolvers<Bot>();
  await using world = new World({ a: { build: () => gate.promise } });
  await world.begin();
  assertEquals(world.stateOf("a"), "starting");
  const bot = new Bot("a", {}, world.live);
  gate.resolve(bot);
  await settle();
  assertStrictEquals(world.supervisor.get("a"), bot);
});

Deno.test("Supervisor runs the same runnable again on a restart when the entry gives the same", async () => {
  const bot = new Bot("a");
  await using world = new World({ a: { build: () => bot } });
  await world.begin();
  bot.crash();
  await world.time.pass(1_000);
  assertEquals(bot.runs, 2);
});

Deno.test("Supervisor calls entry.get() only when a process is about to start", async () => {
  let builds = 0;
  await using world = new World({ a: { hangs: true }, b: { build: () => builds++ } }, { startConcurrency: 1 });
  await world.begin();
  watch(world.supervisor.reconcile());
  await settle();
  assertEquals(builds, 0);
  world.bot("a").up.resolve();
  await settle();
  assertEquals(builds, 1);
});

Deno.test("Supervisor restores what the table still has in a second run", async () => {
  await using world = new World({ a: {}, b: {} });
  await world.supervisor.run(() => {});
  world.table.delete("a");
  await world.begin();
  assertEquals(world.supervisor.keys(), ["b"]);
});

Deno.test("Supervisor begins a second run without backoff and parking of the first", async () => {
  await using world = new World({ a: { startError: oops } }, { restart: { limit: 1 } });
  await world.supervisor.run(() => {});
  world.take();
  await world.begin();
  assertEquals(world.take(), ["a starting restore 1", "a exited starting failed oops 0", "a parked limit 1 oops"]);
});

Deno.test("Supervisor starts a key once although the table yields it twice", async () => {
  await using world = new World({ a: {} });
  const rows = world.table[Symbol.asyncIterator].bind(world.table);
  world.table[Symbol.asyncIterator] = async function* () {
    yield* rows();
    yield* rows();
  };
  await world.begin();
  assertEquals(world.take(), ["a starting restore 1", "a running 0"]);
});

Deno.test("Supervisor starts thousands of entries without starving the event loop", async () => {
  const rows = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, {}]));
  await using world = new World(rows);
  await world.begin();
  for (let turns = 0; world.callbacks === 0 && turns < 1_000; turns++) await settle();
  assertEquals([world.snapshot.counts, world.time.now], [{ running: 2_000 }, 0]);
  await world.leave();
  for (let turns = 0; world.run.fate === "pending" && turns < 1_000; turns++) await settle();
});
