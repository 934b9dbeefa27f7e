import { assert, assertEquals } from "@std/assert";
import { place } from "../../src/cluster/placement.ts";
import { failWith, hang, loseReply } from "../../src/testing/mod.ts";
import { heartbeatMs, manyKeys, settleMs, type TestInstance, ttlMs, World } from "./fixtures.ts";

const keys = manyKeys(40);
const revisionsKey = ["@pact/supervisor", '["c"]', "revisions"];
/** After this long an instance has proven itself, and others have seen so. */
const provenMs = 3 * heartbeatMs;

async function orderIn({ database }: World): Promise<unknown> {
  return (await database.raw.get<{ revisions: string[] }>(revisionsKey)).value?.revisions;
}

/** How many slots each instance owns. */
function shares(instances: readonly TestInstance[]): number[] {
  return instances.map(({ owned }) => owned.length);
}

function claimedBy(instances: readonly TestInstance[]): number {
  return instances.reduce((sum, instance) => sum + instance.of("slot-claimed").length, 0);
}

Deno.test("Cluster keeps the order in which the revisions came", async () => {
  await using world = await World.open();
  const orders = [];
  for (const [name, revision] of [["a", "r1"], ["b", "r2"], ["c", "r1"], ["d", ""]]) {
    await world.member(name, { revision }, { bare: true });
    orders.push(await orderIn(world));
  }
  assertEquals(orders, [["r1"], ["r1", "r2"], ["r1", "r2"], ["r1", "r2", ""]]);
});

Deno.test("Cluster takes an earlier revision for the newest one when it comes back after its last instance has gone", async () => {
  await using world = await World.open();
  const first = await world.member("a", { revision: "r1" }, { bare: true });
  await world.member("b", { revision: "r2" }, { bare: true });
  first.leave();
  await world.settle();
  await world.member("c", { revision: "r1" }, { bare: true });
  assertEquals(await orderIn(world), ["r2", "r1"]);
});

Deno.test("Cluster.run() of several instances of a revision at the same time changes the order once", async () => {
  await using world = await World.open();
  await world.member("a", { revision: "r1" }, { bare: true });
  const others = ["b", "c", "d"].map((name) => world.instance(name, { revision: "r2" }));
  for (const other of others) other.begin({ bare: true });
  await world.pass(settleMs);
  assertEquals(await orderIn(world), ["r1", "r2"]);
});

Deno.test("Cluster.run() writes the order again when that has failed, and not again when only the reply was lost", async () => {
  await using world = await World.open();
  for (const [name, fault] of [["a", failWith(new Error("oops"))], ["b", loseReply(new Error("oops"))]] as const) {
    const one = world.instance(name, { revision: name });
    one.kv.inject("commit", fault);
    one.begin({ bare: true });
    await world.pass(heartbeatMs);
    assertEquals(one.callbacks, 1);
  }
  assertEquals(await orderIn(world), ["a", "b"]);
});

Deno.test("Cluster reads whatever stands in the place of the order", async () => {
  for (const value of [null, "r1", { format: 2, revisions: ["r9"] }, { format: 1, revisions: [1, "r1"] }]) {
    await using world = await World.open();
    await world.database.raw.set(revisionsKey, value);
    await world.member("a", { revision: "r1" }, { bare: true });
    assertEquals(
      await orderIn(world),
      value !== null && typeof value === "object" && value.format === 1 ? [1, "r1"] : ["r1"],
    );
  }
});

Deno.test("Cluster.run() joins though another program has filled the order, and so nothing can be added to it", async () => {
  await using world = await World.open();
  await world.database.raw.set(revisionsKey, { format: 1, revisions: ["r0", "x".repeat(65_496)] });
  const one = await world.member("a", { revision: "r1" }, { bare: true });
  assertEquals([await orderIn(world), one.owned.length], [["r0", "r1"], 16]);
});

Deno.test("Cluster that is fenced does not change the order when it joins again", async () => {
  await using world = await World.open();
  const one = await world.member("a", { revision: "r1" }, { bare: true });
  const other = await world.member("b", { revision: "r2" }, { bare: true });
  await world.pass(provenMs);
  one.kv.break(hang());
  await world.pass(ttlMs + 2 * heartbeatMs); // it is dead, and its record is gone
  one.kv.break();
  await world.pass(2 * heartbeatMs);
  assertEquals([await orderIn(world), shares([one, other])], [["r1", "r2"], [0, 16]]);
});

Deno.test("Clusters of a new revision that are all up before the old ones stop: each slot moves once", async () => {
  await using world = await World.open(keys);
  const old = [];
  for (const name of ["a", "b", "c"]) old.push(await world.member(name, { revision: "r1" }));
  await world.pass(20 * heartbeatMs);
  const before = shares(old);
  const fresh = [];
  for (const name of ["d", "e", "f"]) fresh.push(await world.member(name, { revision: "r2" }));
  await world.pass(10 * heartbeatMs);
  assertEquals([shares(old), shares(fresh)], [before, [0, 0, 0]]); // a living owner keeps what it has
  for (const instance of old) {
    instance.leave();
    await world.pass(5 * heartbeatMs);
  }
  const preferred = place(fresh.map(({ cluster }) => cluster.snapshot().session!), 16);
  assertEquals(shares(fresh), ["d-0", "e-0", "f-0"].map((id) => preferred.filter((each) => each === id).length));
  assertEquals([claimedBy(fresh), fresh.flatMap((each) => each.keys).sort()], [16, keys.toSorted()]);
});

