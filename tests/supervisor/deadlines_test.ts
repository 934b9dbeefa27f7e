import { assertEquals } from "@std/assert";
import { stallMs, systemClock } from "../../src/clock.ts";
import { type DeadlineHolder, Deadlines } from "../../src/supervisor/deadlines.ts";
import { TestTime } from "./fixtures/mod.ts";

/** Deadlines whose firing is written down. */
function deadlinesOf(time: TestTime) {
  const fired: string[] = [];
  const deadlines = new Deadlines(systemClock, (step) => step());
  const holder = (name: string, onDeadline = () => {}): DeadlineHolder => ({
    deadlineAt: 0,
    deadlineOrder: 0,
    heapIndex: -1,
    onDeadline: () => {
      fired.push(`${name} ${time.now}`);
      onDeadline();
    },
  });
  return { fired, deadlines, holder };
}

Deno.test("Deadlines.set() calls each holder when its time has come", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  for (const delayMs of [30, 10, 20]) deadlines.set(holder(`${delayMs}`), delayMs);
  await time.pass(100);
  assertEquals(fired, ["10 10", "20 20", "30 30"]);
});

Deno.test("Deadlines.set() calls holders of the same moment in the order in which they were set", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  for (const name of "abcdefgh") deadlines.set(holder(name), 5);
  await time.pass(5);
  assertEquals(fired.map((line) => line[0]).join(""), "abcdefgh");
});

Deno.test("Deadlines.set() puts a new deadline in the place of the old one", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  const one = holder("a");
  deadlines.set(one, 10);
  deadlines.set(one, 50);
  assertEquals(deadlines.size, 1);
  await time.pass(100);
  assertEquals(fired, ["a 50"]);
});

Deno.test("Deadlines.set() does not wait for a timer that is overdue: it was set while the clock ran otherwise", () => {
  const timers: { readonly delayMs: number; isOff: boolean }[] = [];
  let nowMs = 0;
  const clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    timer: (_fire: () => void, delayMs: number) => {
      const timer = { delayMs, isOff: false };
      timers.push(timer);
      return { cancel: () => void (timer.isOff = true) };
    },
  };
  const deadlines = new Deadlines(clock, (step) => step());
  const holder = () => ({ deadlineAt: 0, deadlineOrder: 0, heapIndex: -1, onDeadline: () => {} });
  const long = holder();
  deadlines.set(long, 1_000);
  deadlines.delete(long);
  nowMs = 1_000 + stallMs; // it may be about to fire
  for (let i = 0; i < 3; i++) deadlines.set(holder(), 10);
  assertEquals(timers, [{ delayMs: 1_000, isOff: false }]);
  nowMs += 1;
  for (let i = 0; i < 3; i++) deadlines.set(holder(), 10);
  assertEquals(timers, [{ delayMs: 1_000, isOff: true }, { delayMs: 9, isOff: false }]);
});

Deno.test("Deadlines.delete() calls a deadline off", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  const one = holder("a");
  deadlines.set(one, 10);
  deadlines.set(holder("b"), 20);
  deadlines.delete(one);
  await time.pass(100);
  assertEquals(fired, ["b 20"]);
});

Deno.test("Deadlines.delete() does nothing for a holder without a deadline", () => {
  using time = new TestTime();
  const { deadlines, holder } = deadlinesOf(time);
  deadlines.set(holder("b"), 20);
  deadlines.delete(holder("a"));
  assertEquals(deadlines.size, 1);
  deadlines.delete(holder("a"));
});

Deno.test("Deadlines has one timer for any number, and none at rest", () => {
  using time = new TestTime();
  const { deadlines, holder } = deadlinesOf(time);
  const holders = Array.from({ length: 100 }, (_, i) => holder(`${i}`));
  holders.forEach((each, i) => deadlines.set(each, 1_000 - i));
  assertEquals(time.timers, 1);
  deadlines.rest();
  assertEquals(time.timers, 1);
  holders.forEach((each) => deadlines.delete(each));
  deadlines.rest();
  assertEquals([time.timers, deadlines.size], [0, 0]);
});

Deno.test("Deadlines bears a callback that calls off one that is due at the same moment", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  const second = holder("b");
  deadlines.set(holder("a", () => deadlines.delete(second)), 10);
  deadlines.set(second, 10);
  await time.pass(100);
  assertEquals([fired, time.timers], [["a 10"], 0]);
});

Deno.test("Deadlines bears a callback that puts off one that is due at the same moment", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  const second = holder("b");
  deadlines.set(holder("a", () => deadlines.set(second, 30)), 10);
  deadlines.set(second, 10);
  await time.pass(100);
  assertEquals(fired, ["a 10", "b 40"]);
});

Deno.test("Deadlines bears a callback that sets its own deadline again", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  const one: DeadlineHolder = holder("a", () => void (fired.length < 3 && deadlines.set(one, 10)));
  deadlines.set(one, 10);
  await time.pass(100);
  assertEquals(fired, ["a 10", "a 20", "a 30"]);
});

Deno.test("Deadlines fires what a timer was set for although the clock was set back", () => {
  let now = 1_000;
  const timers: (() => void)[] = [];
  const clock = {
    ...systemClock,
    now: () => now,
    timer: (fire: () => void) => ({ cancel() {}, n: timers.push(fire) }),
  };
  using time = new TestTime();
  const { fired, holder } = deadlinesOf(time);
  new Deadlines(clock, (step) => step()).set(holder("a"), 10);
  now = 0;
  timers[0]();
  assertEquals(fired.length, 1);
});

Deno.test("Deadlines stay in order over any sequence of sets and deletes", async () => {
  using time = new TestTime();
  const { fired, deadlines, holder } = deadlinesOf(time);
  let seed = 1;
  const random = (below: number) => (seed = seed * 48_271 % 2_147_483_647) % below;
  const expected = new Map<string, number>();
  const holders = Array.from({ length: 200 }, (_, i) => holder(`${i}`));
  for (let step = 0; step < 2_000; step++) {
    const index = random(holders.length);
    if (random(3) === 0) {
      deadlines.delete(holders[index]);
      expected.delete(`${index}`);
    } else {
      const delayMs = 1 + random(500);
      deadlines.set(holders[index], delayMs);
      expected.set(`${index}`, delayMs);
    }
  }
  await time.pass(1_000);
  assertEquals(fired.toSorted(), [...expected].map(([name, at]) => `${name} ${at}`).toSorted());
  const moments = fired.map((line) => Number(line.split(" ")[1]));
  assertEquals(moments, moments.toSorted((a, b) => a - b));
});

Deno.test("Deadlines.set() sets no new timer for what is due later than the nearest", () => {
  using time = new TestTime();
  const { deadlines, holder } = deadlinesOf(time);
  for (const delayMs of [10, 20, 10, 30]) deadlines.set(holder("a"), delayMs);
  assertEquals(time.timersSet, 1);
  deadlines.set(holder("b"), 5);
  assertEquals([time.timersSet, time.timers], [2, 1]);
});
