import { assertEquals } from "@std/assert";
import { systemClock } from "@pact/supervisor";
import { type RowLike, settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

const hourMs = 3_600_000;

/** A world and what sets its wall clock, by hours; its timers take as long as ever. */
function worldOf(rows: Record<string, RowLike>, options: WorldOptions = {}) {
  let aheadMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const set = (hours: number) => void (aheadMs += hours * hourMs);
  return { world: new World(rows, { clock, announces: false, ...options }), set };
}

for (const hours of [1, -1]) {
  const title = hours > 0 ? "set forward by an hour" : "set back by an hour";

  Deno.test(`Supervisor gives a start-up the whole of its budget although the clock is ${title}`, async () => {
    const { world: all, set } = worldOf({ slow: { hangs: true }, flaky: {} }, { startTimeoutMs: 5_000 });
    await using world = all;
    await world.begin();
    world.bot("flaky").crash(); // its restart wakes the one timer
    await settle();
    set(hours);
    await world.time.pass(4_999);
    const before = world.stateOf("slow");
    await world.time.pass(1);
    assertEquals([before, world.stateOf("slow")], ["starting", "retrying"]);
  });

  Deno.test(`Supervisor gives a stop the whole of its budgets although the clock is ${title}`, async () => {
    const { world: all, set } = worldOf({ deaf: { lingers: true, deaf: true }, flaky: {} });
    await using world = all;
    await world.begin();
    watch(world.supervisor.stop("deaf"));
    world.bot("flaky").crash();
    await settle();
    set(hours);
    await world.time.pass(3_999);
    const before = world.bot("deaf").signal?.aborted;
    await world.time.pass(1);
    const after = world.bot("deaf").signal?.aborted;
    await world.time.pass(3_999);
    const late = world.stateOf("deaf");
    await world.time.pass(1);
    assertEquals([before, after, late, world.stateOf("deaf")], [false, true, "stopping", "stuck"]);
  });

  Deno.test(`Supervisor restarts a process when its delay is over although the clock is ${title}`, async () => {
    const { world: all, set } = worldOf({ a: {}, b: {} });
    await using world = all;
    await world.begin();
    world.bot("a").crash();
    await settle();
    set(hours);
    world.bot("b").crash();
    await world.time.pass(999);
    const before = [world.stateOf("a"), world.stateOf("b")];
    await world.time.pass(1);
    assertEquals([before, [world.stateOf("a"), world.stateOf("b")]], [["retrying", "retrying"], [
      "running",
      "running",
    ]]);
  });

  Deno.test(`Supervisor parks what fails in a row although the clock is ${title} while it runs`, async () => {
    const { world: all, set } = worldOf({ a: {} }, { restart: { limit: 2 } });
    await using world = all;
    await world.begin();
    for (let i = 0; i < 2; i++) {
      set(hours);
      world.bot("a").crash();
      await world.time.pass(1_000);
    }
    assertEquals(world.stateOf("a"), "parked");
  });

  Deno.test(`Supervisor counts from the beginning after a minute of health although the clock is ${title}`, async () => {
    const { world: all, set } = worldOf({ a: {} }, { restart: { limit: 2 } });
    await using world = all;
    await world.begin();
    world.bot("a").crash();
    await world.time.pass(1_000);
    set(hours);
    await world.time.pass(60_000);
    world.bot("a").crash();
    await settle();
    assertEquals(world.journal.of("retrying").map(({ failures }) => failures), [1, 1]);
  });

  Deno.test(`Supervisor.snapshot() shows by the new time when a restart is due right after the clock is ${title}`, async () => {
    const { world: all, set } = worldOf({ a: {} });
    await using world = all;
    await world.begin();
    world.bot("a").crash();
    await world.time.pass(400);
    set(hours);
    const { retryAt } = world.supervisor.status("a")!;
    assertEquals(retryAt, 1_000 + hours * hourMs);
  });

  Deno.test(`Supervisor tells how long a start, a life and a pass took although the clock is ${title} meanwhile`, async () => {
    const { world: all, set } = worldOf({ a: { hangs: true } });
    await using world = all;
    world.table.onIterate = () => set(hours);
    await world.begin();
    set(hours);
    await world.time.pass(200);
    world.bot("a").up.resolve();
    await settle();
    set(hours);
    await world.time.pass(300);
    world.bot("a").crash();
    await settle();
    const [running] = world.journal.of("running"), [exited] = world.journal.of("exited");
    const [pass] = world.journal.of("reconciled");
    assertEquals([running.startMs, exited.uptimeMs, pass.durationMs], [200, 300, 200]);
  });
}
