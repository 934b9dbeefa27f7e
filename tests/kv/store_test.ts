import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { KvClosedError, KvTimeoutError, KvUnavailableError } from "../../src/kv/errors.ts";
import type { Purpose } from "../../src/kv/gates.ts";
import { KvStore } from "../../src/kv/store.ts";
import { failLocked, failWith, FaultyKv, hang, holdUntil, type KvFault } from "../../src/testing/mod.ts";
import { never, openFile, settle } from "./fixtures.ts";
import { TestClock } from "../cluster/fixtures.ts";

const look = { purpose: "look" } as const;

const timeoutMs = 100;

async function open() {
  const kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new TestClock();
  const store = new KvStore(kv, { clock, timeoutMs, random: () => 0.5, answered: () => opened.answers++ });
  const opened = {
    kv,
    clock,
    store,
    /** How many times the store has told of an answer. */
    answers: 0,
    set: (name: string, signal?: AbortSignal) =>
      store.call(`set ${name}`, () => kv.set(["a"], 1), { purpose: "write", signal }),
    [Symbol.dispose]: () => kv.close(),
  };
  return opened;
}

/** Makes the fault of a call that fails late. */
function failAfter(gate: Promise<void>): KvFault {
  return async () => {
    await gate;
    throw new TypeError("connection refused");
  };
}

Deno.test("KvStore.call() hands the answer out and leaves no timer", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  assertEquals((await store.call("get it", () => kv.get(["a"]), look)).value, null);
  assertEquals([clock.timersSet, clock.pending], [1, 0]);
});

Deno.test("KvStore.call() rejects when the deadline passes, and ignores what comes later", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  const gate = Promise.withResolvers<void>();
  kv.inject("get", holdUntil(gate.promise));
  const rejected = assertRejects(() => store.call("get it", () => kv.get(["a"]), look), KvTimeoutError);
  clock.advance(timeoutMs - 1);
  await settle();
  assertEquals(clock.pending, 1);
  clock.advance(1);
  const error = await rejected;
  assertEquals([error.operation, error.timeoutMs, error.name], ["get it", timeoutMs, "KvTimeoutError"]);
  assertEquals(
    error.message,
    "Cannot get it: Deno KV did not answer within the deadline, current value is 100 ms; a write may or may not have landed",
  );
  assertEquals(clock.pending, 0);
  gate.resolve();
  await settle();
});

