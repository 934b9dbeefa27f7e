import { assertEquals, assertRejects } from "@std/assert";
import {
  denyAfterLanding,
  endWatch,
  failLocked,
  failWith,
  FaultyKv,
  giveUp,
  hang,
  holdReply,
  holdUntil,
  type KvOperation,
  loseReply,
  staleWatch,
} from "../../src/testing/mod.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";

async function open(): Promise<FaultyKv> {
  return new FaultyKv(await Deno.openKv(":memory:"));
}

const calls: Record<Exclude<KvOperation, "watch">, (kv: Deno.Kv) => Promise<unknown>> = {
  get: (kv) => kv.get(["a"]),
  getMany: (kv) => kv.getMany([["a"]]),
  set: (kv) => kv.set(["a"], 1),
  delete: (kv) => kv.delete(["a"]),
  list: (kv) => Array.fromAsync(kv.list({ prefix: [] })),
  commit: (kv) => kv.atomic().set(["a"], 1).set(["b"], 2).commit(),
};

for (const [operation, call] of Object.entries(calls) as [KvOperation, (kv: Deno.Kv) => Promise<unknown>][]) {
  Deno.test(`FaultyKv fails the next calls of ${operation}, as many as asked for, and counts them`, async () => {
    using kv = await open();
    await call(kv);
    kv.inject(operation, failLocked(), 2);
    kv.inject(operation, failWith(new Error("broken")));
    for (let i = 0; i < 2; i++) await assertRejects(() => call(kv), TypeError, "database is locked");
    await assertRejects(() => call(kv), Error, "broken");
    await call(kv);
    assertEquals(kv.count(operation), 5);
  });
}

Deno.test("FaultyKv counts a listing once, however many rows it has", async () => {
  using kv = await open();
  for (let i = 0; i < 3; i++) await kv.set(["a", i], i);
  assertEquals((await Array.fromAsync(kv.list({ prefix: ["a"] }))).map((row) => row.value), [0, 1, 2]);
  assertEquals(kv.count("list"), 1);
});

Deno.test("holdUntil() makes the call when the gate opens", async () => {
  using kv = await open();
  const gate = Promise.withResolvers<void>();
  kv.inject("set", holdUntil(gate.promise));
  const landed = kv.set(["a"], 1);
  assertEquals((await kv.get(["a"])).value, null);
  gate.resolve();
  await landed;
  assertEquals((await kv.get(["a"])).value, 1);
});

Deno.test("loseReply() and denyAfterLanding() make the call and hide that it landed", async () => {
  using kv = await open();
  kv.inject("commit", loseReply(new Error("reset")));
  kv.inject("commit", denyAfterLanding());
  await assertRejects(() => kv.atomic().set(["a"], 1).commit(), Error, "reset");
  assertEquals((await kv.get(["a"])).value, 1);
  assertEquals(await kv.atomic().set(["a"], 2).commit(), { ok: false });
  assertEquals((await kv.get(["a"])).value, 2);
});

Deno.test("FaultyKv asks the option decide about every call, when it begins", async () => {
  const asked: KvOperation[] = [];
  const decide = (operation: KvOperation) => {
    asked.push(operation);
    return operation === "getMany" ? failLocked() : undefined;
  };
  using kv = new FaultyKv(new MemoryKv(), { decide });
  for (const [operation, call] of Object.entries(calls)) {
    const called = call(kv);
    assertEquals(asked.at(-1), operation);
    if (operation === "getMany") await assertRejects(() => called, TypeError, "database is locked");
    else await called;
  }
  assertEquals(asked, Object.keys(calls));
});

Deno.test("FaultyKv lets an injected fault go before the option decide", async () => {
  using kv = new FaultyKv(new MemoryKv(), { decide: () => failWith(new Error("decided")) });
  kv.inject("get", failWith(new Error("injected")));
  await assertRejects(() => kv.get(["a"]), Error, "injected");
  await assertRejects(() => kv.get(["a"]), Error, "decided");
});

Deno.test("FaultyKv around a handle of its own leaves the database open for others", async () => {
  using memory = new MemoryKv();
  const [one, two] = [new FaultyKv(memory.open()), new FaultyKv(memory.open())];
  one.close();
  await two.set(["a"], 1);
  two.close();
  assertEquals((await memory.get(["a"])).value, 1);
});

Deno.test("hang() never makes the call", async () => {
  using kv = new FaultyKv(new MemoryKv());
  kv.inject("set", hang());
  let isOver = false;
  void kv.set(["a"], 1).finally(() => isOver = true);
  for (let i = 0; i < 100; i++) await kv.get(["a"]);
  assertEquals([isOver, (await kv.get(["a"])).value], [false, null]);
});

