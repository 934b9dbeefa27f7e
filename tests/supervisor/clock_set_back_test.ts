import { assertEquals } from "@std/assert";
import { systemClock } from "@pact/supervisor";
import { type RowLike, settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

const hourMs = 3_600_000;

/** A world and what sets its clock back by an hour; its timers take as long as ever. */
function worldOf(rows: Record<string, RowLike>, options: WorldOptions = {}) {
  let setBackMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() - setBackMs };
  return { world: new World(rows, { clock, announces: false, ...options }), setBack: () => void (setBackMs += hourMs) };
}

Deno.test("Supervisor restarts a process within twice its delay although the clock is set back by an hour", async () => {
  const { world: all, setBack } = worldOf({ a: {}, b: {} });
  await using world = all;
  await world.begin();
  world.bot("a").crash();
  await world.time.pass(100);
  world.bot("b").crash();
  await settle();
  setBack();
  await world.time.pass(2_000);
  assertEquals([world.stateOf("a"), world.stateOf("b")], ["running", "running"]);
});

Deno.test("Supervisor.stop() forces a process within twice its budget although the clock is set back by an hour", async () => {
  const { world: all, setBack } = worldOf({ a: { lingers: true }, b: { lingers: true } });
  await using world = all;
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(10);
  const stop = watch(world.supervisor.stop("b"));
  setBack();
  await world.time.pass(8_000);
  assertEquals(stop.fate, "resolved");
});

Deno.test("Supervisor lets the next process start within two seconds although the clock is set back by an hour", async () => {
  const { world: all, setBack } = worldOf({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await using world = all;
  await world.begin();
  setBack();
  await world.time.pass(2_000);
  assertEquals(world.stateOf("b"), "running");
});

Deno.test("Supervisor.run() leaves no timer behind although the clock is set back by an hour", async () => {
  const deaf = { lingers: true, deaf: true };
  const { world: all, setBack } = worldOf({ a: deaf, b: deaf });
  await using world = all;
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(10);
  watch(world.supervisor.stop("b"));
  await world.time.pass(4_010); // both are forced, and have budgets of their own
  setBack();
  await world.leave();
  await world.time.pass(20_000);
  assertEquals([world.run.fate, world.time.timers], ["resolved", 0]);
});

Deno.test("Supervisor says that a process was up for 0 ms when the clock was set back while it ran", async () => {
  const { world: all, setBack } = worldOf({ a: {} });
  await using world = all;
  await world.begin();
  setBack();
  world.bot("a").crash();
  await settle();
  assertEquals(world.journal.of("exited")[0].uptimeMs, 0);
});

Deno.test("Supervisor says that a process took 0 ms to start when the clock was set back meanwhile", async () => {
  const { world: all, setBack } = worldOf({ a: { hangs: true } });
  await using world = all;
  await world.begin();
  setBack();
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.journal.of("running")[0].startMs, 0);
});

Deno.test("Supervisor says that a pass took 0 ms when the clock was set back meanwhile", async () => {
  const { world: all, setBack } = worldOf({ a: {} });
  await using world = all;
  world.table.onIterate = setBack;
  await world.begin();
  assertEquals(world.journal.of("reconciled")[0].durationMs, 0);
});
