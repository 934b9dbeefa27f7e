import { assertEquals } from "@std/assert";
import { Waiting } from "../../src/supervisor/waiting.ts";
import { countingSignal } from "../process/signals.ts";
import { settle, UnhandledRejections, watch } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Waiting.resolve() tells everybody who waits, and nobody who comes later", async () => {
  const waiting = new Waiting<number>();
  const early = [watch(waiting.wait()), watch(waiting.wait())];
  waiting.resolve(5);
  const late = watch(waiting.wait());
  await settle();
  assertEquals([early.map(({ value }) => value), late.fate], [[5, 5], "pending"]);
});

Deno.test("Waiting.reject() fails everybody who waits, and nobody who comes later", async () => {
  const waiting = new Waiting<number>();
  const early = [watch(waiting.wait()), watch(waiting.wait())];
  waiting.reject(() => oops);
  const late = watch(waiting.wait());
  await settle();
  assertEquals([early.map(({ error }) => error), late.fate], [[oops, oops], "pending"]);
});

Deno.test("Waiting.reject() makes no error and leaves no rejection behind when nobody waits", async () => {
  using unhandled = new UnhandledRejections();
  let made = 0;
  new Waiting<number>().reject(() => made++);
  await settle();
  assertEquals([made, unhandled.reasons], [0, []]);
});

Deno.test("Waiting.reject() tells whether somebody waited", () => {
  const waiting = new Waiting<number>();
  const answers = [waiting.reject(() => oops)];
  waiting.wait().catch(() => {});
  answers.push(waiting.reject(() => oops), waiting.reject(() => oops));
  assertEquals(answers, [false, true, false]);
});

Deno.test("Waiting.wait() rejects with the reason of a signal that aborts, for its own caller only", async () => {
  const waiting = new Waiting<number>();
  const controller = new AbortController();
  const hasty = watch(waiting.wait(controller.signal));
  const patient = watch(waiting.wait());
  controller.abort(oops);
  await settle();
  waiting.resolve(5);
  await settle();
  assertEquals([hasty.error, patient.value], [oops, 5]);
});

Deno.test("Waiting.reject() does not count those who have given up among those who waited", async () => {
  using unhandled = new UnhandledRejections();
  const waiting = new Waiting<number>();
  const controller = new AbortController();
  const hasty = watch(waiting.wait(controller.signal));
  controller.abort();
  assertEquals(waiting.reject(() => oops), false);
  await settle();
  assertEquals([hasty.fate, unhandled.reasons], ["AbortError", []]);
});

Deno.test("Waiting.wait() leaves no listener on the signal", async () => {
  const waiting = new Waiting<number>();
  const { signal, listeners } = countingSignal();
  const waited = watch(waiting.wait(signal));
  waiting.resolve(5);
  await settle();
  assertEquals([waited.value, listeners()], [5, 0]);
});
