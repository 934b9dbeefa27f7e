import { assert, assertEquals } from "@std/assert";
import { jittered, maxTimerMs, pause, systemClock, turn } from "../src/clock.ts";
import { settle, TestTime, watch } from "./supervisor/fixtures/mod.ts";
import { countingSignal } from "./process/signals.ts";

Deno.test("systemClock.now() reads Date.now when it is called, so that FakeTime drives it", async () => {
  using time = new TestTime();
  assertEquals(systemClock.now(), 0);
  await time.pass(70);
  assertEquals(systemClock.now(), 70);
});

Deno.test("systemClock.monotonic() never steps back", () => {
  const before = systemClock.monotonic();
  assert(systemClock.monotonic() >= before);
});

Deno.test("systemClock.timer() calls back once, after the delay", async () => {
  using time = new TestTime();
  const fired: number[] = [];
  systemClock.timer(() => fired.push(time.now), 50);
  await time.pass(49);
  assertEquals(fired, []);
  await time.pass(100);
  assertEquals(fired, [50]);
});

Deno.test("systemClock.timer() does not call back when it is called off", async () => {
  using time = new TestTime();
  const fired: number[] = [];
  systemClock.timer(() => fired.push(time.now), 50).cancel();
  await time.pass(100);
  assertEquals([fired, time.timers], [[], 0]);
});

Deno.test("systemClock.timer() may be called off after it has fired", async () => {
  using time = new TestTime();
  const timer = systemClock.timer(() => {}, 50);
  await time.pass(50);
  timer.cancel();
  assertEquals(time.timers, 0);
});

Deno.test("pause() resolves after the delay", async () => {
  using time = new TestTime();
  const paused = watch(pause(systemClock, 50));
  await time.pass(49);
  assertEquals(paused.fate, "pending");
  await time.pass(1);
  assertEquals(paused.fate, "resolved");
});

for (const index of [0, 1]) {
  Deno.test(`pause() resolves when signal ${index} of two aborts, and leaves no timer and no listener`, async () => {
    using time = new TestTime();
    const controllers = [new AbortController(), new AbortController()];
    const paused = watch(pause(systemClock, 50, ...controllers.map(({ signal }) => signal)));
    controllers[index].abort(new Error("never seen"));
    await settle();
    assertEquals([paused.fate, time.timers], ["resolved", 0]);
  });
}

Deno.test("pause() leaves no listener when the delay is over", async () => {
  using time = new TestTime();
  const { signal, listeners } = countingSignal();
  pause(systemClock, 50, signal);
  assertEquals(listeners(), 1);
  await time.pass(50);
  assertEquals(listeners(), 0);
});

Deno.test("pause() sets no timer when a signal has aborted before", async () => {
  using time = new TestTime();
  await pause(systemClock, 50, new AbortController().signal, AbortSignal.abort());
  assertEquals(time.timersSet, 0);
});

Deno.test("pause() bears a delay that is too long for a timer", () => {
  const delays: number[] = [];
  const clock = {
    ...systemClock,
    timer: (_: () => void, delayMs: number) => ({ cancel() {}, n: delays.push(delayMs) }),
  };
  pause(clock, Infinity);
  assertEquals(delays, [maxTimerMs]);
});

for (
  const [delayMs, random, expected] of [
    [1, 0, 1],
    [1_000, 0, 900],
    [1_000, 0.5, 1_000],
    [1_000, 1, 1_100],
    [1_005, 0.25, 955],
    [maxTimerMs, 1, maxTimerMs],
  ]
) {
  Deno.test(`jittered() makes ${expected} ms of ${delayMs} ms and chance ${random}`, () => {
    assertEquals(jittered(delayMs, random), expected);
  });
}

Deno.test("turn() lets everything happen that needs no time, though FakeTime stands still", async () => {
  using _time = new TestTime();
  let steps = 0;
  const walk = async () => {
    for (; steps < 1_000; steps++) await undefined;
  };
  walk();
  await turn();
  assertEquals(steps, 1_000);
});
