import { assertEquals, assertRejects } from "@std/assert";
import { Spectator } from "../../src/cluster/spectator.ts";
import { KvTimeoutError } from "../../src/kv/errors.ts";
import { hang } from "../../src/testing/mod.ts";
import { heartbeatMs, type TestKv, ttlMs, World } from "./fixtures.ts";

function spectate({ database, clock }: World): { readonly kv: TestKv; readonly spectator: Spectator } {
  const kv = database.handle();
  return { kv, spectator: new Spectator(kv, { prefix: ["c"], clock }) };
}

/** Looks, and tells each session's id, age and counts, and how many slots have no owner. */
async function look(spectator: Spectator, maxAgeMs = 0): Promise<unknown[]> {
  await spectator.look(maxAgeMs);
  const { sessions, slots } = spectator.snapshot();
  return [...sessions.map(({ id, heartbeatAgeMs, counts }) => [id, heartbeatAgeMs, counts]), slots.unowned.length];
}

Deno.test("Spectator sees sessions, their slots and counts, and owns and writes nothing", async () => {
  await using world = await World.open();
  const one = await world.member("a", { info: { region: "ams" } }, { bare: true });
  one.cluster.countBy(() => ({ running: 2 }));
  await world.pass(2 * heartbeatMs);
  const { kv, spectator } = spectate(world);
  assertEquals(await look(spectator), [["a-0", 0, { running: 2 }], 0]);
  const { state, session, sessions: [{ isSelf, slots, info }], slots: { total, owned } } = spectator.snapshot();
  assertEquals([state, session, isSelf, slots, info], ["stopped", undefined, false, 16, { region: "ams" }]);
  assertEquals([total, owned], [16, []]);
  assertEquals(spectator.sessionOf("acme"), { id: "a-0", info: { region: "ams" }, isSelf: false });
  assertEquals([kv.count("set"), kv.count("delete"), kv.count("commit")], [0, 0, 0]);
});

Deno.test("Spectator says that there is no session in a database without one", async () => {
  await using world = await World.open();
  const { spectator } = spectate(world);
  assertEquals(await look(spectator), [0]);
  assertEquals([spectator.snapshot().slots.total, spectator.sessionOf("acme")], [0, undefined]);
});

Deno.test("Spectator sees the last session age and die, though nobody is left to delete its record", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  one.cluster.countBy(() => ({ running: 2 }));
  await world.pass(2 * heartbeatMs);
  const { spectator } = spectate(world);
  await spectator.look(0);
  one.kv.break(hang());
  await world.pass(ttlMs - 1);
  assertEquals(await look(spectator), [["a-0", ttlMs - 1, { running: 2 }], 0]);
  await world.pass(1);
  assertEquals([await look(spectator), spectator.sessionOf("acme")], [[16], undefined]);
  assertEquals(await world.database.sessions(), ["a-0"]);
});

Deno.test("Spectator reads nothing while its last look is young enough, and then one listing for all that ask at once", async () => {
  await using world = await World.open();
  await world.member("a", {}, { bare: true });
  const { kv, spectator } = spectate(world);
  await spectator.look(0);
  const once = kv.count("list");
  await world.pass(999);
  await spectator.look(1_000);
  assertEquals(kv.count("list"), once);
  await world.pass(1);
  await Promise.all([spectator.look(1_000), spectator.look(1_000)]);
  assertEquals(kv.count("list"), once + 1);
});

Deno.test("Spectator rejects when the database does not answer, shows what it knew as old as it is, and goes on when it does", async () => {
  await using world = await World.open();
  await world.member("a", {}, { bare: true });
  const { kv, spectator } = spectate(world);
  await spectator.look(0);
  kv.break(hang());
  const lost = assertRejects(() => spectator.look(0), KvTimeoutError);
  await world.pass(10_000);
  await lost;
  kv.break();
  const [{ id, heartbeatAgeMs }] = spectator.snapshot().sessions;
  assertEquals([id, heartbeatAgeMs], ["a-0", 10_000]); // older than its time to live, but not seen to be dead
  assertEquals(await look(spectator), [["a-0", 0, undefined], 0]);
});

Deno.test("Spectator learns of other slots when the sessions that had the old ones are gone", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const { spectator } = spectate(world);
  assertEquals(await look(spectator), [["a-0", 0, undefined], 0]);
  one.leave();
  await world.pass(heartbeatMs);
  const other = await world.member("b", { slots: 8 }, { bare: true });
  other.cluster.countBy(() => ({ running: 1 }));
  await world.pass(2 * heartbeatMs);
  assertEquals(await look(spectator), [["b-0", 0, { running: 1 }], 0]);
  assertEquals(spectator.snapshot().slots.total, 8);
});