for (const hasLanded of [undefined, false, true]) {
  Deno.test(`giveUp() fails when the gate opens, with hasLanded ${hasLanded}`, async () => {
    using kv = new FaultyKv(new MemoryKv());
    const gate = Promise.withResolvers<void>();
    kv.inject("set", giveUp(gate.promise, new Error("given up"), { hasLanded }));
    let isOver = false;
    const rejected = assertRejects(() => kv.set(["a"], 1).finally(() => isOver = true), Error, "given up");
    for (let i = 0; i < 100; i++) await kv.get(["a"]);
    assertEquals([isOver, (await kv.get(["a"])).value], [false, hasLanded ? 1 : null]);
    gate.resolve();
    await rejected;
  });
}

Deno.test("giveUp() has a watch fail after its first reading", async () => {
  using kv = await open();
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  const gate = Promise.withResolvers<void>();
  kv.inject("watch", giveUp(gate.promise, new Error("given up")));
  const reading = assertRejects(() => reader.read(), Error, "given up");
  gate.resolve();
  await reading;
  assertEquals(await kv.watch([["a"]]).getReader().read().then(({ value }) => value?.[0].value), null);
});

Deno.test("endWatch() has a watch end by itself, and the one below with it", async () => {
  using memory = new MemoryKv();
  let isCancelled = false;
  memory.watch = () => new ReadableStream({ cancel: () => void (isCancelled = true) });
  const kv = new FaultyKv(memory);
  kv.inject("watch", endWatch());
  assertEquals(await kv.watch([["a"]]).getReader().read(), { done: true, value: undefined });
  assertEquals(isCancelled, true);
});

Deno.test("holdReply() makes the call at once and hands out its result, or its error, when the gate opens", async () => {
  using kv = new FaultyKv(new MemoryKv());
  const gate = Promise.withResolvers<void>();
  kv.inject("set", holdReply(gate.promise), 2);
  let replies = 0;
  const landed = kv.set(["a"], 1).finally(() => replies++);
  const refused = assertRejects(() => kv.set([], 1).finally(() => replies++), TypeError, "key cannot be empty");
  assertEquals([(await kv.get(["a"])).value, replies], [1, 0]);
  gate.resolve();
  assertEquals((await landed).ok, true);
  await refused;
});

Deno.test("staleWatch() lets the first reading of every watch through and the others when the gate opens", async () => {
  const gate = Promise.withResolvers<void>();
  using kv = new FaultyKv(new MemoryKv(), {
    decide: (operation) => operation === "watch" ? staleWatch(gate.promise) : undefined,
  });
  for (let i = 0; i < 2; i++) {
    const reader = kv.watch([["a"]]).getReader();
    assertEquals((await reader.read()).value?.length, 1);
    await reader.cancel();
  }
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  let isTold = false;
  const told = reader.read().finally(() => isTold = true);
  await kv.set(["a"], 1);
  for (let i = 0; i < 100; i++) await kv.get(["a"]);
  assertEquals(isTold, false);
  gate.resolve();
  assertEquals((await told).value?.[0].value, 1);
});

Deno.test("FaultyKv.watch() passes changes on until it is cut", async () => {
  using kv = await open();
  const reader = kv.watch([["a"]]).getReader();
  assertEquals((await reader.read()).value?.[0].value, null);
  await kv.set(["a"], 1);
  assertEquals((await reader.read()).value?.[0].value, 1);
  const reading = assertRejects(() => reader.read(), Error, "cut");
  kv.cutWatches(new Error("cut"));
  await reading;
});

Deno.test("FaultyKv.watch() ends when its reader cancels, and when the database is closed", async () => {
  const kv = await open();
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  await reader.cancel();
  kv.cutWatches(new Error("no watch is left"));
  assertEquals(await reader.read(), { done: true, value: undefined });
  const other = kv.watch([["a"]]).getReader();
  await other.read();
  const reading = other.read();
  kv.close();
  assertEquals(await reading, { done: true, value: undefined });
});

Deno.test("FaultyKv.watch() fails with an injected fault", async () => {
  using kv = await open();
  kv.inject("watch", failWith(new Error("no watch")));
  await assertRejects(() => kv.watch([["a"]]).getReader().read(), Error, "no watch");
});

Deno.test("FaultyKv passes queues on to the database", async () => {
  const kv = await open();
  const received = Promise.withResolvers<unknown>();
  const listening = kv.listenQueue((message) => received.resolve(message));
  await kv.enqueue("hello");
  assertEquals(await received.promise, "hello");
  kv.close();
  await listening;
});
