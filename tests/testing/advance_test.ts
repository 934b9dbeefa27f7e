import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { startStop } from "../../src/process/leaf.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { MapTable } from "../../src/table/map_table.ts";
import { advance } from "../../src/testing/mod.ts";

/** Calls back after a number of timers of 0 ms, each set by a microtask of the one before. */
async function afterZeroTimers(count: number, callback: () => void): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  callback();
}

for (const count of [0, 1, 2, 3]) {
  Deno.test(`advance() fires ${count} timers of 0 ms in a row that begin in the last instant`, async () => {
    using time = new FakeTime();
    let firedAt: number | undefined;
    setTimeout(() => afterZeroTimers(count, () => firedAt = time.now), 10);
    const startAt = time.now;
    await advance(time, 10);
    assertEquals([firedAt, time.now], [startAt + 10, startAt + 10]);
  });
}

Deno.test("advance() fires a timer of 0 ms that a microtask sets when no time passes", async () => {
  using time = new FakeTime();
  let isFired = false;
  Promise.resolve().then(() => setTimeout(() => isFired = true, 0));
  await advance(time, 0);
  assertEquals(isFired, true);
});

Deno.test("advance() leaves a timer alone that is due 1 ms later", async () => {
  using time = new FakeTime();
  let isFired = false;
  setTimeout(() => Promise.resolve().then(() => setTimeout(() => isFired = true, 1)), 10);
  await advance(time, 10);
  assertEquals(isFired, false);
  await advance(time, 1);
  assertEquals(isFired, true);
});

Deno.test("advance() sees the end of a stop that begins in the last instant and takes a timer of 0 ms", async () => {
  using time = new FakeTime();
  const bot = startStop(() => {}, () => new Promise((resolve) => setTimeout(resolve, 0)));
  const supervisor = new Supervisor(new MapTable([["a", bot]]));
  supervisor.subscribe(() => {});
  const stop = Promise.withResolvers<void>();
  const run = supervisor.run(() => stop.promise);
  await advance(time, 1_000);
  setTimeout(() => supervisor.stop("a"), 10);
  await advance(time, 10);
  assertEquals(supervisor.snapshot().counts, {});
  stop.resolve();
  await run;
});
