import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ProcessNotFoundError, ProcessStuckError } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.ensure() returns a running process as it is", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  assertStrictEquals(await world.supervisor.ensure("a"), world.bot("a"));
  assertEquals(world.bot("a").runs, 1);
});

Deno.test("Supervisor.ensure() joins a start in progress", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const ensures = [watch(world.supervisor.ensure("a")), watch(world.supervisor.ensure("a"))];
  await settle();
  world.bot("a").up.resolve();
  await settle();
  assertEquals(ensures.map(({ value }) => value), [world.bot("a"), world.bot("a")]);
  assertEquals(world.take(), ["a starting restore 1", "a running 0"]);
});

Deno.test("Supervisor.ensure() joins a start by call whose look at the table is under way", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  const calls = [watch(world.supervisor.start("a")), watch(world.supervisor.ensure("a"))];
  await settle();
  assertEquals(calls.map(({ value }) => value), [world.bot("a"), world.bot("a")]);
  assertEquals(world.take(), ["a starting call 1", "a running 0"]);
});

Deno.test("Supervisor.ensure() starts what is not running", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  await world.supervisor.ensure("a");
  assertEquals(world.take(), ["a starting call 1", "a running 0"]);
});

Deno.test("Supervisor.ensure() starts what waits for its turn at once", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  await world.supervisor.ensure("b");
  assertEquals([world.time.now, world.bot("b").runs], [0, 1]);
});

Deno.test("Supervisor.ensure() takes what it starts out of the queue: its turn does not start it again", async () => {
  await using world = new World({ a: { hangs: true }, b: { hangs: true } }, { startConcurrency: 1 });
  await world.begin();
  watch(world.supervisor.ensure("b"));
  await settle();
  const bot = world.bot("b");
  world.bot("a").up.resolve();
  await world.time.pass(5_000);
  assertEquals([world.bot("b") === bot, bot.runs, world.stateOf("b")], [true, 1, "starting"]);
});

Deno.test("Supervisor.ensure() starts what waits for its restart at once", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash();
  await settle();
  await world.supervisor.ensure("a");
  assertEquals([world.time.now, world.live.keys], [0, ["a"]]);
});

Deno.test("Supervisor.ensure() starts what is stopping again when that has ended", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  watch(world.supervisor.stop("a"));
  const ensure = watch(world.supervisor.ensure("a"));
  await settle();
  assertEquals(ensure.fate, "pending");
  old.down.resolve();
  await settle();
  assertEquals([ensure.fate, ensure.value === old], ["resolved", false]);
});

Deno.test("Supervisor.ensure() rejects with ProcessNotFoundError when the table has no such entry", async () => {
  await using world = new World();
  await world.begin();
  await assertRejects(() => world.supervisor.ensure("a"), ProcessNotFoundError, "the table has no such key");
});

Deno.test("Supervisor.ensure() rejects with what the process failed with before it was up", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const ensure = watch(world.supervisor.ensure("a"));
  world.bot("a").crash(oops);
  await settle();
  assertStrictEquals(ensure.error, oops);
});

Deno.test("Supervisor.ensure() rejects with ProcessStuckError when the process does not end", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } });
  await world.begin();
  watch(world.supervisor.stop("a"));
  const before = watch(world.supervisor.ensure("a"));
  await world.time.pass(8_000);
  const error = await assertRejects(() => world.supervisor.ensure("a"), ProcessStuckError);
  assertEquals([before.fate, error.key, error.sinceAt], ["ProcessStuckError", "a", 8_000]);
});

Deno.test("Supervisor.ensure() ends the wait, not the start, when its signal aborts", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const controller = new AbortController();
  const ensure = watch(world.supervisor.ensure("a", { signal: controller.signal }));
  await settle();
  controller.abort(oops);
  await settle();
  assertEquals([ensure.error, world.stateOf("a")], [oops, "starting"]);
});

Deno.test("Supervisor.ensure() rejects when a start that it has joined is stopped", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const ensure = watch(world.supervisor.ensure("a"));
  await world.supervisor.stop("a");
  await settle();
  assertEquals(ensure.fate, "ProcessEndedEarlyError");
});

Deno.test("Supervisor.ensure() rejects with ProcessNotFoundError when the entry is removed during the start", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const ensure = watch(world.supervisor.ensure("a"));
  world.table.delete("a");
  await settle();
  assertEquals(ensure.fate, "ProcessNotFoundError");
});

Deno.test("Supervisor.ensure() waits for the new version when the entry is replaced during the start", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const ensure = watch(world.supervisor.ensure("a"));
  world.table.set("a");
  await settle();
  assertEquals([ensure.fate, ensure.value === world.bot("a")], ["resolved", true]);
});