for (
  const [lateMs, outcome] of [[0, "gives up"], [250, "gives up"], [251, "takes the answer"], [
    60_000,
    "takes the answer",
  ]] as const
) {
  Deno.test(`KvStore.call() ${outcome} when its timer fires ${lateMs} ms late and the answer is there`, async () => {
    using opened = await open();
    const { kv, store, clock } = opened;
    const answer = Promise.withResolvers<Deno.KvEntryMaybe<unknown>>();
    const call = store.call("get it", () => answer.promise, look).then(() => "takes the answer", () => "gives up");
    const reply = await kv.get(["a"]);
    // A stall: time has passed, the timer fires first, and the answer is next in the event loop.
    clock.stalledMs = lateMs;
    setImmediate(() => answer.resolve(reply));
    clock.advance(timeoutMs);
    assertEquals(await call, outcome);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("KvStore.call() gives up after a stall when there is no answer", async () => {
  using opened = await open();
  const { store, clock } = opened;
  const rejected = assertRejects(() => store.call("get it", () => never, look), KvTimeoutError);
  clock.stalledMs = 60_000;
  clock.advance(timeoutMs);
  await rejected;
});

Deno.test("KvStore.call() takes an answer that came while the event loop was blocked for longer than the deadline", async () => {
  await using file = await openFile(1);
  const store = new KvStore(file.kvs[0], { clock: systemClock, timeoutMs: 20, random: Math.random });
  const call = store.call("get it", () => store.kv.get(["a"]), look);
  const untilMs = systemClock.monotonic() + 400;
  while (systemClock.monotonic() < untilMs);
  assertEquals((await call).value, null);
});

for (const error of [new Error("too late"), new TypeError("database is locked")]) {
  Deno.test(`KvStore.call() ignores "${error.message}" when it comes after the deadline`, async () => {
    using opened = await open();
    const { kv, clock, store } = opened;
    const gate = Promise.withResolvers<void>();
    kv.inject("get", holdUntil(gate.promise));
    const rejected = assertRejects(() => store.call("get it", () => kv.get(["a"]), look), KvTimeoutError);
    clock.advance(timeoutMs);
    await rejected;
    // Nothing listens any more: this must become neither an unhandled rejection nor another try.
    gate.reject(error);
    await settle();
    assertEquals([kv.count("get"), clock.pending], [1, 0]);
  });
}

Deno.test("KvStore.call() rejects with the reason of the signal, before and during the call", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  const reason = new Error("enough");
  const early = await assertRejects(() =>
    store.call("get it", () => kv.get(["a"]), { ...look, signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(early, reason);
  assertEquals(kv.count("get"), 0);
  kv.inject("get", holdUntil(never));
  const controller = new AbortController();
  const rejected = assertRejects(() =>
    store.call("get it", () => kv.get(["a"]), { ...look, signal: controller.signal })
  );
  controller.abort(reason);
  assertStrictEquals(await rejected, reason);
  assertEquals(clock.pending, 0);
});

Deno.test("KvStore.call() leaves no listener on the signal", async () => {
  using opened = await open();
  const { kv, store } = opened;
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
  const answered = store.call("get it", () => kv.get(["a"]), { ...look, signal });
  assertEquals(listeners.size, 1);
  await answered;
  assertEquals(listeners.size, 0);
});

Deno.test("KvStore.call() tries again after random() * 5 ms, and then twice that, while the database is locked", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  kv.inject("set", failLocked(), 3);
  const landed = store.call("set it", () => kv.set(["a"], 1), look);
  for (const pauseMs of [2.5, 5, 10]) {
    await clock.armed(pauseMs);
    clock.advance(pauseMs);
  }
  await landed;
  assertEquals([kv.count("set"), clock.pending], [4, 0]);
  assertEquals((await kv.get(["a"])).value, 1);
});

Deno.test("KvStore.call() gives up on a locked database only at the deadline, and tells why", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  kv.inject("set", failLocked(), 1_000);
  const rejected = assertRejects(() => store.call("set it", () => kv.set(["a"], 1), look), KvTimeoutError);
  let waitedMs = 0;
  for (let pauseMs = 2.5; waitedMs + pauseMs < timeoutMs; pauseMs = Math.min(2 * pauseMs, 40)) {
    await clock.armed(pauseMs);
    clock.advance(pauseMs);
    waitedMs += pauseMs;
  }
  await settle();
  clock.advance(timeoutMs - waitedMs);
  const error = await rejected;
  assertEquals((error.cause as Error).message, "database is locked");
  await settle();
  assertEquals(clock.pending, 0);
});

Deno.test("KvStore.call() stops trying a locked database when the signal aborts", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  kv.inject("set", failLocked());
  const controller = new AbortController();
  const rejected = assertRejects(
    () => store.call("set it", () => kv.set(["a"], 1), { ...look, signal: controller.signal }),
    Error,
    "enough",
  );
  await clock.armed(2.5);
  controller.abort(new Error("enough"));
  await rejected;
  clock.advance(10);
  assertEquals([kv.count("set"), clock.pending], [1, 0]);
});

Deno.test("KvStore.call() passes other errors on, thrown ones too", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  const error = new Error("no route");
  kv.inject("get", failWith(error));
  assertStrictEquals(await assertRejects(() => store.call("get it", () => kv.get(["a"]), look)), error);
  const thrown = await assertRejects(() => store.call("get it", () => kv.set([], Symbol("s")), look), TypeError);
  assert(thrown.message.includes("could not be cloned"));
  assertEquals(clock.pending, 0);
});

Deno.test("KvStore.call() says that the database is closed, and what was asked of it", async () => {
  using opened = await open();
  const { kv, store } = opened;
  kv.inject("get", failWith(new TypeError("Database is closed.")));
  await assertRejects(() => store.call("get it", () => kv.get(["a"]), look), KvClosedError);
  const closed = await Deno.openKv(":memory:");
  closed.close();
  const error = await assertRejects(() => store.call("get it", () => closed.get(["a"]), look), KvClosedError);
  assertEquals([error.message, error.operation], ["Cannot get it: the Deno KV handle is closed", "get it"]);
  assert(error.cause instanceof Deno.errors.BadResource);
});

Deno.test("KvStore.hurry() shortens the deadline of calls that are under way and of later ones until it is disposed of", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  kv.inject("get", hang(), 3);
  const call = async (name: string, purpose: Purpose = "look") => {
    const { operation, timeoutMs } = await assertRejects(
      () => store.call(name, () => kv.get(["a"]), { purpose }),
      KvTimeoutError,
    );
    return [operation, timeoutMs];
  };
  const underWay = call("under way");
  {
    using _hurry = store.hurry(10);
    clock.advance(1);
    const later = call("later");
    clock.advance(9);
    assertEquals(await underWay, ["under way", 10]);
    clock.advance(1);
    assertEquals(await later, ["later", 10]);
    assertEquals(clock.pending, 0);
  }
  const asBefore = call("as before", "listing");
  clock.advance(10);
  await settle();
  assertEquals(clock.pending, 1);
  clock.advance(90);
  assertEquals(await asBefore, ["as before", 100]);
});

