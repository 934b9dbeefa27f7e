import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { ProcessEndedEarlyError } from "../../src/errors.ts";
import { turn } from "../../src/clock.ts";
import { chain, nop, parallel, sequential } from "../../src/process/compose.ts";
import { leaf, startStop } from "../../src/process/leaf.ts";
import type { RunCallback, Runnable } from "../../src/process/runnable.ts";
import { countingSignal, untilAborted } from "./signals.ts";

const oops = new Error("oops");
const run = (runnable: Runnable, callback: RunCallback = () => {}, signal = new AbortController().signal) =>
  runnable.run(callback, { signal });

/** Runs to the end, and tells what the run rejected with. */
async function errorOf(runnable: Runnable, callback?: RunCallback, signal?: AbortSignal): Promise<unknown> {
  try {
    await run(runnable, callback, signal);
  } catch (error) {
    return error;
  }
}

/** Notes when it starts and stops; comes up when `up` resolves. */
function noted(steps: string[], name: string, up?: Promise<unknown>): Runnable {
  return {
    async run(callback, { signal }) {
      steps.push(`+${name}`);
      await (up && Promise.race([up, untilAborted(signal)]));
      signal.throwIfAborted();
      await callback(signal);
      await turn();
      steps.push(`-${name}`);
    },
  };
}

/** Fails in its start-up. */
const broken: Runnable = { run: () => Promise.reject(oops) };

/** Is up until `end` settles, and ends as that does. */
const ending = (end: Promise<unknown>): Runnable => leaf((signal) => Promise.race([end, untilAborted(signal)]));

/** Fails while it stops. */
const failingStop = (error: unknown): Runnable => startStop(() => {}, () => Promise.reject(error));

Deno.test("nop calls back with the signal it was given", async () => {
  const { signal } = new AbortController();
  let given: AbortSignal | undefined;
  await run(nop, (signal) => given = signal, signal);
  assertStrictEquals(given, signal);
});

Deno.test("nop fails with the error of its callback", async () => {
  assertStrictEquals(await errorOf(nop, () => Promise.reject(oops)), oops);
});

for (const compose of [chain, parallel, sequential]) {
  Deno.test(`${compose.name}() of none is nop`, () => assertStrictEquals(compose(), nop));

  Deno.test(`${compose.name}() of one is that one`, () => assertStrictEquals(compose(broken), broken));

  Deno.test(`${compose.name}() takes nothing but runnables`, () => {
    assertThrows(() => compose(nop, {} as Runnable), TypeError, "a runnable has a run method");
  });

  for (const count of [0, 1, 2, 3, 4]) {
    Deno.test(`${compose.name}() of ${count} runs each once, starting in order, and calls back once`, async () => {
      const names = ["a", "b", "c", "d"].slice(0, count), steps: string[] = [];
      await run(compose(...names.map((name) => noted(steps, name))), () => steps.push("up"));
      assertEquals(steps.slice(0, count + 1), [...names.map((name) => `+${name}`), "up"]);
      assertEquals(steps.slice(count + 1).sort(), names.map((name) => `-${name}`));
    });
  }

  Deno.test(`${compose.name}() rejects with the error of the callback`, async () => {
    assertStrictEquals(await errorOf(compose(nop, nop), () => Promise.reject(oops)), oops);
  });

  Deno.test(`${compose.name}() does not call back when one fails to start`, async () => {
    let calls = 0;
    assertStrictEquals(await errorOf(compose(nop, broken), () => calls++), oops);
    assertEquals(calls, 0);
  });

  Deno.test(`${compose.name}() aborts the signal of the callback when one ends by itself`, async () => {
    const end = Promise.withResolvers<void>();
    await run(compose(ending(end.promise), nop), (signal) => {
      end.resolve();
      return untilAborted(signal);
    });
  });

  Deno.test(`${compose.name}() rejects with the error of one that fails, even when the callback echoes the abort`, async () => {
    const end = Promise.withResolvers<void>();
    const error = await errorOf(compose(ending(end.promise), nop), async (signal) => {
      end.reject(oops);
      await untilAborted(signal);
      throw signal.reason;
    });
    assertStrictEquals(error, oops);
  });

  Deno.test(`${compose.name}() may be run again`, async () => {
    const steps: string[] = [], runnable = compose(noted(steps, "a"), nop);
    await run(runnable);
    await run(runnable);
    assertEquals(steps, ["+a", "-a", "+a", "-a"]);
  });
}

