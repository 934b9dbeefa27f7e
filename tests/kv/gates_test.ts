/** Whether the server of a remote database is there is asked by `fetch` first, which leaves nothing behind. */

import { assertEquals, assertRejects } from "@std/assert";
import { KvTimeoutError, KvUnavailableError } from "../../src/kv/errors.ts";
import { KvStore } from "../../src/kv/store.ts";
import { FaultyKv, hang } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

const timeoutMs = 10_000;
const probeMs = 1_000;

/** A store whose first write was not answered, on a database whose server is the test's own. */
async function open(path?: string) {
  const state = { status: 503, isMute: false, requests: 0 };
  let came = Promise.withResolvers<void>();
  const ending = Promise.withResolvers<Response>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    state.requests++;
    came.resolve();
    return state.isMute ? ending.promise : new Response("what it says does not matter", { status: state.status });
  });
  const kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock();
  const url = `http://127.0.0.1:${server.addr.port}`;
  const store = new KvStore(kv, { clock, timeoutMs, probeMs, random: () => 0.5, path: path ?? url });
  const set = () => store.call("set it", () => kv.set(["a"], 1), { purpose: "write" });
  kv.inject("set", hang());
  const rejected = assertRejects(set, KvTimeoutError);
  clock.advance(timeoutMs);
  await rejected;
  return {
    kv,
    clock,
    state,
    set,
    /** Waits until the server has been asked, and the answer has come: the next round is due then. */
    async asked() {
      await came.promise;
      came = Promise.withResolvers();
      await clock.armed(probeMs);
    },
    async [Symbol.asyncDispose]() {
      ending.resolve(new Response());
      await server.shutdown();
      kv.close();
      assertEquals(clock.pending, 0);
    },
  };
}

Deno.test("Gates ask a server that cannot serve once in a while, and the database when it can", async () => {
  await using opened = await open();
  const { kv, clock, state, set } = opened;
  const waiting = watch(set());
  for (const requests of [1, 2, 3]) {
    await opened.asked();
    assertEquals([state.requests, kv.count("get"), waiting.fate], [requests, 0, "pending"]);
    if (requests === 3) state.status = 404;
    clock.advance(probeMs);
  }
  while (waiting.fate === "pending") await settle();
  assertEquals([state.requests, kv.count("get"), waiting.fate, kv.count("set")], [4, 1, "resolved", 2]);
});

Deno.test("Gates take a server that is mute for one that is not there", async () => {
  await using opened = await open();
  const { kv, clock, state, set } = opened;
  state.isMute = true;
  const waiting = assertRejects(set, KvUnavailableError);
  while (state.requests === 0) await settle();
  clock.advance(probeMs / 2); // it is given up
  await clock.armed(probeMs / 2); // until the next one
  assertEquals([state.requests, kv.count("get")], [1, 0]);
  clock.advance(timeoutMs);
  await waiting;
});

Deno.test("Gates end a request when nothing waits for its answer", async () => {
  await using opened = await open();
  const { clock, state, set } = opened;
  state.isMute = true;
  const waiting = assertRejects(set, KvUnavailableError);
  while (state.requests === 0) await settle();
  clock.advance(timeoutMs);
  await waiting;
});

for (const path of ["kv.sqlite3", ":memory:", "ws://127.0.0.1:1"]) {
  Deno.test(`Gates ask a database at ${path} itself`, async () => {
    await using opened = await open(path);
    await opened.set();
    assertEquals([opened.state.requests, opened.kv.count("get")], [0, 1]);
  });
}

Deno.test({
  name: "Gates ask a database at a URL itself where the program may not call that",
  permissions: { net: false, read: true, write: true },
  async fn() {
    const kv = new FaultyKv(await Deno.openKv(":memory:"));
    const clock = new ManualClock();
    const store = new KvStore(kv, { clock, timeoutMs, probeMs, random: () => 0.5, path: "http://127.0.0.1:1" });
    const set = () => store.call("set it", () => kv.set(["a"], 1), { purpose: "write" });
    kv.inject("set", hang());
    const rejected = assertRejects(set, KvTimeoutError);
    clock.advance(timeoutMs);
    await rejected;
    await set();
    assertEquals(kv.count("get"), 1);
    kv.close();
  },
});