Deno.test("KvStore.hurry() leaves no timer when it is disposed of", async () => {
  using opened = await open();
  opened.store.hurry(10)[Symbol.dispose]();
  assertEquals(opened.clock.pending, 0);
});

/** A store whose first call was not answered in time. */
async function unanswered(fault: KvFault = hang()) {
  const opened = await open();
  opened.kv.inject("set", fault);
  const rejected = assertRejects(() => opened.set("first"), KvTimeoutError);
  opened.clock.advance(timeoutMs);
  await rejected;
  return opened;
}

Deno.test("KvStore.call() makes no call of a purpose of which one is past its deadline, and says so at its own", async () => {
  using opened = await unanswered();
  const { kv, clock } = opened;
  kv.inject("get", hang());
  clock.advance(5);
  const waiting = assertRejects(() => opened.set("second"), KvUnavailableError);
  clock.advance(timeoutMs - 1);
  await settle();
  assertEquals(clock.pending, 2); // its own, and the next probe
  clock.advance(1);
  const { operation, sinceMs, message } = await waiting;
  assertEquals([operation, sinceMs], ["set second", 205]);
  assertEquals(message, "Cannot set second: Deno KV has not answered for 205 ms; nothing was sent");
  assertEquals([kv.count("set"), kv.count("get"), clock.pending], [1, 1, 0]);
});

Deno.test("KvStore.call() makes calls of other purposes, and those of a heartbeat twice", async () => {
  using opened = await unanswered();
  const { kv, clock, store } = opened;
  assertEquals((await store.call("get it", () => kv.get(["a"]), look)).value, null);
  kv.inject("get", hang(), 10);
  const beat = () => store.call("beat", () => kv.set(["beat"], 1), { purpose: "heartbeat" });
  kv.inject("set", hang(), 3);
  for (const kind of [KvTimeoutError, KvTimeoutError, KvUnavailableError]) {
    const rejected = assertRejects<Error>(beat, kind);
    clock.advance(timeoutMs);
    await rejected;
  }
  assertEquals(kv.count("set"), 3);
});

Deno.test("KvStore.call() goes out with its whole deadline when a probe is answered", async () => {
  const gate = Promise.withResolvers<void>();
  using opened = await unanswered();
  const { kv, clock } = opened;
  kv.inject("get", holdUntil(gate.promise));
  const waiting = Array.from({ length: 3 }, (_, index) => opened.set(`waiting ${index}`));
  clock.advance(timeoutMs - 1);
  kv.inject("set", hang());
  const rejected = assertRejects(() => waiting[0], KvTimeoutError);
  gate.resolve();
  await Promise.all(waiting.slice(1));
  clock.advance(timeoutMs - 1);
  await settle();
  assertEquals([kv.count("set"), clock.pending], [4, 1]);
  clock.advance(1);
  await rejected;
  assertEquals(clock.pending, 0);
});

for (const [outcome, fault] of [["answered", holdUntil], ["failed", failAfter]] as const) {
  Deno.test(`KvStore.call() goes out when the call before it is ${outcome} after all, and makes its own`, async () => {
    const gate = Promise.withResolvers<void>();
    using opened = await unanswered(fault(gate.promise));
    const { kv, clock } = opened;
    kv.inject("get", hang());
    const second = opened.set("second");
    gate.resolve();
    const { versionstamp } = await second;
    assertEquals([(await kv.get(["a"])).versionstamp, kv.count("set"), clock.pending], [versionstamp, 2, 0]);
  });
}

Deno.test("KvStore.call() stops the probes when nothing waits any more", async () => {
  using opened = await unanswered();
  const { kv, clock } = opened;
  kv.inject("get", hang(), 10);
  const controllers = [new AbortController(), new AbortController()];
  const waiting = controllers.map(({ signal }) => assertRejects(() => opened.set("waiting", signal), Error, "enough"));
  await settle();
  for (const controller of controllers) {
    assert(clock.pending > 0);
    controller.abort(new Error("enough"));
  }
  await Promise.all(waiting);
  assertEquals([kv.count("set"), kv.count("get"), clock.pending], [1, 1, 0]);
});

