import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MemoryKv } from "./memory_kv.ts";

Deno.test("MemoryKv has read or written when the call returns", async () => {
  using kv = new MemoryKv();
  const outcomes = [kv.atomic().set(["a"], 1).commit(), kv.get(["a"]), kv.set(["a"], 2)];
  assertEquals((await Promise.all(outcomes)).map((outcome) => "value" in outcome && outcome.value), [false, 1, false]);
});

Deno.test("MemoryKv resolves in microtasks", async () => {
  using kv = new MemoryKv();
  const reader = kv.watch([["a"]]).getReader();
  let isOver = false;
  const work = async () => {
    for (let i = 0; i < 100; i++) await kv.set(["a"], i);
    await reader.read();
    await Array.fromAsync(kv.list({ prefix: [] }));
    isOver = true;
  };
  const working = work();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(isOver, true);
  await working;
});

Deno.test("MemoryKv gives the same versionstamps every time", async () => {
  const run = async () => {
    using kv = new MemoryKv();
    const { versionstamp } = await kv.set(["a"], 1);
    await kv.atomic().check({ key: ["a"], versionstamp: null }).set(["a"], 2).commit();
    return [versionstamp, (await kv.set(["b"], 1)).versionstamp];
  };
  assertEquals(await run(), ["00000000000000010000", "00000000000000020000"]);
  assertEquals(await run(), await run());
});

Deno.test("MemoryKv.open() shares everything but close()", async () => {
  const kv = new MemoryKv();
  using other = kv.open();
  const reader = other.watch([["a"]]).getReader();
  await reader.read();
  const next = reader.read();
  await kv.set(["a"], 1);
  assertEquals((await next).value?.[0].value, 1);
  kv.close();
  assertEquals((await other.get(["a"])).value, 1);
  await assertRejects(() => kv.get(["a"]), Deno.errors.BadResource);
});

Deno.test("MemoryKv.restore() sets back what all handles read, and tells their watches", async () => {
  using kv = new MemoryKv();
  using other = kv.open();
  await kv.set(["a"], 1);
  const copy = kv.copy();
  await kv.atomic().set(["a"], 2).set(["b"], 2).commit();
  const reader = other.watch([["a"]]).getReader();
  await reader.read();
  const next = reader.read();
  kv.restore(copy);
  assertEquals((await next).value?.[0].value, 1);
  const rows = await Array.fromAsync(other.list({ prefix: [] }));
  assertEquals(rows.map(({ key, value, versionstamp }) => [key, value, versionstamp]), [[
    ["a"],
    1,
    "00000000000000010000",
  ]]);
});

Deno.test("MemoryKv keeps an expired entry until it is swept, and tells a watch of that", async () => {
  let now = 1_000;
  using kv = new MemoryKv({ now: () => now });
  await kv.set(["a"], 1, { expireIn: 500 });
  await kv.set(["b"], 1, { expireIn: 501 });
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  const next = reader.read();
  now = 1_500;
  assertEquals((await kv.get(["a"])).value, 1);
  assertEquals(await kv.atomic().check({ key: ["a"], versionstamp: null }).commit(), { ok: false });
  assertEquals([kv.sweep(1_499), kv.sweep(), kv.sweep()], [0, 1, 0]);
  assertEquals((await next).value?.[0].value, null);
  assertEquals((await kv.get(["b"])).value, 1);
});

Deno.test("MemoryKv keeps an entry for good once it is set again, or summed up", async () => {
  using kv = new MemoryKv({ now: () => 0 });
  for (const key of [["a"], ["b"]]) await kv.set(key, new Deno.KvU64(1n), { expireIn: 1 });
  await kv.set(["a"], 1);
  await kv.atomic().sum(["b"], 1n).commit();
  assertEquals(kv.sweep(Infinity), 0);
});

Deno.test("MemoryKv takes the time of the machine by default", async () => {
  using kv = new MemoryKv();
  await kv.set(["a"], 1, { expireIn: 60_000 });
  assertEquals(kv.sweep(), 0);
  assertEquals(kv.sweep(Date.now() + 60_001), 1);
});

Deno.test("MemoryKv has no queues", async () => {
  using kv = new MemoryKv();
  for (const use of [() => kv.enqueue(), () => kv.listenQueue()]) {
    await assertRejects(use, TypeError, "Cannot use a queue");
  }
  assertThrows(() => kv.atomic().enqueue("message"), TypeError, "Cannot use a queue");
});
