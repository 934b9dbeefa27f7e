import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ProcessNotFoundError, ProcessStuckError } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.restart() stops the process, then starts another", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const old = world.bot("a");
  const bot = await world.supervisor.restart("a");
  assertEquals([bot === old, bot === world.bot("a")], [false, true]);
  const lives = [
    "a starting restore 1",
    "a running 0",
    "a exited running stopped 0",
    "a starting call 1",
    "a running 0",
  ];
  assertEquals(world.take(), lives);
});

Deno.test("Supervisor.restart() starts from a fresh entry", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const restart = watch(world.supervisor.restart("a"));
  await settle();
  assertEquals([restart.fate, world.stateOf("a")], ["pending", "starting"]);
});

Deno.test("Supervisor.restart() waits for the end of the old process", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  const restart = watch(world.supervisor.restart("a"));
  await world.time.pass(3_000);
  assertEquals([restart.fate, world.bot("a") === old], ["pending", true]);
  old.down.resolve();
  await settle();
  assertEquals(restart.fate, "resolved");
});

Deno.test("Supervisor.restart() starts a process that does not exist", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  assertStrictEquals(await world.supervisor.restart("a"), world.bot("a"));
});

Deno.test("Supervisor.restart() begins anew with a process that is still starting", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const old = world.bot("a");
  const restart = watch(world.supervisor.restart("a"));
  await settle();
  assertEquals([old.signal?.aborted, world.bot("a") === old, restart.fate], [true, false, "pending"]);
});

Deno.test("Supervisor.restart() rejects a start that it cuts short", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const start = watch(world.supervisor.start("a"));
  await settle();
  watch(world.supervisor.restart("a"));
  await settle();
  assertEquals(start.fate, "ProcessEndedEarlyError");
});

Deno.test("Supervisor.restart() rejects with ProcessNotFoundError when the entry is gone", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  await assertRejects(() => world.supervisor.restart("a"), ProcessNotFoundError);
  assertEquals(world.supervisor.keys(), []);
});

Deno.test("Supervisor.restart() rejects with what the new process failed with", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.set("a", { startError: oops });
  assertStrictEquals(await assertRejects(() => world.supervisor.restart("a")), oops);
});

Deno.test("Supervisor.restart() goes on although the old process fails at its stop, which is an event", async () => {
  await using world = new World({ a: { stopError: oops } });
  await world.begin();
  await world.supervisor.restart("a");
  await settle();
  assertEquals(world.journal.tellings(oops), 1);
});

Deno.test("Supervisor.restart() rejects with ProcessStuckError when the old process does not end", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } });
  await world.begin();
  const restart = watch(world.supervisor.restart("a"));
  await world.time.pass(8_000);
  const error = await assertRejects(() => world.supervisor.restart("a"), ProcessStuckError);
  assertEquals([restart.fate, error.sinceAt], ["ProcessStuckError", 8_000]);
});

Deno.test("Supervisor.restart() ends the wait, not the restart, when its signal aborts", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  const controller = new AbortController();
  const restart = watch(world.supervisor.restart("a", { signal: controller.signal }));
  controller.abort(oops);
  await settle();
  assertStrictEquals(restart.error, oops);
  old.down.resolve();
  await settle();
  assertEquals([world.stateOf("a"), world.bot("a") === old], ["running", false]);
});

Deno.test("Supervisor.restart() is called off by a stop that comes later", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const restart = watch(world.supervisor.restart("a"));
  const stop = watch(world.supervisor.stop("a"));
  world.bot("a").down.resolve();
  await settle();
  assertEquals([restart.fate, stop.fate, world.supervisor.keys()], ["ProcessEndedEarlyError", "resolved", []]);
});

Deno.test("Supervisor.restart() after a table failure leaves the key to the restart policy", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.onLook = () => Promise.reject(oops);
  assertStrictEquals(await assertRejects(() => world.supervisor.restart("a")), oops);
  world.table.onLook = () => {};
  await world.time.pass(1_000);
  assertEquals(world.supervisor.keys(), ["a"]);
});
