import { assert, assertEquals } from "@std/assert";
import type { ClusterMismatchError } from "../../src/cluster/mod.ts";
import { failWith, holdReply, holdUntil } from "../../src/testing/mod.ts";
import { fenceMs, heartbeatMs, settleMs, type TestKv, timeoutMs, ttlMs, World } from "./fixtures.ts";

function foreignKey(key: Deno.KvKey): Deno.KvKey {
  return ["@pact/supervisor", '["c"]', ...key];
}

/** Writes as a program of a later version would: in a format that this version does not read. */
async function writeForeign(world: World, key: Deno.KvKey): Promise<void> {
  const record = { format: 2, session: "f-0", beats: crypto.randomUUID() };
  const atomic = world.database.raw.atomic().set(foreignKey(key), record);
  if (key[0] === "claim") atomic.set(["@pact/supervisor", '["c"]', "session", "!bell"], 2);
  await atomic.commit();
}

Deno.test("Cluster.run() that is to fail rejects with ClusterMismatchError when a session that beats has another number of slots", async () => {
  await using world = await World.open();
  await world.member("a", { slots: 16 });
  const other = world.instance("b", { slots: 32, onMismatch: "fail" });
  other.begin({ bare: true });
  await world.pass(2 * heartbeatMs);
  assertEquals(other.run.fate, "ClusterMismatchError");
  const { message, session } = other.run.error as ClusterMismatchError;
  assertEquals(session, "a-0");
  assert(message.startsWith("Cannot be in one cluster with session a-0: all instances need the same"), message);
  assert(message.endsWith("current values are 16 there and 32 here"), message);
});

Deno.test("Cluster.run() that rejects with ClusterMismatchError has disturbed no other instance and announces nothing", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", { slots: 16 });
  one.take({ slots: true });
  const other = world.instance("b", { slots: 32, onMismatch: "fail" });
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

Deno.test("Cluster.run() that is to fail rejects with ClusterMismatchError at a session in another format that beats", async () => {
  await using world = await World.open();
  await writeForeign(world, ["session", "f-0"]);
  const one = world.instance("a", { onMismatch: "fail" });
  one.begin({ bare: true });
  await world.pass(heartbeatMs);
  assertEquals(one.run.fate, "pending");
  await writeForeign(world, ["session", "f-0"]);
  await world.pass(heartbeatMs);
  assertEquals([one.run.fate, await world.database.sessions()], ["ClusterMismatchError", ["f-0"]]);
  const { message } = one.run.error as Error;
  assertEquals(message, "Cannot be in one cluster with session f-0: this version reads format 1, its format is 2");
});

Deno.test("Cluster.run() ignores rows that it does not know, which a later version may write beside its own", async () => {
  await using world = await World.open();
  const rows = [["session", "a1", "more"], ["session", "!other"], ["session", 1], ["claim", 3, "more"], [
    "later",
    "a1",
  ]];
  for (const row of rows) await writeForeign(world, row);
  const one = await world.member("a");
  await world.pass(2 * ttlMs);
  assertEquals([one.owned.length, one.cluster.snapshot().sessions.map(({ id }) => id)], [16, ["a-0"]]);
  for (const row of rows) assertEquals((await world.database.raw.get(foreignKey(row))).value !== null, true);
});

Deno.test("Cluster.run() overwrites a claim in another format when no session is there that could own it", async () => {
  await using world = await World.open();
  await writeForeign(world, ["claim", 3]);
  const one = await world.member("a");
  assertEquals([one.owned.length, (await world.database.owners()).get(3)], [16, "a-0"]);
});

for (const session of ["!bell", "x".repeat(3_000), "a".repeat(2_020)]) {
  Deno.test(`Cluster.run() overwrites a claim of what can be no session: "${session.slice(0, 5)}", ${session.length} characters`, async () => {
    await using world = await World.open();
    await world.database.raw.set(foreignKey(["claim", 0]), { format: 1, session, nonce: 1 });
    const one = await world.member("a");
    assertEquals([one.owned.length, (await world.database.owners()).get(0)], [16, "a-0"]);
  });
}

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

/** What one of two instances that start together is held up at until the other one has come that far. */
const races: readonly (readonly [title: string, hold: (one: TestKv, gate: Promise<unknown>) => void])[] = [
  ["at the same pace", () => {}],
  ["one with its first record later", (one, gate) => one.inject("commit", holdUntil(gate))],
  ["one with the answer to its first record later", (one, gate) => one.inject("commit", holdReply(gate))],
  ["one with its look at the others later", (one, gate) => {
    one.inject("list", (call) => call()); // the look of the admission
    one.inject("list", holdUntil(gate));
  }],
];
for (const [title, hold] of races) {
  for (const held of [0, 1]) {
    Deno.test(`Cluster.run() joins in exactly one of two instances with other slots that start together, ${title}: number ${held}`, async () => {
      await using world = await World.open();
      const instances = [world.instance("a", { slots: 16 }), world.instance("b", { slots: 32 })];
      const gate = Promise.withResolvers<void>();
      hold(instances[held].kv, gate.promise);
      for (const each of instances) each.begin({ bare: true });
      await world.settle();
      gate.resolve();
      await world.pass(10 * heartbeatMs);
      const members = instances.filter(({ callbacks }) => callbacks === 1);
      assertEquals(members.length, 1, instances.map(({ events }) => JSON.stringify(events)).join());
      const [member] = members;
      const waiting = instances.find((each) => each !== member)!;
      assertEquals([await world.database.sessions(), waiting.run.fate], [[`${member.name}-0`], "pending"]);
      assertEquals(member.of("session-fenced"), []);
      member.leave();
      await world.pass(3 * heartbeatMs);
      assertEquals([waiting.callbacks, waiting.owned.length > 0], [1, true]);
    });
  }
}

Deno.test("Cluster.run() that is to fail rejects in exactly one of two instances with other slots that start together", async () => {
  await using world = await World.open();
  const onMismatch = "fail";
  const instances = [world.instance("a", { slots: 16, onMismatch }), world.instance("b", { slots: 32, onMismatch })];
  for (const each of instances) each.begin({ bare: true });
  await world.pass(2 * heartbeatMs);
  assertEquals(instances.map(({ run }) => run.fate).sort(), ["ClusterMismatchError", "pending"]);
  assertEquals(instances.map(({ callbacks }) => callbacks).sort(), [0, 1]);
  assertEquals((await world.database.sessions()).length, 1);
});

Deno.test("Cluster.run() joins in exactly one of two instances with other slots when the first record of one lands late", async () => {
  await using world = await World.open();
  const instances = [world.instance("a", { slots: 16 }), world.instance("b", { slots: 32 })];
  const gate = Promise.withResolvers<void>();
  instances[0].kv.inject("commit", holdUntil(gate.promise));
  for (const each of instances) each.begin({ bare: true });
  await world.pass(timeoutMs); // the first record is given up
  gate.resolve();
  await world.pass(10 * heartbeatMs);
  assertEquals([instances.map(({ callbacks }) => callbacks), await world.database.sessions()], [[0, 1], ["b-0"]]);
});

Deno.test("Cluster.run() that waits for others has no record, owns nothing, and says so now and then", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", { slots: 16 });
  one.take({ slots: true });
  const other = world.instance("b", { slots: 32 });
  other.begin();
  await world.pass(10 * heartbeatMs);
  assertEquals([other.callbacks, other.owned, other.kv.count("commit")], [0, [], 0]);
  assertEquals([one.keys, one.take({ slots: true }), await world.database.sessions()], [["acme"], [], ["a-0"]]);
  await world.pass(21 * 60_000);
  const { length } = other.events;
  assertEquals([length, other.of("cluster-waiting").length], [3, 3]);
  assertEquals(other.of("cluster-waiting").map(({ session }) => session), ["a-0", "a-0", "a-0"]);
  const [first, second] = other.of("cluster-waiting").map(({ waitedMs }) => waitedMs);
  assert(first === 0 && second >= 600_000 && second <= 600_000 + heartbeatMs, `${first}, ${second}`);
});

