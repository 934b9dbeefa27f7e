import { assertEquals } from "@std/assert";
import { RunLock } from "../../src/supervisor/run_lock.ts";
import { settle, watch } from "./fixtures/mod.ts";

const { signal } = new AbortController();

Deno.test("RunLock.enter() lets the first caller in at once", async () => {
  const entered = watch(new RunLock().enter(signal));
  await settle();
  assertEquals(entered.fate, "resolved");
});

Deno.test("RunLock.enter() lets callers in one after the other, in order", async () => {
  const lock = new RunLock();
  const all = [1, 2, 3].map(() => watch(lock.enter(signal)));
  for (const expected of [["resolved", "pending", "pending"], ["resolved", "resolved", "pending"]]) {
    await settle();
    assertEquals(all.map(({ fate }) => fate), expected);
    all[expected.lastIndexOf("resolved")].value![Symbol.dispose]();
  }
  await settle();
  assertEquals(all[2].fate, "resolved");
});

Deno.test("RunLock.enter() lets nobody in early because one who waited has given up", async () => {
  const lock = new RunLock();
  const controller = new AbortController();
  const first = watch(lock.enter(signal));
  const second = watch(lock.enter(controller.signal));
  const third = watch(lock.enter(signal));
  controller.abort();
  await settle();
  assertEquals([second.fate, third.fate], ["AbortError", "pending"]);
  first.value![Symbol.dispose]();
  await settle();
  assertEquals(third.fate, "resolved");
});
