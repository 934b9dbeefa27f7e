import { assertEquals } from "@std/assert";
import { systemClock } from "@pact/supervisor";
import { settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

/** A world whose event loop can be blocked: time passes and no timer fires, until all that are due fire late. */
function worldOf(row: object, options: WorldOptions = {}) {
  let blockedMs = 0;
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + blockedMs,
    monotonic: () => systemClock.monotonic() + blockedMs,
  };
  const world = new World({ a: row }, { clock, announces: false, ...options });
  return { world, block: (ms: number) => void (blockedMs += ms) };
}

Deno.test("Supervisor lets a start-up go on that could not use its budget as the event loop was blocked", async () => {
  const { world: all, block } = worldOf({ hangs: true }, { startTimeoutMs: 3_000 });
  await using world = all;
  await world.begin();
  block(6_000);
  await world.time.pass(3_000); // the timer fires 6 s late
  const before = world.stateOf("a");
  world.bot("a").up.resolve();
  await settle();
  assertEquals([before, world.stateOf("a")], ["starting", "running"]);
});

Deno.test("Supervisor gives a start-up up that is not up a whole budget after the event loop was blocked", async () => {
  const { world: all, block } = worldOf({ hangs: true }, { startTimeoutMs: 3_000 });
  await using world = all;
  await world.begin();
  block(6_000);
  await world.time.pass(6_000);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor lets a graceful stop go on that could not use its budget as the event loop was blocked", async () => {
  const { world: all, block } = worldOf({ lingers: true }, { stopTimeoutMs: 3_000 });
  await using world = all;
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  block(6_000);
  await world.time.pass(3_000);
  const isAborted = world.bot("a").signal?.aborted;
  world.bot("a").down.resolve();
  await settle();
  assertEquals([isAborted, stop.fate, world.journal.of("exited")[0].isForced], [false, "resolved", undefined]);
});

Deno.test("Supervisor prolongs each budget of a stop once at most, and by no more than that budget", async () => {
  const { world: all, block } = worldOf({ lingers: true, deaf: true }, { stopTimeoutMs: 3_000 });
  await using world = all;
  await world.begin();
  watch(world.supervisor.stop("a"));
  block(3_600_000);
  await world.time.pass(5_999);
  const before = world.bot("a").signal?.aborted;
  await world.time.pass(1);
  block(3_600_000);
  await world.time.pass(3_000);
  block(3_600_000);
  await world.time.pass(3_000);
  assertEquals([before, world.bot("a").signal?.aborted, world.stateOf("a")], [false, true, "stuck"]);
});

Deno.test("Supervisor restarts what was due while the event loop was blocked right after that", async () => {
  const { world: all, block } = worldOf({});
  await using world = all;
  await world.begin();
  world.bot("a").crash();
  await settle();
  block(60_000);
  await world.time.pass(1_000);
  assertEquals(world.stateOf("a"), "running");
});

Deno.test("Supervisor.run() lets graceful stops go on that could not use their budget as the event loop was blocked", async () => {
  const { world: all, block } = worldOf({ lingers: true }, { stopTimeoutMs: 3_000 });
  await using world = all;
  await world.begin();
  await world.leave();
  block(6_000);
  await world.time.pass(3_000);
  const isAborted = world.bot("a").signal?.aborted;
  world.bot("a").down.resolve();
  await settle();
  assertEquals([isAborted, world.run.fate], [false, "resolved"]);
});