Deno.test("Cluster.run() says that it waits for a session with other slots that does not move, and has a long time to live", async () => {
  await using world = await World.open();
  const dead = { format: 1, session: "f-0", nonce: 1, ttlMs: 100 * heartbeatMs, slots: 99, accepts: true };
  await world.database.raw.set(foreignKey(["session", "f-0"]), dead);
  const one = world.instance("a");
  one.begin({ bare: true });
  await world.pass(50 * heartbeatMs);
  assertEquals([one.of("cluster-waiting").map(({ session }) => session), one.callbacks], [["f-0"], 0]);
  assert(one.kv.count("list") < 100, `${one.kv.count("list")} listings`);
  await world.pass(60 * heartbeatMs);
  assertEquals(one.callbacks, 1);
});

Deno.test("Cluster.run() looks less and less often for the others that it waits for, down to a beat of its own", async () => {
  await using world = await World.open();
  await world.member("a", { slots: 16 });
  const other = world.instance("b", { slots: 32, random: () => 1 - Number.EPSILON });
  other.begin({ bare: true });
  const looks = [];
  for (let beats = 0; beats < 4; beats++) {
    const before = other.kv.count("list");
    await world.pass(2 * heartbeatMs);
    looks.push(other.kv.count("list") - before);
  }
  assert(looks[0] > looks[1], looks.join());
  assertEquals(looks.slice(1), [2, 2, 2]);
});

Deno.test("Cluster.run() that waits for others ends when its signal aborts", async () => {
  await using world = await World.open();
  await world.member("a", { slots: 16 });
  const other = world.instance("b", { slots: 32 });
  other.begin({ bare: true });
  await world.pass(5 * heartbeatMs);
  other.force.abort(new RangeError("enough"));
  await world.settle();
  assertEquals([other.run.fate, other.callbacks], ["RangeError", 0]);
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
  const waiting = one.of("cluster-waiting").map(({ session }) => session);
  assertEquals([one.keys, other.keys, waiting], [[], ["acme"], ["b-0"]]);
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
  assertEquals(one.of("cluster-waiting").map(({ session }) => session), ["f-0"]);
  assertEquals(one.of("session-left").map(({ session, isSelf }) => [session, isSelf]), [["a-1", true]]);
  await world.pass(3 * heartbeatMs); // the other one is dead
  assertEquals(one.owned.length, 16);
});
