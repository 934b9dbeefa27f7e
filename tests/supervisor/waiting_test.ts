import { assertEquals } from "@std/assert";
import { Waiting } from "../../src/supervisor/waiting.ts";
import { countingSignal } from "../process/signals.ts";
import { settle, watch } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Waiting.resolve() tells everybody who waits", async () => {
  const waiting = new Waiting<number>();
  const waits = [watch(waiting.wait()), watch(waiting.wait())];
  waiting.resolve(5);
  await settle();
  assertEquals(waits.map(({ value }) => value), [5, 5]);
});

Deno.test("Waiting.reject() fails everybody who waits, and says that somebody was told", async () => {
  const waiting = new Waiting<number>();
  const waits = [watch(waiting.wait()), watch(waiting.wait())];
  const isTold = waiting.reject(oops);
  await settle();
  assertEquals([isTold, waits.map(({ error }) => error)], [true, [oops, oops]]);
});

Deno.test("Waiting.wait() rejects with the reason of its signal, for its caller alone", async () => {
  const waiting = new Waiting<number>();
  const controller = new AbortController();
  const [patient, impatient] = [watch(waiting.wait()), watch(waiting.wait(controller.signal))];
  controller.abort(oops);
  await settle();
  assertEquals([patient.fate, impatient.error], ["pending", oops]);
});

Deno.test("Waiting.reject() says that nobody was told when all have given up", async () => {
  const waiting = new Waiting<number>();
  const controller = new AbortController();
  const wait = watch(waiting.wait(controller.signal));
  controller.abort(oops);
  await settle();
  assertEquals([waiting.reject(new Error("late")), wait.error], [false, oops]);
});

Deno.test("Waiting.wait() rejects at once when its signal has aborted before", async () => {
  const waiting = new Waiting<number>();
  const wait = watch(waiting.wait(AbortSignal.abort(oops)));
  await settle();
  assertEquals([wait.error, waiting.reject(new Error("late"))], [oops, false]);
});

Deno.test("Waiting.wait() leaves no listener on its signal when it is told, and when it is failed", async () => {
  for (
    const end of [(waiting: Waiting<number>) => waiting.resolve(1), (waiting: Waiting<number>) => waiting.reject(oops)]
  ) {
    const { signal, listeners } = countingSignal();
    const waiting = new Waiting<number>();
    watch(waiting.wait(signal));
    assertEquals(listeners(), 1);
    end(waiting);
    await settle();
    assertEquals(listeners(), 0);
  }
});