Deno.test("Cluster gives an instance of an old revision nothing, but when there is no other", async () => {
  await using world = await World.open();
  const fresh = await world.member("a", { revision: "r1" }, { bare: true });
  const newest = await world.member("b", { revision: "r2" }, { bare: true });
  await world.pass(20 * heartbeatMs);
  const old = await world.member("c", { revision: "r1" }, { bare: true });
  await world.pass(20 * heartbeatMs);
  assertEquals(old.owned, []);
  fresh.leave();
  await world.pass(5 * heartbeatMs);
  assertEquals(shares([newest, old]), [16, 0]);
  newest.kv.break(hang()); // all of the newest are dead
  await world.pass(ttlMs + 2 * heartbeatMs);
  assertEquals(old.owned.length, 16);
});

Deno.test("Cluster gives a newcomer nothing before it has had three beats, and its share then", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  await world.pass(provenMs);
  const other = await world.member("b", {}, { bare: true });
  const isProven = () => one.cluster.snapshot().sessions.find(({ id }) => id === "b-0")?.isProven;
  await world.pass(2 * heartbeatMs - settleMs - 1);
  assertEquals([isProven(), other.owned], [false, []]);
  await world.pass(3 * heartbeatMs);
  assertEquals(isProven(), true);
  assert(other.owned.length > 0);
});

Deno.test("Clusters that start one after the other share the slots at first sight, as long as none has proven itself", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  await world.pass(heartbeatMs / 2);
  const other = await world.member("b", {}, { bare: true });
  await world.pass(heartbeatMs);
  assertEquals(one.cluster.snapshot().sessions.map(({ isProven }) => isProven), [false, false]);
  assert(other.owned.length > 0);
  const moves = claimedBy([one, other]);
  const preferred = place(["a-0", "b-0"], 16);
  await world.pass(5 * heartbeatMs); // one of them has proven itself before the other
  assertEquals(other.owned, preferred.flatMap((id, slot) => id === "b-0" ? [slot] : []));
  assert(claimedBy([one, other]) - moves <= 8, "slots went back and forth");
});

Deno.test("Cluster that joins again after a fence has nothing to prove", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const other = await world.member("b", {}, { bare: true });
  await world.pass(10 * heartbeatMs);
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(1.5 * heartbeatMs);
  assertEquals(one.of("session-fenced").length, 1);
  const { sessions } = other.cluster.snapshot();
  assertEquals(sessions.map(({ id, isProven }) => [id, isProven]), [["a-1", true], ["b-0", true]]);
});

/** What the last session says of itself. */
function newest({ cluster }: TestInstance, id: string) {
  return cluster.snapshot().sessions.find((session) => session.id === id);
}

Deno.test("Cluster gives what comes after a crash nothing until it has lived for 48 heartbeats, while there is another one", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  await world.pass(provenMs);
  const crashing = await world.member("b", {}, { bare: true });
  await world.pass(10 * heartbeatMs);
  assertEquals([newest(one, "b-0")?.isProven, crashing.owned.length > 0], [true, true]);
  crashing.kv.break(hang());
  const next = await world.member("c", {}, { bare: true });
  await world.pass(40 * heartbeatMs);
  assertEquals([shares([one, next]), newest(one, "c-0")?.isProven], [[16, 0], false]);
  await world.pass(10 * heartbeatMs);
  assertEquals([next.owned.length > 0, newest(one, "c-0")?.isProven], [true, true]);
});

Deno.test("Cluster has no doubt in what takes the place of an instance that has left, though another one crashed", async () => {
  await using world = await World.open();
  const [one, leaver] = [await world.member("a", {}, { bare: true }), await world.member("b", {}, { bare: true })];
  await world.pass(5 * heartbeatMs);
  const crashing = await world.member("c", {}, { bare: true });
  await world.pass(5 * heartbeatMs);
  crashing.kv.break(hang());
  leaver.leave();
  await world.settle();
  const next = await world.member("d", {}, { bare: true });
  const noNote = await world.database.raw.get(["@pact/supervisor", '["c"]', "note"]);
  await world.pass(5 * heartbeatMs);
  assertEquals([newest(one, "d-0")?.isProven, next.owned.length > 0, noNote.value], [true, true, null]);
});

Deno.test("Cluster leaves the note of an instance that has left to one of the same revision", async () => {
  await using world = await World.open();
  const leaver = await world.member("a", { revision: "r1" }, { bare: true });
  leaver.leave();
  await world.settle();
  const note = async () => (await world.database.raw.get(["@pact/supervisor", '["c"]', "note"])).value;
  const notes = [await note()];
  await world.member("b", { revision: "r2" }, { bare: true });
  notes.push(await note());
  await world.member("c", { revision: "r1" }, { bare: true });
  notes.push(await note());
  assertEquals(notes, [{ format: 1, revision: "r1" }, { format: 1, revision: "r1" }, null]);
});