Deno.test("KvStore.call() counts calls that impatient callers have abandoned, from their deadline on", async () => {
  using opened = await open();
  const { kv, clock } = opened;
  kv.inject("set", hang(), 100);
  kv.inject("get", hang(), 100);
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 50; i++) {
    const controller = new AbortController();
    calls.push(opened.set("impatient", controller.signal).catch(() => {}));
    clock.advance(10);
    controller.abort();
    await settle();
  }
  await Promise.all(calls);
  assertEquals(kv.count("set"), timeoutMs / 10);
});

Deno.test("KvStore.call() probes once for all stores of a handle, and opens the gates of all", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  const other = new KvStore(kv, { clock, timeoutMs: 1_000, random: () => 0.5 });
  kv.inject("set", hang(), 2);
  const set = (store: KvStore, purpose: Purpose) => store.call("set it", () => kv.set(["a"], 1), { purpose });
  const given = [assertRejects(() => set(store, "write")), assertRejects(() => set(other, "join"))];
  clock.advance(1_000);
  await Promise.all(given);
  const gate = Promise.withResolvers<void>();
  kv.inject("get", holdUntil(gate.promise));
  const waiting = [set(store, "write"), set(other, "join"), set(other, "write")];
  await settle();
  assertEquals([kv.count("set"), kv.count("get")], [2, 1]);
  gate.resolve();
  await Promise.all(waiting);
  assertEquals([kv.count("set"), kv.count("get"), clock.pending], [5, 1, 0]);
});

Deno.test("KvStore.call() probes at once when something else is answered", async () => {
  using opened = await unanswered();
  const { kv, clock, store } = opened;
  kv.inject("get", hang());
  const waiting = opened.set("second");
  await settle();
  clock.advance(timeoutMs - 1);
  await store.call("get it", () => kv.get(["a"]), look);
  await waiting;
  assertEquals([kv.count("set"), kv.count("get"), clock.pending], [2, 3, 0]);
});

Deno.test("KvStore tells of each answer, however late", async () => {
  const gate = Promise.withResolvers<void>();
  using opened = await unanswered(holdUntil(gate.promise));
  opened.kv.inject("get", hang());
  assertEquals(opened.answers, 0);
  const second = opened.set("second");
  gate.resolve(); // the first one is answered, and so the second one is made
  await second;
  assertEquals(opened.answers, 2);
});

Deno.test("KvStore.list() reads batches that follow each other without gap or overlap", async () => {
  using opened = await open();
  const { kv, store } = opened;
  for (let i = 0; i < 5; i++) await kv.set(["a", i], i);
  const values: unknown[] = [];
  const sizes: number[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const batch = await store.list("list it", { prefix: ["a"] }, { purpose: "listing", limit: 2, cursor });
    values.push(...batch.rows.map((row) => row.value));
    sizes.push(batch.rows.length);
    cursor = batch.cursor;
  }
  assertEquals([values, sizes], [[0, 1, 2, 3, 4], [2, 2, 1]]);
});

Deno.test("KvStore.list() ends when the last batch is full", async () => {
  using opened = await open();
  const { kv, store } = opened;
  for (let i = 0; i < 2; i++) await kv.set(["a", i], i);
  const { cursor } = await store.list("list it", { prefix: ["a"] }, { purpose: "listing", limit: 2 });
  const rest = await store.list("list it", { prefix: ["a"] }, { purpose: "listing", limit: 2, cursor });
  assertEquals(rest, { rows: [], cursor: undefined });
});

Deno.test("KvStore.list() re-reads a batch when the database was locked", async () => {
  using opened = await open();
  const { kv, clock, store } = opened;
  await kv.set(["a", 1], 1);
  kv.inject("list", failLocked());
  const batch = store.list("list it", { prefix: ["a"] }, { purpose: "listing", limit: 2 });
  await clock.armed(2.5);
  clock.advance(2.5);
  assertEquals((await batch).rows.length, 1);
});

Deno.test("KvStore.call() works while two handles on one file disturb each other", async () => {
  await using file = await openFile(2);
  const [one, other] = file.kvs.map((kv) =>
    new KvStore(kv, { clock: systemClock, timeoutMs: 10_000, random: Math.random })
  );
  const add = async (store: KvStore) => {
    for (let added = 0; added < 100;) {
      added += await store.call("add", async () => {
        const { value, versionstamp } = await store.kv.get<number>(["count"]);
        const check = { key: ["count"], versionstamp };
        const { ok } = await store.kv.atomic().check(check).set(["count"], (value ?? 0) + 1).commit();
        return ok ? 1 : 0;
      }, look);
    }
  };
  await Promise.all([add(one), add(other)]);
  assertEquals((await file.kvs[0].get(["count"])).value, 200);
});
