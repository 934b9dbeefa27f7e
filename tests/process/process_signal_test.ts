import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Process } from "@pact/supervisor";
import { Bot, type Manners, settle, watch } from "../supervisor/fixtures/mod.ts";
import { countingSignal } from "./signals.ts";

const oops = new Error("oops");
const reason = new Error("end now");

/** A process of a bot. */
function processOf(manners: Manners = {}, signal?: AbortSignal): Process<Bot> {
  return new Process(new Bot("a", manners), { signal });
}

Deno.test("Process.start() aborts the run and rejects with the reason when its signal aborts, after the end", async () => {
  const controller = new AbortController();
  const process = processOf({ hangs: true, deaf: true });
  const start = watch(process.start({ signal: controller.signal }));
  controller.abort(reason);
  await settle();
  assertEquals([process.runnable.signal?.reason, start.fate], [reason, "pending"]);
  process.runnable.leave();
  await settle();
  assertEquals([start.error, await process.exited], [reason, { ok: true }]);
});

Deno.test("Process.start() does nothing when its signal has aborted before", async () => {
  const process = processOf();
  const error = await assertRejects(() => process.start({ signal: AbortSignal.abort(reason) }));
  assertEquals([error, process.state, process.runnable.runs], [reason, "initial", 0]);
});

Deno.test("Process.start() heeds its signal during the start-up only, and leaves no listener", async () => {
  const { signal, listeners } = countingSignal();
  const process = processOf();
  await process.start({ signal });
  assertEquals([listeners(), process.state], [0, "running"]);
  await process.stop();
});

Deno.test("Process.stop() is graceful: the signal of the run does not abort", async () => {
  const process = processOf();
  await process.start();
  await process.stop();
  assertEquals(process.runnable.signal?.aborted, false);
});

Deno.test("Process.stop() forces the end when its signal aborts, and still awaits it", async () => {
  const controller = new AbortController();
  const process = processOf({ lingers: true, deaf: true });
  await process.start();
  const stop = watch(process.stop({ signal: controller.signal }));
  await settle();
  assertEquals(process.runnable.signal?.aborted, false);
  controller.abort(reason);
  await settle();
  assertEquals([process.runnable.signal?.reason, stop.fate], [reason, "pending"]);
  process.runnable.down.resolve();
  await settle();
  assertEquals(stop.fate, "resolved");
});

Deno.test("Process.stop() forces the end at once when its signal has aborted before", async () => {
  const process = processOf({ lingers: true });
  await process.start();
  await process.stop({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(process.runnable.signal?.reason, reason);
});

Deno.test("Process.stop() leaves no listener on its signal", async () => {
  const { signal, listeners } = countingSignal();
  const process = processOf({ stopError: oops });
  await process.start();
  await assertRejects(() => process.stop({ signal }));
  assertEquals(listeners(), 0);
});

Deno.test("Process is forced to end when its lifetime signal aborts", async () => {
  const controller = new AbortController();
  const process = processOf({}, controller.signal);
  await process.start();
  controller.abort(reason);
  assertEquals([await process.exited, process.runnable.signal?.reason], [{ ok: true }, reason]);
});

Deno.test("Process.start() rejects when the lifetime signal aborts during the start-up", async () => {
  const controller = new AbortController();
  const process = processOf({ hangs: true }, controller.signal);
  const start = watch(process.start());
  controller.abort(reason);
  await settle();
  assertEquals([start.fate, process.state], ["ProcessEndedEarlyError", "stopped"]);
});

Deno.test("Process.start() rejects with the reason when the lifetime signal has aborted before", async () => {
  const process = processOf({}, AbortSignal.abort(reason));
  assertStrictEquals(await assertRejects(() => process.start()), reason);
  assertEquals(process.runnable.runs, 0);
});

Deno.test("Process leaves no listener on its lifetime signal", async () => {
  const { signal, listeners } = countingSignal();
  const process = processOf({}, signal);
  await process.start();
  assertEquals(listeners(), 1);
  await process.stop();
  assertEquals(listeners(), 0);
});
