import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Cluster } from "../../src/cluster/mod.ts";
import { KvClosedError } from "../../src/kv/mod.ts";
import { failWith } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { heartbeatMs, manyKeys, settleMs, type TestInstance, World } from "./fixtures.ts";

/** What every call on a closed handle fails with. */
const closed = failWith(new Deno.errors.BadResource("Bad resource ID"));

function failures({ events }: TestInstance): unknown[] {
  return events.flatMap((event) => event.type === "cluster-failed" ? [(event.error as Error).name] : []);
}

/** Runs an instance alone with a callback, until it is up. */
async function running(world: World, callback: (signal: AbortSignal) => unknown) {
  const one = world.instance("a");
  const run = watch(one.cluster.run(callback));
  await world.pass(settleMs);
  return { one, run };
}

/** Runs until the signal aborts, and rejects with its reason. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

Deno.test("Cluster.run() stops all and ends with KvClosedError when the database is closed, and announces that once", async () => {
  await using world = await World.open(manyKeys(4));
  const one = await world.member("a");
  assertEquals(one.keys.length, 4);
  one.kv.break(closed);
  await world.pass(heartbeatMs);
  one.leave(); // its callback does not listen to its signal
  await world.pass(2 * heartbeatMs);
  assertEquals([one.run.fate, failures(one), one.bots.get("key-0")?.signal?.aborted], ["KvClosedError", [
    "KvClosedError",
  ], true]);
});

Deno.test("Cluster.run() aborts the signal of its callback when the database is closed", async () => {
  await using world = await World.open();
  const given = Promise.withResolvers<AbortSignal>();
  const { one, run } = await running(world, (signal) => {
    given.resolve(signal);
    return untilAborted(signal);
  });
  one.kv.break(closed);
  await world.pass(heartbeatMs);
  const { reason } = await given.promise;
  assertEquals([run.fate, reason instanceof KvClosedError], ["KvClosedError", true]);
  assertStrictEquals(run.error, reason);
  one.kv.break();
  one.begin({ bare: true });
});

Deno.test("Cluster.run() rejects with KvClosedError though its callback returns when the database is closed", async () => {
  await using world = await World.open();
  const { one, run } = await running(world, (signal) => untilAborted(signal).catch(() => {}));
  one.kv.break(closed);
  await world.pass(heartbeatMs);
  assertEquals(run.fate, "KvClosedError");
  one.kv.break();
  one.begin({ bare: true });
});

Deno.test("Cluster.run() rejects with what its callback fails with when the database is closed", async () => {
  await using world = await World.open();
  const oops = new RangeError("oops");
  const { one, run } = await running(world, (signal) => untilAborted(signal).catch(() => Promise.reject(oops)));
  one.kv.break(closed);
  await world.pass(heartbeatMs);
  assertStrictEquals(run.error, oops);
  one.kv.break();
  one.begin({ bare: true });
});

Deno.test("Cluster.run() rejects with KvClosedError when the database is closed before it joins, and announces nothing", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  one.kv.break(closed);
  one.begin();
  await world.pass(heartbeatMs);
  assertEquals([one.run.fate, one.events, one.callbacks], ["KvClosedError", [], 0]);
});

Deno.test("Cluster.run() resolves when the database is closed while it leaves, and announces that once", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  one.kv.break(closed);
  one.leave();
  await world.pass(heartbeatMs / 10);
  assertEquals([one.run.fate, failures(one)], ["resolved", ["KvClosedError"]]);
});

Deno.test("Cluster.run() ends with KvClosedError when only the changes of its table find the database closed", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  one.kv.break(closed, "get"); // heartbeats and looks go on
  await world.pass(heartbeatMs);
  one.leave(); // the run waits for its callback
  await world.pass(heartbeatMs);
  assertEquals([one.run.fate, failures(one)], ["KvClosedError", ["KvClosedError"]]);
});

Deno.test("Cluster.run() rejects with KvClosedError on a handle that is closed", async () => {
  const kv = await Deno.openKv(":memory:");
  kv.close();
  await assertRejects(() => new Cluster(kv, { allowLocal: true }).run(() => {}), KvClosedError);
});
