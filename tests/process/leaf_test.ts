import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { turn } from "../../src/clock.ts";
import { leaf, startStop } from "../../src/process/leaf.ts";
import { Process } from "../../src/process/process.ts";
import type { RunCallback, Runnable } from "../../src/process/runnable.ts";
import { ErrorConsole } from "../supervisor/fixtures/mod.ts";
import { countingSignal, untilAborted } from "./signals.ts";

type LeafFunction = (signal: AbortSignal) => unknown;

const oops = new Error("oops");
const fail = (error: unknown = oops) => Promise.reject(error);
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

Deno.test("leaf() rejects with what the function fails with after the callback has returned", async () => {
  const runnable = leaf(async (signal) => {
    await untilAborted(signal);
    throw oops;
  });
  assertStrictEquals(await errorOf(runnable), oops);
});

Deno.test("leaf() rejects with what the callback fails with", async () => {
  assertStrictEquals(await errorOf(leaf(untilAborted), () => fail()), oops);
});

Deno.test("leaf() prints what the function failed with when the graceful stop then fails too", async () => {
  using printed = new ErrorConsole();
  const second = new Error("nothing to close");
  assertStrictEquals(await errorOf(leaf(() => fail(), () => fail(second))), second);
  assertEquals(printed.lines, [["Suppressed by an earlier error: Error: oops"]]);
});

Deno.test("leaf() aborts the signal of the callback when the function returns", async () => {
  await run(leaf(() => {}), untilAborted);
});

Deno.test("leaf() rejects with what the callback fails with after the function has returned", async () => {
  const callback: RunCallback = async (signal) => {
    await untilAborted(signal);
    throw oops;
  };
  assertStrictEquals(await errorOf(leaf(() => {}), callback), oops);
});

Deno.test("leaf() rejects with what the function fails with while the callback is pending", async () => {
  assertStrictEquals(await errorOf(leaf(() => fail()), untilAborted), oops);
});

for (const callback of [undefined, "callback"]) {
  for (const stop of [undefined, "stop"]) {
    for (const foreground of [undefined, "foreground"]) {
      const first = callback ?? stop ?? foreground;
      const failing = [callback, stop, foreground].filter(Boolean).join(", ") || "nothing";
      Deno.test(`leaf() rejects with ${first ?? "nothing"} when what fails is: ${failing}`, async () => {
        const end = (error: string | undefined) => error && fail(error);
        const runnable = leaf((signal) => untilAborted(signal).then(() => end(foreground)), () => end(stop));
        assertEquals(await errorOf(runnable, () => end(callback)), first);
      });
    }

    const failing = [callback, stop].filter(Boolean).join(", ") || "nothing";
    Deno.test(`startStop() rejects with ${callback ?? stop ?? "nothing"} when what fails is: ${failing}`, async () => {
      const runnable = startStop(() => {}, () => stop && fail(stop));
      assertEquals(await errorOf(runnable, () => callback && fail(callback)), callback ?? stop);
    });
  }
}

const echoes: Readonly<Record<string, (signal: AbortSignal) => unknown>> = {
  "the reason of its signal": (signal) => signal.reason,
  "another AbortError": () => new DOMException("aborted", "AbortError"),
  "an error caused by the reason": (signal) => new Error("interrupted", { cause: signal.reason }),
};
for (const [title, echo] of Object.entries(echoes)) {
  const rejecting: LeafFunction = (signal) => untilAborted(signal).then(() => fail(echo(signal)));

  Deno.test(`leaf() ends normally when the function, aborted, rejects with ${title}`, async () => {
    await run(leaf(rejecting));
  });

  Deno.test(`leaf() prefers the error of the function to a callback that, aborted, rejects with ${title}`, async () => {
    assertStrictEquals(await errorOf(leaf(() => fail()), rejecting), oops);
  });
}

Deno.test("leaf() fails with an AbortError that the function comes up with by itself", async () => {
  const own = new DOMException("the peer aborted", "AbortError");
  assertStrictEquals(await errorOf(leaf(() => fail(own)), untilAborted), own);
});

Deno.test("leaf() fails when undefined is thrown", async () => {
  let isRejected = false;
  await run(leaf(() => Promise.reject(undefined)), untilAborted).catch(() => isRejected = true);
  assert(isRejected);
});

const throwing = () => {
  throw oops;
};
const throwers: Readonly<Record<string, [Runnable, RunCallback]>> = {
  "the function of leaf()": [leaf(throwing), untilAborted],
  "the graceful stop of leaf()": [leaf(untilAborted, throwing), () => {}],
  "the callback of leaf()": [leaf(untilAborted), throwing],
  "the start of startStop()": [startStop(throwing, () => {}), () => {}],
  "the stop of startStop()": [startStop(() => {}, throwing), () => {}],
  "the callback of startStop()": [startStop(() => {}, () => {}), throwing],
};
for (const [title, [runnable, callback]] of Object.entries(throwers)) {
  Deno.test(`${title} may throw instead of rejecting`, async () => {
    assertStrictEquals(await errorOf(runnable, callback), oops);
  });
}