Deno.test("chain() stops the other way round", async () => {
  const steps: string[] = [];
  await run(chain(noted(steps, "a"), noted(steps, "b"), noted(steps, "c")));
  assertEquals(steps, ["+a", "+b", "+c", "-c", "-b", "-a"]);
});

Deno.test("chain() gives the signal of the outer one to the inner one", async () => {
  const { signal } = new AbortController();
  const outer: Runnable = { run: async (callback) => void await callback(signal) };
  let given: AbortSignal | undefined;
  const inner: Runnable = {
    run: async (callback, { signal }) => void await callback(given = signal),
  };
  await run(chain(outer, inner));
  assertStrictEquals(given, signal);
});

for (const compose of [parallel, sequential]) {
  const name = `${compose.name}()`;

  Deno.test(`${name} calls back only when all are up`, async () => {
    const steps: string[] = [], up = Promise.withResolvers<void>();
    const over = run(compose(noted(steps, "a", up.promise), noted(steps, "b")), () => steps.push("up"));
    await turn();
    assert(!steps.includes("up"));
    up.resolve();
    await over;
    assert(steps.includes("up"));
  });

  Deno.test(`${name} stops gracefully what is up when one fails to start`, async () => {
    const steps: string[] = [];
    assertStrictEquals(await errorOf(compose(noted(steps, "a"), broken)), oops);
    assertEquals(steps, ["+a", "-a"]);
  });

  Deno.test(`${name} rejects when one ends without an error before it is up`, async () => {
    const early: Runnable = { run: () => Promise.resolve() };
    assertInstanceOf(await errorOf(compose(nop, early)), ProcessEndedEarlyError);
  });

  Deno.test(`${name} gives the start-up up when one that was up ends`, async () => {
    const steps: string[] = [], end = Promise.withResolvers<void>(), never = new Promise(() => {});
    const over = errorOf(compose(ending(end.promise), noted(steps, "b", never)), () => steps.push("up"));
    await turn();
    end.resolve();
    assertInstanceOf(await over, ProcessEndedEarlyError);
    assertEquals(steps, ["+b"]);
  });

  Deno.test(`${name} does not wait for a callback that it never called, when one comes up although aborted`, async () => {
    const end = Promise.withResolvers<void>();
    const stubborn: Runnable = {
      async run(callback, { signal }) {
        await untilAborted(signal);
        await callback(signal);
      },
    };
    const over = errorOf(compose(ending(end.promise), stubborn));
    await turn();
    end.reject(oops);
    assertStrictEquals(await over, oops);
  });

  Deno.test(`${name} stops the others gracefully when one ends by itself`, async () => {
    const steps: string[] = [], end = Promise.withResolvers<void>();
    await run(compose(noted(steps, "a"), ending(end.promise), noted(steps, "c")), (signal) => {
      end.resolve();
      return untilAborted(signal);
    });
    assertEquals(steps, ["+a", "+c", "-a", "-c"]);
  });

  Deno.test(`${name} aborts the signal of the callback when a run rejects though its own callback is pending`, async () => {
    const end = Promise.withResolvers<void>();
    const hasty: Runnable = {
      run: (callback, { signal }) => Promise.race([Promise.resolve(callback(signal)).then(() => {}), end.promise]),
    };
    const error = await errorOf(compose(hasty, nop), (signal) => {
      end.reject(oops);
      return untilAborted(signal);
    });
    assertStrictEquals(error, oops);
  });

  Deno.test(`${name} holds the callbacks of its runnables until the main one has returned`, async () => {
    const steps: string[] = [], end = Promise.withResolvers<void>();
    const first: Runnable = {
      async run(callback) {
        const narrower = new AbortController();
        end.promise.then(() => narrower.abort());
        await callback(narrower.signal);
        steps.push("of a");
      },
    };
    await run(compose(first, nop), async (signal) => {
      end.resolve();
      await untilAborted(signal);
      await turn();
      steps.push("main");
    });
    assertEquals(steps, ["main", "of a"]);
  });

  Deno.test(`${name} prefers the error of the callback to those of its runnables`, async () => {
    const runnable = compose(failingStop(new Error("later")), nop);
    assertStrictEquals(await errorOf(runnable, () => Promise.reject(oops)), oops);
  });

  Deno.test(`${name} rejects with the one error of a stop as it is`, async () => {
    assertStrictEquals(await errorOf(compose(nop, failingStop(oops))), oops);
  });

  Deno.test(`${name} combines several errors in the order of the arguments`, async () => {
    const error = await errorOf(compose(failingStop("a"), nop, failingStop("c")));
    assertInstanceOf(error, AggregateError);
    assertEquals((error as AggregateError).errors, ["a", "c"]);
  });

  Deno.test(`${name} fails with an AbortError that one comes up with by itself`, async () => {
    const own = new DOMException("the peer aborted", "AbortError");
    assertStrictEquals(await errorOf(compose(ending(Promise.reject(own)), nop), untilAborted), own);
  });

  Deno.test(`${name} forces all of them, for the same reason, when its signal aborts`, async () => {
    const controller = new AbortController(), reasons: unknown[] = [];
    const forced: Runnable = {
      async run(callback, { signal }) {
        await callback(signal);
        reasons.push(signal.reason);
        signal.throwIfAborted();
      },
    };
    await run(compose(forced, forced), (signal) => {
      controller.abort("now");
      return untilAborted(signal);
    }, controller.signal);
    assertEquals(reasons, ["now", "now"]);
  });

  Deno.test(`${name} aborts the signal of the callback at once, for the same reason, when its signal aborts`, async () => {
    const controller = new AbortController(), reasons: unknown[] = [];
    await run(compose(nop, nop), (signal) => {
      controller.abort("now");
      reasons.push(signal.reason);
    }, controller.signal);
    assertEquals(reasons, ["now"]);
  });

  Deno.test(`${name} rejects with the reason, and runs nothing, when its signal had aborted before`, async () => {
    const steps: string[] = [];
    const runnable = compose(noted(steps, "a"), noted(steps, "b"));
    assertEquals(await errorOf(runnable, () => steps.push("up"), AbortSignal.abort("before")), "before");
    assertEquals(steps, []);
  });

  Deno.test(`${name} rejects with the reason when its signal aborts before all are up`, async () => {
    const controller = new AbortController(), never = new Promise(() => {});
    const over = errorOf(compose(noted([], "a", never), nop), () => {}, controller.signal);
    controller.abort("meanwhile");
    assertEquals(await over, "meanwhile");
  });

  Deno.test(`${name} leaves no listener behind on its signal`, async () => {
    const { signal, listeners } = countingSignal();
    await run(compose(nop, nop), () => assert(listeners() > 0), signal);
    assertEquals(listeners(), 0);
  });
}

