import { assertEquals } from "@std/assert";
import { RunLock } from "../../src/supervisor/run_lock.ts";
import { type RunCallback, Supervisor } from "@pact/supervisor";
import { settle, TestTable, watch } from "./fixtures/mod.ts";

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

Deno.test("RunLock.enter() rejects with the reason when its signal has aborted before, and keeps the lock free", async () => {
  const lock = new RunLock();
  const refused = watch(lock.enter(AbortSignal.abort(new DOMException("no", "AbortError"))));
  const entered = watch(lock.enter(signal));
  await settle();
  assertEquals([refused.fate, entered.fate], ["AbortError", "resolved"]);
});

Deno.test("RunLock lets the next one in once, although the one before leaves twice", async () => {
  const lock = new RunLock();
  const first = await lock.enter(signal);
  const [second, third] = [watch(lock.enter(signal)), watch(lock.enter(signal))];
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await settle();
  assertEquals([second.fate, third.fate], ["resolved", "pending"]);
});

Deno.test("RunLock.enter() is not held up by a caller who gave up right before its turn", async () => {
  const lock = new RunLock();
  const first = await lock.enter(undefined);
  const patience = new AbortController();
  watch(lock.enter(patience.signal));
  patience.abort();
  first[Symbol.dispose]();
  await settle();
  const third = watch(lock.enter(undefined));
  await settle();
  assertEquals(third.fate, "resolved");
});

Deno.test("Supervisor.run() can be called again whenever the wait of another run is given up", async () => {
  const blocked: number[] = [];
  for (let n = 0; n < 40; n++) {
    const patience = new AbortController();
    const run = async (running: RunCallback, { signal }: { signal: AbortSignal }) => {
      await running(signal);
      (async () => {
        for (let i = 0; i < n; i++) await null; // so many microtasks after the last process has ended
        patience.abort();
      })();
    };
    const table = new TestTable({ announces: false });
    table.rows.set("a", { build: () => ({ run }) });
    const supervisor = new Supervisor(table, { initialWaitMs: 0 });
    const over = Promise.withResolvers<void>();
    const first = supervisor.run(() => over.promise);
    await settle();
    watch(supervisor.run(() => {}, { signal: patience.signal }));
    await settle();
    over.resolve();
    await first;
    await settle();
    table.rows.clear();
    const third = watch(supervisor.run(() => {}));
    await settle();
    if (third.fate === "pending") blocked.push(n);
  }
  assertEquals(blocked, []);
});