Deno.test("leaf() stops gracefully between the return of the callback and the abort", async () => {
  const steps: string[] = [];
  const runnable = leaf(
    (signal) => untilAborted(signal).then(() => steps.push("aborted")),
    () => turn().then(() => steps.push("asked to stop")),
  );
  await run(runnable, () => turn().then(() => steps.push("returned")));
  assertEquals(steps, ["returned", "asked to stop", "aborted"]);
});

Deno.test("leaf() calls the graceful stop even when the function has ended by itself", async () => {
  let calls = 0;
  await run(leaf(() => {}, () => calls++), untilAborted);
  assertEquals(calls, 1);
});

Deno.test("leaf() calls the graceful stop even when the callback has failed", async () => {
  let calls = 0;
  await errorOf(leaf(untilAborted, () => calls++), () => fail());
  assertEquals(calls, 1);
});

Deno.test("leaf() gives the signal of the run to the graceful stop", async () => {
  const { signal } = new AbortController();
  let given: AbortSignal | undefined;
  await run(leaf(() => {}, (signal) => given = signal), untilAborted, signal);
  assertStrictEquals(given, signal);
});

Deno.test("leaf() does not end before the function has", async () => {
  const finished = Promise.withResolvers<void>();
  let isOver = false;
  const over = run(leaf(() => finished.promise)).then(() => isOver = true);
  await turn();
  assert(!isOver);
  finished.resolve();
  await over;
});

Deno.test("leaf() aborts the function and the callback with the reason of the run's signal", async () => {
  const controller = new AbortController();
  const reasons: unknown[] = [];
  const record: LeafFunction = (signal) => untilAborted(signal).then(() => reasons.push(signal.reason));
  const over = run(leaf(record), record, controller.signal);
  controller.abort("now");
  await over;
  assertEquals(reasons, ["now", "now"]);
});

Deno.test("leaf() gives an aborted signal when the run's signal had aborted before", async () => {
  const aborted: boolean[] = [];
  const record: LeafFunction = (signal) => aborted.push(signal.aborted);
  await run(leaf(record), record, AbortSignal.abort());
  assertEquals(aborted, [true, true]);
});

Deno.test("leaf() leaves no listener behind on the run's signal", async () => {
  const { signal, listeners } = countingSignal();
  await run(leaf(untilAborted), () => assertEquals(listeners(), 1), signal);
  assertEquals(listeners(), 0);
});

Deno.test("leaf() may be run again", async () => {
  let runs = 0;
  const runnable = leaf(() => runs++);
  await run(runnable);
  await run(runnable);
  assertEquals(runs, 2);
});

Deno.test("startStop() starts and stops a process", async () => {
  const started = Promise.withResolvers<void>(), stopped = Promise.withResolvers<void>();
  const process = new Process(leaf((signal) => {
    started.resolve();
    return untilAborted(signal).then(() => stopped.promise);
  }, () => stopped.resolve()));
  await run(
    startStop((signal) => process.start({ signal }), (signal) => process.stop({ signal })),
    () => started.promise,
  );
  assertEquals(process.state, "stopped");
});

Deno.test("startStop() calls neither callback nor stop when the start fails", async () => {
  const unreachable = () => {
    throw new Error("unreachable");
  };
  assertStrictEquals(await errorOf(startStop(() => fail(), unreachable), unreachable), oops);
});

Deno.test("startStop() stops even when the callback has failed", async () => {
  let calls = 0;
  await errorOf(startStop(() => {}, () => calls++), () => fail());
  assertEquals(calls, 1);
});

Deno.test("startStop() rejects when the start was aborted", async () => {
  await assertRejects(
    () => run(startStop((signal) => signal.throwIfAborted(), () => {}), () => {}, AbortSignal.abort()),
    DOMException,
  );
});

Deno.test("startStop() goes on in order and gives the signal of the run to everyone", async () => {
  const { signal } = new AbortController();
  const steps: [string, AbortSignal][] = [];
  const step = (name: string): LeafFunction => (signal) => turn().then(() => steps.push([name, signal]));
  await run(startStop(step("start"), step("stop")), step("callback"), signal);
  assertEquals(steps.map(([name]) => name), ["start", "callback", "stop"]);
  assert(steps.every(([, given]) => given === signal));
});

Deno.test("startStop() prefers the error of the stop to the echo of an aborted callback", async () => {
  const controller = new AbortController();
  const runnable = startStop(() => {}, () => fail());
  const callback: RunCallback = (signal) => {
    controller.abort();
    signal.throwIfAborted();
  };
  assertStrictEquals(await errorOf(runnable, callback, controller.signal), oops);
});
