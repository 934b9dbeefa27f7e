import { assertEquals } from "@std/assert";
import { hang } from "../../src/testing/mod.ts";
import { anyone, inspect } from "../../src/inspect/mod.ts";
import { idOf } from "../../src/inspect/key_id.ts";
import { heartbeatMs, manyKeys, type TestInstance, ttlMs, World } from "../cluster/fixtures.ts";
import { Face, statusOf } from "./fixtures.ts";

const keys = manyKeys(24);

/** The face of an instance, which makes its heartbeats count its keys. */
function faceOf({ cluster, supervisor, table, world }: TestInstance): Face {
  return new Face({ cluster, supervisor, table: cluster.own(table), clock: world.clock });
}

// deno-lint-ignore no-explicit-any -- what comes over the wire
async function statesOf(face: Face): Promise<Record<string, any>> {
  const { items } = await face.json("/api/processes?limit=1000");
  // deno-lint-ignore no-explicit-any -- what comes over the wire
  return Object.fromEntries(items.map((item: any) => [item.key, item]));
}

async function twoInstances(world: World): Promise<[TestInstance, TestInstance]> {
  const one = await world.member("a"), other = await world.member("b");
  await world.pass(20 * heartbeatMs);
  return [one, other];
}

Deno.test("each instance shows the keys of all, and who owns them", async () => {
  await using world = await World.open(keys);
  const [one, other] = await twoInstances(world);
  for (const [instance, others] of [[one, other], [other, one]]) {
    const states = await statesOf(faceOf(instance));
    assertEquals(Object.keys(states).sort(), keys.toSorted());
    for (const key of instance.keys) assertEquals([states[key].state, states[key].isSeen], ["running", true]);
    for (const key of others.keys) {
      const { state, isSeen, session } = states[key];
      assertEquals([state, isSeen, session], ["running", false, others.cluster.snapshot().session]);
    }
  }
});

Deno.test("the overview of each instance adds up the counts of all, and reads nothing from the database", async () => {
  await using world = await World.open(keys);
  const one = world.instance("a"), other = world.instance("b");
  const faces = [one, other].map(faceOf);
  for (const instance of [one, other]) instance.begin();
  await world.pass(20 * heartbeatMs);
  for (const face of faces) {
    const overview = await face.json("/api/overview");
    assertEquals(overview.counts, { running: keys.length });
    assertEquals([overview.desired, overview.troubles, overview.isComplete], [keys.length, 0, true]);
    assertEquals(overview.sessions.map(({ id }: { id: string }) => id), ["a-0", "b-0"]);
  }
  for (const { value } of await world.database.read("session")) {
    assertEquals(Object.keys(value.counts as object), ["running"]);
    const bytes = new Blob([JSON.stringify(value)]).size;
    assertEquals(bytes < 300, true, `a session record has ${bytes} bytes`);
  }
});

Deno.test("the overview says that it is not complete while an instance does not count", async () => {
  await using world = await World.open(keys);
  const [one] = await twoInstances(world);
  const overview = await faceOf(one).json("/api/overview");
  assertEquals([overview.isComplete, overview.desired], [false, one.keys.length]);
});

Deno.test("the overview counts the keys of its own instance also where no supervisor is looked at", async () => {
  await using world = await World.open(keys);
  const one = world.instance("a"), _counting = faceOf(one);
  one.begin();
  await world.pass(10 * heartbeatMs);
  const overview = await new Face({ cluster: one.cluster }).json("/api/overview");
  assertEquals([overview.counts, overview.isComplete], [{ running: keys.length }, true]);
});

Deno.test("without its cluster, an owned table tells nothing of who runs the keys of others", async () => {
  await using world = await World.open(keys);
  const [one, other] = await twoInstances(world), { supervisor, cluster, table } = one;
  const face = new Face({ supervisor, table: cluster.own(table), clock: world.clock }), states = await statesOf(face);
  for (const key of one.keys) assertEquals(states[key].state, "running");
  for (const key of other.keys) assertEquals(states[key].state, "unknown");
  assertEquals((await face.json("/api/overview")).isComplete, false);
  const [key] = other.keys;
  const { version } = (await table.get(key))!;
  await table.report({ key, version }, { state: "parked", failures: 3, failingSinceAt: 1, changedAt: 2 });
  const { items } = await face.json("/api/processes?state=parked");
  assertEquals(items.map((item: { key: string }) => item.key), [key]);
});

Deno.test("an instance without a session does not know who runs what, and says that what it shows is not complete", async () => {
  await using world = await World.open(keys);
  const [one, other] = await twoInstances(world), face = faceOf(one);
  one.kv.break(hang());
  await world.pass(ttlMs);
  assertEquals(one.cluster.snapshot().sessions, []);
  assertEquals((await face.json("/api/overview")).isComplete, false);
  const seen = new Face({ cluster: one.cluster, supervisor: one.supervisor, table: other.table, clock: world.clock });
  assertEquals(new Set(Object.values(await statesOf(seen)).map(({ state }) => state)), new Set(["unknown"]));
});

