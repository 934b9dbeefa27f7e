import { assertEquals } from "@std/assert";
import { Prober } from "../../src/kv/prober.ts";
import { settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

const everyMs = 1_000;

/** A prober, and what it has asked when. */
function open({ isRemote = false } = {}) {
  const clock = new ManualClock();
  const asked: number[] = [], reached: number[] = [];
  const calls: PromiseWithResolvers<void>[] = [];
  const state = { isUp: false, isAnswering: false, answers: 0 };
  const prober: Prober = new Prober({
    clock,
    everyMs,
    ask() {
      asked.push(clock.monotonic());
      if (state.isAnswering) return Promise.resolve();
      const call = Promise.withResolvers<void>();
      calls.push(call);
      return call.promise;
    },
    reach: isRemote
      ? () => {
        reached.push(clock.monotonic());
        return Promise.resolve(state.isUp);
      }
      : undefined,
    answered() {
      state.answers++;
      if (state.isAnswering) prober.stop();
    },
  });
  const pass = async (ms: number) => {
    await settle();
    for (let leftMs = ms; leftMs > 0; leftMs -= 100) {
      clock.advance(100);
      await settle();
    }
  };
  return { clock, asked, reached, calls, state, prober, pass };
}

Deno.test("Prober asks at once, and then at pauses that double without an end", async () => {
  const { clock, asked, prober, pass } = open();
  prober.start();
  await pass(40_000);
  prober.stop();
  assertEquals([asked, clock.pending], [[0, 1_000, 3_000, 7_000, 15_000, 31_000], 0]);
});

Deno.test("Prober leaves twelve questions behind after an hour that none is answered in", async () => {
  const { clock, asked, prober } = open();
  prober.start();
  for (let seconds = 0; seconds < 3_600; seconds++) {
    clock.advance(1_000);
    await settle();
  }
  prober.stop();
  assertEquals(asked.length, 12);
});

Deno.test("Prober goes on where it was when it is started again", async () => {
  const { asked, prober, pass } = open();
  prober.start();
  await pass(500);
  prober.stop();
  await pass(1_000);
  prober.start();
  prober.start();
  await pass(300);
  prober.stop();
  prober.start();
  await pass(2_000);
  prober.stop();
  assertEquals(asked, [0, 1_500, 3_500]);
});

Deno.test("Prober tells of an answer however late, and begins with short pauses then", async () => {
  const { asked, calls, state, prober, pass } = open();
  prober.start();
  await pass(4_000);
  calls[0].resolve();
  await pass(4_000);
  prober.stop();
  assertEquals([state.answers, asked], [1, [0, 1_000, 3_000, 5_000, 6_000, 8_000]]);
});

Deno.test("Prober asks at once again after an outage that has ended", async () => {
  const { asked, state, prober, pass } = open();
  prober.start();
  await pass(4_000);
  state.isAnswering = true;
  await pass(4_000);
  prober.start();
  await pass(100);
  assertEquals(asked, [0, 1_000, 3_000, 7_000, 8_000]);
});

Deno.test("Prober.hurry() has it ask at once, or soon, and later each time that this was in vain", async () => {
  const { asked, calls, prober, pass } = open();
  prober.hurry();
  prober.start();
  for (let i = 0; i < 79; i++) {
    await pass(100);
    prober.hurry();
  }
  assertEquals(asked, [0, 500, 1_500, 3_500, 7_500]);
  calls[0].resolve();
  await pass(900);
  prober.hurry();
  await pass(600);
  prober.stop();
  assertEquals(asked.slice(5), [8_900]);
});

Deno.test("Prober.hurry() counts although nothing waits just then", async () => {
  const { asked, prober, pass } = open();
  prober.start();
  await pass(3_000);
  prober.stop();
  prober.hurry();
  await pass(1_000);
  assertEquals(asked, [0, 1_000, 3_000]);
  prober.start();
  prober.stop();
  assertEquals(asked, [0, 1_000, 3_000, 4_000]);
});

for (
  const [what, error, answers] of [
    ["a closed handle", new Deno.errors.BadResource("Bad resource ID"), 1],
    ["a locked file", new TypeError("database is locked"), 1],
    ["a refused connection", new TypeError("connection refused"), 0],
  ] as const
) {
  Deno.test(`Prober takes ${what} for ${answers === 1 ? "an" : "no"} answer`, async () => {
    const { calls, state, prober, pass } = open();
    prober.start();
    calls[0].reject(error);
    await pass(100);
    prober.stop();
    assertEquals(state.answers, answers);
  });
}

Deno.test("Prober of a server that is not there asks for it steadily, and the database nothing", async () => {
  const { clock, asked, reached, prober, pass } = open({ isRemote: true });
  prober.start();
  await pass(5_000);
  prober.stop();
  assertEquals([asked, reached, clock.pending], [[], [0, 1_000, 2_000, 3_000, 4_000, 5_000], 0]);
});

Deno.test("Prober asks the database as soon as its server is there, and then less and less often", async () => {
  const { asked, state, prober, pass } = open({ isRemote: true });
  prober.start();
  await pass(2_500);
  state.isUp = true;
  await pass(10_000);
  state.isUp = false;
  await pass(2_000);
  state.isUp = true;
  await pass(2_000);
  prober.stop();
  assertEquals(asked, [3_000, 4_000, 6_000, 10_000, 15_000, 16_000]);
});
