import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Fate, KvConnectServer, type RequestKind } from "./server.ts";

/** Lets the first requests of a kind meet these fates, counted from now; all others pass. */
function fates(server: KvConnectServer, kind: RequestKind, ...first: (Fate | Promise<Fate>)[]): void {
  const before = server.count(kind);
  server.onRequest = (asked, n) => asked === kind ? first[n - before - 1] ?? "pass" : "pass";
}

/** Waits for requests of a kind. */
async function arrival(server: KvConnectServer, kind: RequestKind, count: number): Promise<void> {
  while (server.count(kind) < count) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("Deno KV, remote: after a lost reply, a compare-and-swap is refused though it landed", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  fates(server, "write", "lose-reply");
  assertEquals(await kv.atomic().check({ key: ["a"], versionstamp: null }).set(["a"], "mine").commit(), { ok: false });
  assertEquals((await kv.get(["a"])).value, "mine");
  assertEquals(server.count("write"), 2);
});

Deno.test("Deno KV, remote: after a lost reply, a sum lands twice", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  fates(server, "write", "lose-reply");
  await kv.atomic().sum(["n"], 1n).commit();
  assertEquals((await kv.get<Deno.KvU64>(["n"])).value, new Deno.KvU64(2n));
});

Deno.test("Deno KV, remote: after a garbled reply, a write throws though it landed, and is not sent again", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  fates(server, "write", "garble-reply");
  await assertRejects(() => kv.set(["a"], 1), Error, "failed to decode response");
  assertEquals((await kv.get(["a"])).value, 1);
  assertEquals(server.count("write"), 1);
});

Deno.test("Deno KV, remote: a refused call is sent again after a pause of at least a fifth of a second", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const askedAt: number[] = [];
  server.onRequest = (kind) => {
    if (kind === "read") askedAt.push(performance.now());
    return kind === "read" && askedAt.length < 6 ? "refuse" : "pass";
  };
  await kv.get(["a"]);
  const pausesMs = askedAt.slice(1).map((at, i) => at - askedAt[i]);
  assertEquals(pausesMs.length, 5);
  assert(pausesMs.every((pauseMs) => pauseMs > 195), `it paused for ${pausesMs} ms`);
});

Deno.test("Deno KV, remote: calls made while the server is down are answered when it is up, from the same data", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const { versionstamp } = await kv.set(["a"], 1);
  await server.stop();
  const [read, written] = [kv.get(["a"]), kv.set(["b"], 2)];
  await new Promise((resolve) => setTimeout(resolve, 500));
  await server.restart();
  assertEquals(await read, { key: ["a"], value: 1, versionstamp });
  assert((await written).versionstamp > versionstamp);
});

Deno.test("Deno KV, remote: openKv() throws at once while the server is down or refuses", async () => {
  await using server = KvConnectServer.start();
  fates(server, "metadata", "refuse");
  await assertRejects(() => server.open(), TypeError, "responded with status 503");
  await server.stop();
  await assertRejects(() => server.open(), TypeError, "failed to connect");
});

Deno.test("Deno KV, remote: a call that hangs holds up no other, outlives close(), and fails when the server ends", async () => {
  const server = KvConnectServer.start();
  const kv = await server.open();
  fates(server, "write", "hang");
  let isOver = false;
  const hanging = assertRejects(() => kv.set(["a"], 1), Error, "The server has ended").finally(() => isOver = true);
  await arrival(server, "write", 1);
  await kv.set(["b"], 1);
  assertEquals((await kv.get(["a"])).value, null);
  kv.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(isOver, false);
  await server[Symbol.asyncDispose]();
  await hanging;
});

Deno.test("Deno KV, remote: a call that hangs when the server goes down lands when it is up", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  fates(server, "write", "hang");
  const written = kv.set(["a"], 1);
  await arrival(server, "write", 1);
  await server.restart();
  await written;
  assertEquals((await kv.get(["a"])).value, 1);
});

Deno.test("Deno KV, remote: a watch that is cut comes back by itself and tells what it missed, once", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const states = kv.watch<[number]>([["a"]]).getReader();
  await states.read();
  const next = states.read();
  server.cutWatches();
  // Comes back, finds nothing new, and says nothing.
  await arrival(server, "watch", 2);
  server.cutWatches();
  for (const value of [1, 2]) await kv.set(["a"], value);
  assertEquals((await next).value?.map(({ value }) => value), [2]);
  await states.cancel();
});

Deno.test("KvConnectServer: a fate that is decided later delays the request until then", async () => {
  await using server = KvConnectServer.start();
  using kv = await server.open();
  const gate = Promise.withResolvers<Fate>();
  fates(server, "write", gate.promise);
  const written = kv.set(["a"], 1);
  await arrival(server, "write", 1);
  assertEquals((await kv.get(["a"])).value, null);
  gate.resolve("pass");
  await written;
  assertEquals((await kv.get(["a"])).value, 1);
});

Deno.test("KvConnectServer: its end leaves no call behind, whatever the call met", async (t) => {
  for (const fate of ["refuse", "lose-reply", "hang", new Promise<Fate>(() => {})]) {
    await t.step(String(fate), async () => {
      const server = KvConnectServer.start();
      using kv = await server.open();
      server.onRequest = (kind) => kind === "write" ? fate as Fate : "pass";
      const abandoned = assertRejects(() => kv.set(["a"], 1), Error, "The server has ended");
      await arrival(server, "write", 1);
      await server[Symbol.asyncDispose]();
      await abandoned;
    });
  }
  await t.step("while the server is down", async () => {
    const server = KvConnectServer.start();
    using kv = await server.open();
    await kv.get(["a"]);
    await server.stop();
    const abandoned = assertRejects(() => kv.get(["a"]), Error, "The server has ended");
    await server[Symbol.asyncDispose]();
    await abandoned;
  });
});