Deno.test("parallel() starts the next one before the first is up", async () => {
  const steps: string[] = [], up = Promise.withResolvers<void>();
  const over = run(parallel(noted(steps, "a", up.promise), noted(steps, "b")), () => steps.push("up"));
  assertEquals(steps, ["+a", "+b"]);
  up.resolve();
  await over;
});

Deno.test("parallel() aborts what is starting when one fails to start", async () => {
  let isAborted = false;
  const slow: Runnable = { run: (_, { signal }) => untilAborted(signal).then(() => void (isAborted = true)) };
  assertStrictEquals(await errorOf(parallel(slow, broken)), oops);
  assert(isAborted);
});

Deno.test("parallel() stops all at once", async () => {
  const both = Promise.withResolvers<void>();
  let stops = 0;
  const stop = () => {
    if (++stops === 2) both.resolve();
    return both.promise;
  };
  await run(parallel(startStop(() => {}, stop), startStop(() => {}, stop)));
  assertEquals(stops, 2);
});

Deno.test("sequential() starts the next one when the one before is up", async () => {
  const steps: string[] = [], up = Promise.withResolvers<void>();
  const over = run(sequential(noted(steps, "a", up.promise), noted(steps, "b")));
  await turn();
  assertEquals(steps, ["+a"]);
  up.resolve();
  await over;
  assertEquals(steps.slice(0, 2), ["+a", "+b"]);
});

Deno.test("sequential() does not run what comes after one that fails to start", async () => {
  const steps: string[] = [];
  assertStrictEquals(await errorOf(sequential(broken, noted(steps, "b"))), oops);
  assertEquals(steps, []);
});

Deno.test("sequential() stops one after another, in the order of the arguments", async () => {
  const steps: string[] = [];
  const slow = (name: string) =>
    startStop(() => {}, async () => {
      steps.push(`stop ${name}`);
      await turn();
      steps.push(`-${name}`);
    });
  await run(sequential(slow("a"), slow("b"), slow("c")));
  assertEquals(steps, ["stop a", "-a", "stop b", "-b", "stop c", "-c"]);
});
