import { assertEquals, assertRejects } from "@std/assert";
import { KvConnectServer } from "./server.ts";

async function keysOf(listing: Deno.KvListIterator<unknown>): Promise<unknown[]> {
  return (await Array.fromAsync(listing)).map(({ key }) => key.at(-1));
}

Deno.test("KvConnectServer: keeps every kind of value until it is deleted", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const values = [{ big: 1n, at: new Date(0) }, new Map([["a", [1]]]), new Uint8Array([1, 2]), new Deno.KvU64(7n), ""];
  for (const value of values) {
    const { versionstamp } = await kv.set(["a", 1], value);
    assertEquals(await kv.get(["a", 1]), { key: ["a", 1], value, versionstamp });
  }
  await kv.delete(["a", 1]);
  assertEquals(await kv.get(["a", 1]), { key: ["a", 1], value: null, versionstamp: null });
});

Deno.test("KvConnectServer: applies a write as a whole when its checks hold, and else nothing of it", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const absent = { key: ["a"], versionstamp: null };
  const first = await kv.atomic().check(absent).set(["a"], 1).set(["b"], 1).commit();
  assertEquals(await kv.atomic().check(absent).set(["b"], 2).commit(), { ok: false });
  const [a, b] = await kv.getMany<[number, number]>([["a"], ["b"]]);
  assertEquals([a.versionstamp, b.versionstamp], [first, first].map((commit) => commit.ok && commit.versionstamp));
  assertEquals((await kv.atomic().check(a, b).set(["a"], 2).delete(["b"]).commit()).ok, true);
  assertEquals((await kv.getMany([["a"], ["b"]])).map(({ value }) => value), [2, null]);
});

Deno.test("KvConnectServer: counts with sum, min and max, and keeps what it wrote before something that is no count", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  await kv.atomic().sum(["n"], 5n).sum(["n"], 6n).max(["most"], 3n).min(["least"], 3n).set(["text"], "a").commit();
  await kv.atomic().sum(["n"], 2n ** 64n - 1n).max(["most"], 9n).min(["least"], 9n).commit();
  const refused = kv.atomic().sum(["n"], 1n).sum(["text"], 1n).sum(["n"], 1n);
  await assertRejects(() => refused.commit(), Error, "'sum' mutation on a non-U64 value in the database");
  const counts = await kv.getMany<Deno.KvU64[]>([["n"], ["most"], ["least"]]);
  assertEquals(counts.map(({ value }) => value?.value), [11n, 9n, 3n]);
});

Deno.test("KvConnectServer: puts the versionstamp of the commit into keys, in the order of the commits", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const stamps: string[] = [];
  for (let i = 0; i < 20; i++) stamps.push((await kv.set(["log", kv.commitVersionstamp()], i)).versionstamp);
  assertEquals(await keysOf(kv.list({ prefix: ["log"] })), stamps);
  assertEquals(stamps, stamps.toSorted());
});

const lists: [string, Deno.KvListSelector, Deno.KvListOptions, number[]][] = [
  ["by prefix", { prefix: ["l"] }, {}, [0, 1, 2, 3, 4, 5, 6]],
  ["in batches", { prefix: ["l"] }, { batchSize: 2 }, [0, 1, 2, 3, 4, 5, 6]],
  ["backwards, in batches", { prefix: ["l"] }, { batchSize: 2, reverse: true }, [6, 5, 4, 3, 2, 1, 0]],
  ["up to a limit", { prefix: ["l"] }, { limit: 3 }, [0, 1, 2]],
  ["backwards, up to a limit", { prefix: ["l"] }, { limit: 3, reverse: true }, [6, 5, 4]],
  ["from here to before there", { start: ["l", 2], end: ["l", 5] }, {}, [2, 3, 4]],
  ["behind a start", { prefix: ["l"], start: ["l", 5] }, {}, [5, 6]],
  ["before an end", { prefix: ["l"], end: ["l", 2] }, {}, [0, 1]],
];

Deno.test("KvConnectServer: lists", async (t) => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  for (const i of [3, 0, 6, 1, 5, 2, 4]) await kv.set(["l", i], i);
  await kv.atomic().set(["k"], 0).set(["m"], 0).commit();
  for (const [name, selector, options, keys] of lists) {
    await t.step(name, async () => assertEquals(await keysOf(kv.list(selector, options)), keys));
  }
  await t.step("on from a cursor", async () => {
    const listing = kv.list({ prefix: ["l"] }, { limit: 3 });
    await keysOf(listing);
    assertEquals(await keysOf(kv.list({ prefix: ["l"] }, { cursor: listing.cursor })), [3, 4, 5, 6]);
  });
});

Deno.test("KvConnectServer: two clients share the data, and a watch of one tells what the other commits", async () => {
  await using server = KvConnectServer.start();
  using one = await server.open();
  using two = await server.open();
  const states = one.watch<[number, number]>([["a"], ["b"]]).getReader();
  const next = async () => (await states.read()).value?.map(({ value }) => value);
  assertEquals(await next(), [null, null]);
  await two.set(["a"], 1);
  assertEquals(await next(), [1, null]);
  await two.set(["unwatched"], 1);
  await two.atomic().delete(["a"]).set(["b"], 2).commit();
  assertEquals(await next(), [null, 2]);
  assertEquals((await one.get(["unwatched"])).value, 1);
  await states.cancel();
});

Deno.test("KvConnectServer: refuses a write with more checks than other servers take", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const checks = Array.from({ length: 11 }, (_, i) => ({ key: [i], versionstamp: null }));
  assertEquals((await kv.atomic().check(...checks.slice(1)).set(["a"], 1).commit()).ok, true);
  await assertRejects(
    () => kv.atomic().check(...checks).set(["a"], 2).commit(),
    Error,
    "Too many checks included in atomic write.",
  );
  assertEquals((await kv.get(["a"])).value, 1);
});

Deno.test("KvConnectServer: counts requests of each kind", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  for (let i = 0; i < 3; i++) await kv.get(["a"]);
  await kv.set(["a"], 1);
  assertEquals([server.count("read"), server.count("write"), server.count("watch")], [3, 1, 0]);
});
