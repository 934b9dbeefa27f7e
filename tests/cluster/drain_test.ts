import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { turn } from "../../src/clock.ts";
import { hang } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { heartbeatMs, manyKeys, ttlMs, World } from "./fixtures.ts";

const keys = manyKeys(40);
const oops = new Error("oops");
const all = Array.from({ length: 16 }, (_, slot) => slot);

/** Opens a world in which instances have proven themselves and share the slots. */
async function open(names: string) {
  const world = await World.open(keys);
  const instances = [];
  for (const name of names) instances.push(await world.member(name));
  await world.pass(20 * heartbeatMs);
  return { world, instances };
}

Deno.test("Cluster.drain() hands all slots over, gracefully, and resolves when the instance holds none", async () => {
  const { world, instances: [one, other] } = await open("ab");
  await using _world = world;
  const held = one.owned.length;
  const drained = watch(one.cluster.drain());
  assertEquals([held > 0, drained.fate], [true, "pending"]);
  await world.pass(5 * heartbeatMs);
  assertEquals([drained.fate, one.owned, other.owned.length, one.keys, other.keys], [
    "resolved",
    [],
    16,
    [],
    keys.toSorted(),
  ]);
  assertEquals(one.cluster.snapshot().sessions.map(({ id, accepts }) => [id, accepts]), [["a-0", false], [
    "b-0",
    true,
  ]]);
});

Deno.test("Cluster.drain() keeps the instance empty for as long as it runs, though others come and go", async () => {
  const { world, instances: [one, other] } = await open("ab");
  await using _world = world;
  const drained = one.cluster.drain();
  await world.pass(5 * heartbeatMs);
  await drained;
  const third = await world.member("c");
  await world.pass(20 * heartbeatMs);
  other.leave();
  await world.pass(20 * heartbeatMs);
  assertEquals([one.owned.length, third.owned.length], [0, 16]);
});

Deno.test("Cluster.drain() hands nothing over to a session that has not proven itself", async () => {
  const { world, instances: [one] } = await open("a");
  await using _world = world;
  const drained = watch(one.cluster.drain());
  const other = await world.member("b");
  await world.pass(1.5 * heartbeatMs);
  assertEquals([drained.fate, one.owned.length, other.owned.length], ["pending", 16, 0]);
  await world.pass(10 * heartbeatMs);
  assertEquals([drained.fate, one.owned.length, other.owned.length], ["resolved", 0, 16]);
});

Deno.test("Cluster.drain() of the last instance stays pending, and keeps everything running", async () => {
  const { world, instances: [one] } = await open("a");
  await using _world = world;
  const drained = watch(one.cluster.drain());
  await world.pass(20 * heartbeatMs);
  assertEquals([drained.fate, one.owned, one.keys], ["pending", all, keys.toSorted()]);
  one.leave();
  await world.pass(heartbeatMs);
  assertEquals([drained.fate, one.run.fate], ["resolved", "resolved"]);
});

Deno.test("Cluster.drain() resolves when it is called while the run waits for what its session has left behind", async () => {
  const { world, instances: [one] } = await open("a");
  await using _world = world;
  one.kv.break(hang());
  await world.pass(2.7 * heartbeatMs); // fenced
  one.kv.break(hang(), "commit"); // its record cannot be deleted
  await world.pass(heartbeatMs);
  one.leave();
  const drained = [];
  for (let steps = 0; one.run.fate === "pending"; steps++) {
    drained.push(watch(one.cluster.drain()));
    if (steps % 10 === 0) world.clock.advance(50);
    await turn();
  }
  await world.settle();
  assertEquals([drained.length > 20, drained.filter(({ fate }) => fate !== "resolved")], [true, []]);
});

Deno.test("Cluster.drain() rejects with the reason of its signal, and the instance accepts slots again", async () => {
  const world = await World.open(keys);
  await using _world = world;
  for (const key of keys) world.manners.set(key, { lingers: true }); // they end when their stop budget is over
  const [one, other] = [await world.member("a"), await world.member("b")];
  await world.pass(30 * heartbeatMs);
  const before = one.owned.length;
  const enough = new AbortController();
  const drained = watch(one.cluster.drain({ signal: enough.signal }));
  await world.pass(heartbeatMs);
  enough.abort(oops);
  await world.pass(20 * heartbeatMs);
  assertStrictEquals(drained.error, oops);
  assertEquals([one.owned.length, one.owned.length + other.owned.length], [before, 16]);
});

