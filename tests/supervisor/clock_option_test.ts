import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "@pact/supervisor";
import { settle, TestTime, watch, World } from "./fixtures/mod.ts";

/** A clock that counts its timers and the questions for the time. */
class CountingClock implements Clock {
  set = 0;
  pending = 0;
  asked = 0;

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    this.asked++;
    return systemClock.monotonic();
  }

  timer(callback: () => void, delayMs: number) {
    this.set++;
    this.pending++;
    const end = () => void (this.pending -= isPending ? 1 : 0, isPending = false);
    let isPending = true;
    const timer = systemClock.timer(() => {
      end();
      callback();
    }, delayMs);
    return {
      cancel: () => {
        end();
        timer.cancel();
      },
    };
  }
}

Deno.test("Supervisor sets every timer on its option clock, and measures by it", async () => {
  const clock = new CountingClock();
  await using world = new World({ a: {}, b: { hangs: true }, c: { lingers: true, deaf: true } }, {
    clock,
    startTimeoutMs: 5_000,
    startConcurrency: 1,
  });
  await world.begin();
  world.table.streams[0].fail(new Error("oops"));
  world.bot("a").crash();
  await world.time.pass(10_000);
  await world.end();
  assertEquals([clock.set === world.time.timersSet, clock.set > 5, clock.asked > 5, clock.pending], [
    true,
    true,
    true,
    0,
  ]);
});

Deno.test("Supervisor serves the deadlines of a hundred stops and restarts with one timer of its clock", async () => {
  const clock = new CountingClock();
  const rows = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { lingers: true }]));
  // A limit for the start-up has set that timer before.
  await using world = new World(rows, { clock, announces: false, startTimeoutMs: Infinity });
  await world.begin();
  await settle();
  const before = clock.pending;
  for (let i = 0; i < 50; i++) watch(world.supervisor.stop(`k${i}`));
  for (let i = 50; i < 100; i++) world.bot(`k${i}`).crash();
  await settle();
  assertEquals(clock.pending - before, 1);
});

Deno.test("Supervisor takes its moments from its option clock", async () => {
  const at = 1_000_000;
  const clock: Clock = { ...systemClock, now: () => at + systemClock.now() };
  await using world = new World({ a: {} }, { clock });
  await world.begin();
  assertEquals([world.journal.events[0].at, world.snapshot.at], [at, at]);
});

Deno.test("TestTime lets everything happen between one timer and the next", async () => {
  using time = new TestTime();
  const seen: string[] = [];
  setTimeout(() => void Promise.resolve().then(() => seen.push(`first ${time.now}`)), 10);
  setTimeout(() => seen.push(`second ${time.now}`), 20);
  await time.pass(100);
  assertEquals(seen, ["first 10", "second 20"]);
});
