import { assertEquals } from "@std/assert";
import { failWith, hang } from "../../src/testing/mod.ts";
import { heartbeatMs, type TestDatabase, type TestInstance, type TestKv, ttlMs, World } from "./fixtures.ts";

const url = "http://10.0.0.7:8000";

async function infos(database: TestDatabase): Promise<Record<string, unknown>> {
  const rows = database.raw.list({ prefix: ["@pact/supervisor", '["c"]', "info"] });
  return Object.fromEntries((await Array.fromAsync(rows)).map(({ key, value }) => [key.at(-1), value]));
}

/** What an instance knows of each session, by id. */
function known({ cluster }: TestInstance): Record<string, unknown> {
  const { sessions } = cluster.snapshot();
  return Object.fromEntries(sessions.map(({ id, revision, info }) => [id, [revision, info]]));
}

Deno.test("Cluster writes what an instance shows of itself once, with the first record, and deletes it with the last", async () => {
  await using world = await World.open();
  const one = await world.member("a", { revision: "r2", info: { url } }, { bare: true });
  const row = await world.database.raw.get(["@pact/supervisor", '["c"]', "info", "a-0"]);
  assertEquals(row.value, { format: 1, revision: "r2", info: { url } });
  await world.pass(20 * heartbeatMs);
  assertEquals((await world.database.raw.get(row.key)).versionstamp, row.versionstamp);
  const [{ value }] = await world.database.read("session");
  assertEquals([value.first, value.revision, value.info], [row.versionstamp, undefined, undefined]);
  one.leave();
  await world.settle();
  assertEquals([await world.database.sessions(), await infos(world.database)], [[], {}]);
});

Deno.test("Cluster deletes what an instance showed of itself when it declares it dead", async () => {
  await using world = await World.open();
  const one = await world.member("a", { revision: "r1" }, { bare: true });
  await world.member("b", {}, { bare: true });
  one.kv.break(hang());
  await world.pass(ttlMs + 2 * heartbeatMs);
  assertEquals(await infos(world.database), { "b-0": { format: 1, revision: "" } });
});

Deno.test("Cluster.snapshot() shows what each instance shows of itself, which is read once", async () => {
  await using world = await World.open();
  const one = await world.member("a", { info: { url } }, { bare: true });
  const other = await world.member("b", { revision: "r2" }, { bare: true });
  await world.pass(2 * heartbeatMs);
  const expected = { "a-0": ["", { url }], "b-0": ["r2", undefined] };
  assertEquals([known(one), known(other)], [expected, expected]);
  const reads = [one, other].map(({ kv }) => kv.count("getMany"));
  await world.pass(20 * heartbeatMs);
  assertEquals([one, other].map(({ kv }) => kv.count("getMany")), reads);
});

Deno.test("Cluster reads what an instance shows of itself again when that has failed", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  one.kv.inject("getMany", failWith(new Error("oops")));
  await world.member("b", { info: { url } }, { bare: true });
  await world.pass(heartbeatMs);
  assertEquals(one.of("cluster-failed").map(({ operation }) => operation), ["look"]);
  assertEquals(known(one)["b-0"], ["", { url }]);
});

for (const kind of ["info", "revisions"]) {
  Deno.test(`Cluster goes on though the database cannot read a record of the kind ${kind}`, async () => {
    await using world = await World.open();
    const [one, two] = [
      world.instance("a", { revision: "r1" }),
      world.instance("b", { revision: "r2", info: { url } }),
    ];
    for (const { kv } of [one, two]) makeUnreadable(kv, (key) => key[2] === kind && key[3] !== "b-0");
    one.begin({ bare: true });
    two.begin({ bare: true });
    await world.pass(10 * heartbeatMs);
    assertEquals([one.owned.length + two.owned.length, one.callbacks, two.callbacks], [16, 1, 1]);
    assertEquals([known(one)["b-0"], known(one)["a-0"]], [["r2", { url }], [kind === "info" ? "" : "r1", undefined]]);
    assertEquals([...one.of("cluster-failed"), ...two.of("cluster-failed")], []);
  });
}

/** Has the database fail as one does that holds values which it cannot read. */
function makeUnreadable(kv: TestKv, isUnreadable: (key: Deno.KvKey) => boolean): void {
  const [get, getMany] = [kv.get.bind(kv), kv.getMany.bind(kv)];
  const damaged = () => Promise.reject(new TypeError("could not deserialize value"));
  kv.get = (key, options) => isUnreadable(key) ? damaged() : get(key, options);
  kv.getMany = (keys, options) => keys.some(isUnreadable) ? damaged() : getMany(keys, options);
}

Deno.test("Cluster reads ten at a time what instances show of themselves", async () => {
  await using world = await World.open();
  const key = (kind: string, id: number) => ["@pact/supervisor", '["c"]', kind, `f-${id}`];
  for (let id = 0; id < 25; id++) {
    const record = { format: 1, session: `f-${id}`, nonce: 1, ttlMs, slots: 16, accepts: false };
    await world.database.raw.atomic().set(key("session", id), record)
      .set(key("info", id), { format: 1, revision: `r${id}` }).commit();
  }
  const one = await world.member("a", {}, { bare: true });
  const revisions = one.cluster.snapshot().sessions.map(({ revision }) => revision);
  // Three times to see whether its own revision is there already, and three times to know them.
  assertEquals([revisions.filter((each) => each !== "").length, one.kv.count("getMany")], [25, 6]);
});

Deno.test("Cluster takes a session that says nothing of itself for one of no revision, and asks it again when the bell has moved", async () => {
  await using world = await World.open();
  const [session, info] = ["session", "info"].map((kind) => ["@pact/supervisor", '["c"]', kind, "f-0"]);
  const record = { format: 1, session: "f-0", nonce: 1, ttlMs: 100 * ttlMs, slots: 16, accepts: false };
  await world.database.raw.set(session, record);
  const one = await world.member("a", {}, { bare: true });
  await world.pass(10 * heartbeatMs);
  const reads = one.kv.count("getMany");
  await world.pass(10 * heartbeatMs);
  assertEquals([known(one)["f-0"], one.kv.count("getMany")], [["", undefined], reads]);
  await world.database.raw.set(info, { format: 1, revision: "r1" });
  await world.database.raw.set(["@pact/supervisor", '["c"]', "session", "!bell"], 1);
  await world.pass(2 * heartbeatMs);
  assertEquals(known(one)["f-0"], ["r1", undefined]);
});

Deno.test("Cluster.sessionOf() tells which instance owns the slot of a key, and what it shows of itself", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", { info: { url } });
  assertEquals(one.cluster.sessionOf("acme"), { id: "a-0", info: { url }, isSelf: true });
  const other = await world.member("b");
  await world.pass(20 * heartbeatMs);
  const { id, info, isSelf } = other.cluster.sessionOf("acme")!;
  const isTheirs = id === "b-0";
  assertEquals([id, info, isSelf], isTheirs ? ["b-0", undefined, true] : ["a-0", { url }, false]);
});

Deno.test("Cluster.sessionOf() is undefined while no session owns the slot, or the cluster does not run", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  assertEquals(one.cluster.sessionOf("acme"), undefined);
  one.begin();
  await world.settle();
  assertEquals(one.cluster.sessionOf("acme"), undefined);
});