Deno.test("what is paused by one instance stops in the other one, and is told by both", async () => {
  await using world = await World.open(keys);
  const [one, other] = await twoInstances(world), [key] = other.keys;
  assertEquals(await statusOf(faceOf(one).post(`/api/processes/${idOf(key)}/pause`)), 200);
  await world.pass(2 * heartbeatMs);
  assertEquals(other.keys.includes(key), false);
  for (const instance of [one, other]) {
    const { state, pause } = (await statesOf(faceOf(instance)))[key];
    assertEquals([state, pause.by], ["paused", "ops"]);
    const { items } = await faceOf(instance).json("/api/processes?state=paused");
    assertEquals(items.map((item: { key: string }) => item.key), [key]);
  }
});

for (const action of ["start", "abandon"]) {
  Deno.test(`POST ${action} of a key of another instance is 409 and names its session`, async () => {
    await using world = await World.open(keys);
    const [one, other] = await twoInstances(world), [key] = other.keys;
    const answer = await faceOf(one).post(`/api/processes/${idOf(key)}/${action}`);
    const { session } = await answer.json();
    assertEquals([answer.status, session], [409, "b-0"]);
  });

  Deno.test(`POST ${action} of a key that is in no table is 404, whoever owns its slot`, async () => {
    await using world = await World.open(keys);
    const [one] = await twoInstances(world);
    const owners = new Set<unknown>();
    for (const key of manyKeys(40).slice(24)) {
      owners.add(one.cluster.sessionOf(key)?.id);
      assertEquals(await statusOf(faceOf(one).post(`/api/processes/${idOf(key)}/${action}`)), 404);
    }
    assertEquals(owners, new Set(["a-0", "b-0"]));
  });
}

for (const action of ["pause", "resume"]) {
  Deno.test(`POST ${action} of a key of another instance is 409 and names its session where the table has none`, async () => {
    await using world = await World.open(keys);
    const [{ cluster, supervisor }, other] = await twoInstances(world), [key] = other.keys;
    const answer = await new Face({ cluster, supervisor }).post(`/api/processes/${idOf(key)}/${action}`);
    const { session } = await answer.json();
    assertEquals([answer.status, session], [409, "b-0"]);
  });
}

Deno.test("readyz is 200 for an instance that has no slots, and health passes", async () => {
  await using world = await World.open(keys);
  const one = await world.member("a");
  await world.pass(2 * heartbeatMs);
  const late = world.instance("b"), face = faceOf(late);
  assertEquals(await statusOf(face.get("/readyz")), 503);
  late.begin();
  for (let passedMs = 0; passedMs < 3 * heartbeatMs && await statusOf(face.get("/readyz")) === 503; passedMs += 50) {
    await world.pass(50);
  }
  assertEquals(await statusOf(face.get("/readyz")), 200);
  assertEquals([one.keys.length, late.keys.length], [keys.length, 0]);
  assertEquals(await statusOf(face.get("/health")), 200);
});

Deno.test("api/processes?session lists the keys of one instance", async () => {
  await using world = await World.open(keys);
  const [one, other] = await twoInstances(world);
  const { items } = await faceOf(one).json("/api/processes?session=b-0");
  assertEquals(items.map((item: { key: string }) => item.key).sort(), other.keys);
});

Deno.test("an instance that dies ages in the overview of another one, and its keys move", async () => {
  await using world = await World.open(keys);
  const [one, other] = await twoInstances(world), face = faceOf(one);
  other.kv.break(hang());
  await world.pass(ttlMs - heartbeatMs);
  const { sessions } = await face.json("/api/overview");
  assertEquals(sessions[1].heartbeatAgeMs >= ttlMs - 2 * heartbeatMs, true);
  await world.pass(3 * heartbeatMs);
  assertEquals((await face.json("/api/overview")).sessions.length, 1);
  assertEquals(one.keys, keys.toSorted());
});

Deno.test("health fails while the session is fenced", async () => {
  await using world = await World.open(keys);
  const one = world.instance("a"), face = faceOf(one);
  one.begin();
  await world.pass(3 * heartbeatMs);
  assertEquals(await statusOf(face.get("/health")), 200);
  one.kv.break(hang());
  await world.pass(ttlMs);
  assertEquals(await statusOf(face.get("/health")), 503);
});

Deno.test("inspect() takes an owned table, a cluster and a supervisor without a cast", async () => {
  await using world = await World.open(keys);
  const { cluster, supervisor, table } = await world.member("a");
  const handle = inspect({ cluster, supervisor, table: cluster.own(table), authorize: anyone() });
  assertEquals(await statusOf(handle(new Request("http://localhost/metrics"))), 200);
});
