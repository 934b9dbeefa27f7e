import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Process, type ProcessEndedEarlyError, ProcessStateError, type Runnable } from "@pact/supervisor";
import { Bot, type Manners, settle, UnhandledRejections, watch } from "../supervisor/fixtures/mod.ts";

const oops = new Error("oops");

/** A process of a bot. */
function processOf(manners: Manners = {}): Process<Bot> {
  return new Process(new Bot("a", manners));
}

Deno.test("Process goes from initial to starting, running, stopping and stopped", async () => {
  const process = processOf({ hangs: true, lingers: true });
  const states = [process.state];
  const start = process.start();
  states.push(process.state);
  process.runnable.up.resolve();
  await start;
  states.push(process.state);
  const stop = process.stop();
  states.push(process.state);
  process.runnable.down.resolve();
  await stop;
  states.push(process.state);
  assertEquals(states, ["initial", "starting", "running", "stopping", "stopped"]);
});

Deno.test("Process has the runnable that it was given and does not run it before its start", async () => {
  const bot = new Bot("a");
  const process = new Process(bot);
  await settle();
  assertEquals([process.runnable === bot, bot.runs], [true, 0]);
});

for (const runnable of [undefined, null, 5, {}, Object.create(null), { run: 1 }, Symbol("run")]) {
  const title = typeof runnable === "object" ? Deno.inspect(runnable) : String(runnable);
  Deno.test(`new Process() throws TypeError at ${title} in place of a runnable`, () => {
    assertThrows(() => new Process(runnable as unknown as Runnable), TypeError, "Cannot make a process");
  });
}

Deno.test("Process.start() resolves when the callback is called, not before", async () => {
  const process = processOf({ hangs: true });
  const start = watch(process.start());
  await settle();
  assertEquals(start.fate, "pending");
  process.runnable.up.resolve();
  await settle();
  assertEquals(start.fate, "resolved");
  await process.stop();
});

Deno.test("Process.start() rejects with what the run failed with", async () => {
  const process = processOf({ startError: oops });
  assertStrictEquals(await assertRejects(() => process.start()), oops);
  assertEquals([process.state, await process.exited], ["stopped", { ok: false, error: oops }]);
});

Deno.test("Process.start() rejects with ProcessEndedEarlyError when the run returns before it is up", async () => {
  const process = processOf({ hangs: true });
  const start = watch(process.start());
  process.runnable.leave();
  await settle();
  assertEquals(start.fate, "ProcessEndedEarlyError");
});

const startedStates: [string, (process: Process<Bot>) => unknown, Manners][] = [
  ["starting", (process) => watch(process.start()), { hangs: true }],
  ["running", (process) => process.start(), {}],
  ["stopping", async (process) => {
    await process.start();
    watch(process.stop());
  }, { lingers: true }],
  ["stopped", async (process) => {
    await process.start();
    await process.stop();
  }, {}],
];
for (const [state, act, manners] of startedStates) {
  Deno.test(`Process.start() rejects with ProcessStateError when the process is ${state}`, async () => {
    await using process = processOf(manners);
    await act(process);
    process.runnable.down.resolve();
    const error = await assertRejects(() => process.start(), ProcessStateError);
    assertEquals([error.operation, error.state], ["start the process", state]);
  });
}

Deno.test("Process.stop() aborts a run that is still starting, and its start rejects", async () => {
  const process = processOf({ hangs: true });
  const start = watch(process.start());
  await process.stop();
  await settle();
  const { error } = start;
  assertEquals([process.runnable.signal?.aborted, start.fate, await process.exited], [true, "ProcessEndedEarlyError", {
    ok: true,
  }]);
  assertStrictEquals((error as ProcessEndedEarlyError).message, "Cannot start process: it was stopped meanwhile");
});

Deno.test("Process.stop() prevents a start when there was none", async () => {
  const process = processOf();
  await process.stop();
  assertEquals([process.state, await process.exited], ["stopped", { ok: true }]);
  await assertRejects(() => process.start(), ProcessStateError);
  assertEquals(process.runnable.runs, 0);
});

Deno.test("Process.stop() rejects with ProcessStateError when the process has ended", async () => {
  const process = processOf();
  await process.start();
  await process.stop();
  const error = await assertRejects(() => process.stop(), ProcessStateError);
  assertEquals([error.operation, error.state], ["stop the process", "stopped"]);
});

Deno.test("Process.stop() joins a stop in progress", async () => {
  const process = processOf({ lingers: true });
  await process.start();
  const stops = [watch(process.stop()), watch(process.stop())];
  await settle();
  assertEquals(stops.map(({ fate }) => fate), ["pending", "pending"]);
  process.runnable.down.resolve();
  await settle();
  assertEquals(stops.map(({ fate }) => fate), ["resolved", "resolved"]);
});

Deno.test("Process.stop() rejects with what the run failed with, for every caller", async () => {
  const process = processOf({ lingers: true, stopError: oops });
  await process.start();
  const stops = [watch(process.stop()), watch(process.stop())];
  process.runnable.down.resolve();
  await settle();
  assertEquals(stops.map(({ error }) => error), [oops, oops]);
});

Deno.test("Process.exited tells that the run ended by itself", async () => {
  const process = processOf();
  await process.start();
  process.runnable.leave();
  assertEquals([await process.exited, process.state], [{ ok: true }, "stopped"]);
});

Deno.test("Process.exited tells what the run failed with and never rejects", async () => {
  using unhandled = new UnhandledRejections();
  const process = processOf();
  await process.start();
  process.runnable.crash(oops);
  assertEquals(await process.exited, { ok: false, error: oops });
  await settle();
  assertEquals(unhandled.reasons, []);
});

Deno.test("Process.exited stays pending for a process that is never started nor stopped", async () => {
  const exited = watch(processOf().exited);
  await settle();
  assertEquals(exited.fate, "pending");
});

Deno.test("Process counts an AbortError of the run's own making as a failure", async () => {
  const own = new DOMException("own", "AbortError");
  const process = processOf();
  await process.start();
  process.runnable.crash(own);
  assertEquals(await process.exited, { ok: false, error: own });
});

Deno.test("Process[Symbol.asyncDispose]() stops a running process", async () => {
  const process = processOf();
  {
    await using disposed = process;
    await disposed.start();
  }
  assertEquals(process.state, "stopped");
});

Deno.test("Process[Symbol.asyncDispose]() does nothing for a process that has ended by itself, even by a failure", async () => {
  const process = processOf();
  await process.start();
  process.runnable.crash(oops);
  await process.exited;
  await process[Symbol.asyncDispose]();
  assertEquals(process.state, "stopped");
});

Deno.test("Process[Symbol.asyncDispose]() prevents the start of a process that was never started", async () => {
  const process = processOf();
  await process[Symbol.asyncDispose]();
  assertEquals(process.state, "stopped");
});

Deno.test("Process runs the same runnable as another process did before", async () => {
  const bot = new Bot("a");
  for (let lives = 1; lives <= 2; lives++) {
    await using process = new Process(bot);
    await process.start();
    assertEquals(bot.runs, lives);
  }
});
