import { assert, assertEquals } from "@std/assert";
import { failWith } from "../../src/testing/mod.ts";
import { fenceMs, heartbeatMs, settleMs, ttlMs, World } from "./fixtures.ts";

/** Writes as a program of a later version would: in a format that this version does not read. */
async function writeForeign(world: World, key: Deno.KvKey): Promise<void> {
  const record = { format: 2, session: "f-0", beats: crypto.randomUUID() };
  const atomic = world.database.raw.atomic().set(["@pact/supervisor", '["c"]', ...key], record);
  if (key[0] === "claim") atomic.set(["@pact/supervisor", '["c"]', "session", "!bell"], 2);
  await atomic.commit();
}

Deno.test("Cluster.run() rejects with ClusterMismatchError when a session that beats has another number of slots", async () => {
  await using world = await World.open();
  await world.member("a", { slots: 16 });
  const other = world.instance("b", { slots: 32 });
  other.begin({ bare: true });
  await world.pass(2 * heartbeatMs);
  assertEquals(other.run.fate, "ClusterMismatchError");
  const { message } = other.run.error as Error;
  assert(message.startsWith("Cannot be in one cluster with session a-0: all instances need the same"), message);
  assert(message.endsWith("current values are 16 there and 32 here"), message);
});

Deno.test("Cluster.run() that rejects with ClusterMismatchError has disturbed no other instance and announces nothing", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", { slots: 16 });
  one.take({ slots: true });
  const other = world.instance("b", { slots: 32 });
  other.begin({ bare: true });
  await world.pass(10 * heartbeatMs);
  assertEquals([other.callbacks, other.take({ slots: true }), other.kv.count("commit")], [0, [], 0]);
  assertEquals([one.keys, one.take({ slots: true }), await world.database.sessions()], [["acme"], [], ["a-0"]]);
});

Deno.test("Cluster.run() joins when the session with another number of slots has left", async () => {
  await using world = await World.open();
  const one = await world.member("a", { slots: 16 });
  one.leave();
  await world.settle();
  const other = await world.member("b", { slots: 32 });
  await world.pass(3 * heartbeatMs);
  assertEquals(other.owned.length, 32);
});

Deno.test("Cluster.run() waits for a session with another number of slots to be dead, and joins then", async () => {
  await using world = await World.open();
  const one = await world.member("a", { slots: 16 });
  one.kv.break(failWith(new Error("cut off")));
  const other = world.instance("b", { slots: 32 });
  other.begin({ bare: true });
  await world.pass(ttlMs - 1);
  assertEquals([other.run.fate, other.callbacks, other.kv.count("commit")], ["pending", 0, 0]);
  await world.pass(heartbeatMs);
  assertEquals([other.callbacks, await world.database.sessions()], [1, ["b-0"]]);
});

Deno.test("Cluster.run() rejects with ClusterMismatchError at a session in another format that beats", async () => {
  await using world = await World.open();
  await writeForeign(world, ["session", "f-0"]);
  const one = world.instance("a");
  one.begin({ bare: true });
  await world.pass(heartbeatMs);
  assertEquals(one.run.fate, "pending");
  await writeForeign(world, ["session", "f-0"]);
  await world.pass(heartbeatMs);
  assertEquals([one.run.fate, await world.database.sessions()], ["ClusterMismatchError", ["f-0"]]);
  const { message } = one.run.error as Error;
  assertEquals(message, "Cannot be in one cluster with session f-0: this version reads format 1, its format is 2");
});

Deno.test("Cluster.run() overwrites a claim in another format when no session is there that could own it", async () => {
  await using world = await World.open();
  await writeForeign(world, ["claim", 3]);
  const one = await world.member("a");
  assertEquals([one.owned.length, (await world.database.owners()).get(3)], [16, "a-0"]);
});

Deno.test("Cluster keeps its slots, and takes none that it cannot read, while a session in another format is there", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", {}, { bare: true });
  for (let beats = 0; beats < 10; beats++) {
    await writeForeign(world, ["session", "f-0"]);
    if (beats === 0) await writeForeign(world, ["claim", 3]);
    await world.pass(heartbeatMs);
  }
  assertEquals([one.owned.length, one.owned.includes(3), one.of("session-fenced").length], [15, false, 0]);
  assertEquals((await world.database.read("claim")).find(({ key }) => key.at(-1) === 3)?.value.format, 2);
});

Deno.test("Cluster declares a session in another format dead as any other, after its own time to live", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  await writeForeign(world, ["session", "f-0"]);
  await world.pass(ttlMs);
  assertEquals(await world.database.sessions(), ["a-0", "f-0"]);
  await world.pass(2 * heartbeatMs);
  assertEquals([await world.database.sessions(), one.of("session-dead").map(({ session }) => session)], [["a-0"], [
    "f-0",
  ]]);
});

Deno.test("Cluster.run() rejects in one of two instances with different numbers of slots that start at the same time", async () => {
  await using world = await World.open();
  const instances = [world.instance("a", { slots: 16 }), world.instance("b", { slots: 32 })];
  for (const each of instances) each.begin({ bare: true });
  await world.pass(2 * heartbeatMs);
  const refused = instances.filter(({ run }) => run.fate === "ClusterMismatchError");
  assert(refused.length >= 1, instances.map(({ run }) => run.fate).join());
  assertEquals(refused.map(({ callbacks }) => callbacks), refused.map(() => 0));
  assertEquals((await world.database.sessions()).length, 2 - refused.length);
});

Deno.test("Cluster that was fenced stays out while a session is there that it cannot work with, and announces that", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", { slots: 16 });
  one.kv.break(failWith(new Error("cut off")));
  await world.pass(ttlMs);
  const other = await world.member("b", { slots: 32 }).catch(() => world.instances[1]);
  await world.pass(2 * ttlMs);
  assertEquals([other.callbacks, other.keys], [1, ["acme"]]);
  one.kv.break();
  await world.pass(5 * heartbeatMs);
  const failures = one.of("cluster-failed").filter(({ error }) => (error as Error).name === "ClusterMismatchError");
  assertEquals([one.keys, other.keys, failures.length > 0], [[], ["acme"], true]);
  other.leave();
  await world.pass(5 * heartbeatMs);
  assertEquals([one.run.fate, one.owned.length], ["pending", 16]);
});

Deno.test("Cluster that joins again together with one that it cannot work with gives that session up at once", async () => {
  await using world = await World.open();
  const one = await world.member("a", { slots: 16 }, { bare: true });
  world.clock.stalledMs = fenceMs;
  one.kv.inject("commit", (call) => call()); // the burial
  one.kv.inject("commit", async (call) => { // the first beat of the next session
    await writeForeign(world, ["session", "f-0"]);
    return await call();
  });
  await world.pass(heartbeatMs + 2 * settleMs);
  assertEquals([one.cluster.snapshot().state, await world.database.sessions()], ["joining", ["f-0"]]);
  await world.pass(ttlMs - heartbeatMs);
  const ownJoins = one.of("session-joined").filter(({ isSelf }) => isSelf);
  assertEquals([one.of("session-fenced").length, ownJoins.length], [1, 2]);
  const failures = one.of("cluster-failed").map(({ operation, error }) => [operation, (error as Error).name]);
  assertEquals(failures, [["join", "ClusterMismatchError"]]);
  await world.pass(3 * heartbeatMs); // the other one is dead
  assertEquals(one.owned.length, 16);
});
