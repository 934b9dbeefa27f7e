import { assertEquals, assertRejects } from "@std/assert";
import {
  denyAfterLanding,
  failLocked,
  failWith,
  FaultyKv,
  holdUntil,
  type KvOperation,
  loseReply,
} from "../../src/testing/mod.ts";

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
  kv.cutWatches(new Error("nobody is there any more"));
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