Deno.test("Cluster.drain() is over when its signal aborts, also after it has resolved", async () => {
  const { world, instances: [one] } = await open("ab");
  await using _world = world;
  const before = one.owned;
  const enough = new AbortController();
  const drained = watch(one.cluster.drain({ signal: enough.signal }));
  await world.pass(5 * heartbeatMs);
  assertEquals([drained.fate, one.owned], ["resolved", []]);
  enough.abort(oops);
  await world.pass(20 * heartbeatMs);
  assertEquals([drained.fate, one.owned], ["resolved", before]);
});

Deno.test("Cluster.drain() goes on until the last of several calls is over", async () => {
  const { world, instances: [one] } = await open("ab");
  await using _world = world;
  const [first, second] = [new AbortController(), new AbortController()];
  const calls = [first, second].map(({ signal }) => watch(one.cluster.drain({ signal })));
  first.abort(oops);
  await world.pass(5 * heartbeatMs);
  assertEquals([calls.map(({ fate }) => fate), one.owned], [["Error", "resolved"], []]);
  second.abort(oops);
  await world.pass(20 * heartbeatMs);
  assertEquals(one.owned.length > 0, true);
});

Deno.test("Cluster.drain() goes on in the next session when the instance is fenced", async () => {
  const { world, instances: [one, other] } = await open("ab");
  await using _world = world;
  const drained = watch(one.cluster.drain());
  one.kv.break(hang());
  await world.pass(ttlMs);
  one.kv.break();
  await world.pass(20 * heartbeatMs);
  assertEquals([one.of("session-fenced").length, drained.fate, one.owned, other.owned.length], [1, "resolved", [], 16]);
});

Deno.test("Cluster.drain() of all instances: the last ones keep their slots, and one takes those of a dead one", async () => {
  const { world, instances: [one, other] } = await open("ab");
  await using _world = world;
  const drains = [one, other].map(({ cluster }) => watch(cluster.drain()));
  await world.pass(20 * heartbeatMs);
  assertEquals([drains.map(({ fate }) => fate), one.owned.length + other.owned.length], [["pending", "pending"], 16]);
  one.kv.break(hang());
  await world.pass(ttlMs + 2 * heartbeatMs);
  assertEquals([other.owned.length, other.keys, drains[1].fate], [16, keys.toSorted(), "pending"]);
});

Deno.test("Cluster.drain() tells others at once", async () => {
  const { world, instances: [one] } = await open("ab");
  await using _world = world;
  const accepts = async () => (await world.database.read("session")).map(({ value }) => value.accepts);
  const drained = watch(one.cluster.drain());
  await world.settle();
  assertEquals([await accepts(), drained.fate], [[false, true], "pending"]);
});

Deno.test("Cluster.drain() rejects with the reason of a signal that has aborted, and does nothing", async () => {
  const { world, instances: [one] } = await open("ab");
  await using _world = world;
  const before = one.owned;
  assertStrictEquals(await assertRejects(() => one.cluster.drain({ signal: AbortSignal.abort(oops) })), oops);
  await world.pass(5 * heartbeatMs);
  assertEquals(one.owned, before);
});

Deno.test("Cluster.drain() is refused while the cluster does not run, and lasts no longer than the run", async () => {
  const { world, instances: [one] } = await open("a");
  await using _world = world;
  const drained = watch(one.cluster.drain());
  one.leave();
  await world.pass(heartbeatMs);
  assertEquals(drained.fate, "resolved");
  await assertRejects(() => one.cluster.drain(), Error, "Cannot drain the instance: its cluster does not run");
  one.begin();
  await world.pass(heartbeatMs);
  assertEquals([one.owned.length, one.cluster.snapshot().sessions.map(({ accepts }) => accepts)], [16, [true]]);
});
