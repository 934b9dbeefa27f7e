import { assert, assertEquals } from "@std/assert";
import { listen } from "../../src/cluster/bell.ts";
import { slotOf } from "../../src/cluster/mod.ts";
import type { Claim } from "../../src/kv/mod.ts";
import { endWatch, failWith } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { heartbeatMs, manyKeys, TestDatabase, World } from "./fixtures.ts";

const key = ["bell"];
const pollMs = 1_000;

/** Listens on a database of its own, until it is disposed of. */
async function open({ isHeard = true, isPolled = true } = {}) {
  const database = await TestDatabase.open();
  const kv = database.handle();
  if (isHeard) kv.hear();
  const read = isPolled ? async () => (await kv.get(key)).versionstamp : undefined;
  const controller = new AbortController();
  const state = { rings: 0, last: "" };
  let heard = Promise.withResolvers<void>();
  const listening = () =>
    watch(listen({ kv, key, clock: database.clock, pollMs, read, signal: controller.signal }, (versionstamp) => {
      state.rings++;
      state.last = versionstamp ?? "";
      heard.resolve();
    }));
  return {
    database,
    kv,
    controller,
    state,
    listening,
    /** Rings, and waits until that was heard. */
    async ring() {
      heard = Promise.withResolvers<void>();
      const { versionstamp } = await database.raw.set(key, 1);
      await heard.promise;
      return versionstamp;
    },
    /** Resolves when the watch has been read so many times. */
    async readings(count: number) {
      for (let tries = 0; kv.count("watch") < count; tries++) {
        assert(tries < 1_000, "the watch is not read");
        await database.settle();
      }
    },
    async [Symbol.asyncDispose]() {
      using _database = database;
      controller.abort();
      await database.settle();
      assertEquals(database.clock.pending, 0);
    },
  };
}

Deno.test("listen() calls back for each change, and not for what stood there before", async () => {
  await using opened = await open();
  await opened.database.raw.set(key, 0);
  opened.listening();
  await opened.readings(2);
  assertEquals(opened.state.rings, 0);
  for (let rings = 1; rings <= 3; rings++) {
    await opened.ring();
    assertEquals(opened.state.rings, rings);
  }
});

Deno.test("listen() tells the commit of the record", async () => {
  await using opened = await open();
  opened.listening();
  await opened.readings(2);
  for (let rings = 0; rings < 2; rings++) assertEquals(await opened.ring(), opened.state.last);
});

Deno.test("listen() never reads the record itself where a watch sees everybody", async () => {
  await using opened = await open({ isPolled: false });
  const { database, kv, state } = opened;
  opened.listening();
  await opened.readings(2);
  await database.pass(100 * pollMs);
  await opened.ring();
  assertEquals([kv.count("get"), state.rings], [0, 1]);
});

Deno.test("listen() opens the watch again a while after it failed, and misses nothing", async () => {
  await using opened = await open();
  const { database, kv, state } = opened;
  opened.listening();
  await opened.readings(2);
  kv.cutWatches(new Error("cut"));
  await database.clock.armed(pollMs);
  await database.raw.set(key, 1);
  assertEquals(state.rings, 0);
  database.clock.advance(pollMs);
  await opened.readings(4);
  assertEquals(state.rings, 1);
  await opened.ring();
  assertEquals(state.rings, 2);
});

Deno.test("listen() opens the watch again a while after it ended by itself", async () => {
  await using opened = await open({ isPolled: false });
  const { database, kv, state } = opened;
  kv.inject("watch", (call) => call());
  kv.inject("watch", endWatch());
  opened.listening();
  await opened.readings(2);
  await database.clock.armed(pollMs);
  await database.raw.set(key, 1);
  database.clock.advance(pollMs);
  await opened.readings(4);
  assertEquals(state.rings, 1);
});

Deno.test("listen() goes on trying while the database cannot be watched", async () => {
  await using opened = await open();
  opened.kv.inject("watch", failWith(new Error("no watch")), 3);
  opened.listening();
  // The watch and the polls pause each by themselves: neither may be taken for the other.
  for (let tries = 0; opened.kv.count("watch") < 5; tries++) {
    assert(tries < 1_000, "the watch is not tried again");
    await opened.database.clock.armed(pollMs);
    opened.database.clock.advance(pollMs);
    await opened.database.settle();
  }
  await opened.ring();
  assertEquals(opened.state.rings, 1);
});

Deno.test("listen() hears by reading what a watch does not tell, as of another OS process on one file", async () => {
  await using opened = await open({ isHeard: false });
  const { database, state } = opened;
  opened.listening();
  await database.clock.armed(pollMs);
  await database.raw.set(key, 1);
  await database.settle();
  assertEquals(state.rings, 0);
  database.clock.advance(pollMs);
  await database.settle();
  assertEquals(state.rings, 1);
});

for (
  const [title, prepare] of [
    ["while it waits for a change", (opened: Awaited<ReturnType<typeof open>>) => opened.readings(2)],
    ["while it waits to try again", async ({ kv, database, readings }: Awaited<ReturnType<typeof open>>) => {
      await readings(2);
      kv.cutWatches(new Error("cut"));
      await database.clock.armed(pollMs);
    }],
  ] as const
) {
  Deno.test(`listen() ends when its signal aborts ${title}, and leaves nothing`, async () => {
    await using opened = await open();
    const listening = opened.listening();
    await prepare(opened);
    opened.controller.abort();
    await opened.database.settle();
    assertEquals([listening.fate, opened.database.clock.pending], ["resolved", 0]);
  });
}

Deno.test("Cluster takes over within a tenth of a heartbeat what an instance leaves where the database can be watched", async () => {
  const keys = manyKeys(40);
  await using world = await World.open(keys);
  const [one, other] = [world.instance("a"), world.instance("b")];
  other.kv.hear();
  for (const instance of [one, other]) instance.begin();
  await world.pass(5 * heartbeatMs + 200); // between two looks
  const before = other.keys.length;
  const [lists, leftAt] = [other.kv.count("list"), world.clock.now()];
  one.leave();
  while (other.kv.count("list") === lists) await world.pass(1); // the watch tells at a moment of its own
  await world.settle();
  const tookMs = world.clock.now() - leftAt;
  assert(before > 0 && before < keys.length);
  assert(tookMs <= heartbeatMs / 10, `${tookMs} ms`);
  assertEquals(other.owned.length, 16);
});

Deno.test("Cluster that polls the bell looks no more often for a ring that its last look has seen", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  await world.pass(5 * heartbeatMs);
  one.kv.listed.length = 0;
  while (one.kv.listed.length === 0) await world.pass(1);
  await world.pass(heartbeatMs - 1); // right before the next look
  await world.database.raw.set(["@pact/supervisor", '["c"]', "session", "!bell"], 1);
  one.kv.listed.length = 0;
  await world.pass(heartbeatMs - 1);
  assertEquals(one.kv.listed, ["session", "claim"]);
});

Deno.test("Cluster without a poll sees a ring that no watch tells of at its next look", async () => {
  const keys = manyKeys(40);
  await using world = await World.open(keys);
  const [one, other] = [world.instance("a"), world.instance("b", { watchSees: "everybody" })];
  for (const instance of [one, other]) instance.begin();
  await world.pass(5 * heartbeatMs + 200); // between two looks
  one.leave();
  await world.pass(heartbeatMs);
  assertEquals([other.owned.length, other.keys], [16, keys.toSorted()]);
});

Deno.test("Cluster mends within five minutes what was done to its claims without a ring", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  await world.pass(5 * heartbeatMs);
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "claim", slotOf("acme", 16)]);
  await world.pass(4 * 60_000);
  assertEquals([one.of("slot-released").length, (await world.database.owners()).size], [0, 15]);
  await world.pass(61_000);
  assertEquals([one.of("slot-released").map(({ cause }) => cause), one.owned.length], [["lost"], 16]);
  await world.pass(2 * heartbeatMs);
  assertEquals([one.keys, (await world.database.owners()).size], [["acme"], 16]);
});

Deno.test("Cluster mends within five minutes tokens that were deleted: writes under their claims are refused", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  await world.pass(5 * heartbeatMs);
  const { check } = one.bots.get("acme")!.claim!;
  await world.database.raw.delete(check.key as Deno.KvKey);
  await world.pass(5 * 60_000 + 2 * heartbeatMs);
  assertEquals([one.of("slot-released").map(({ cause }) => cause), one.owned.length], [["lost"], 16]);
  const write = (claim: Claim) => claim.commit(world.database.raw.atomic());
  assertEquals([one.keys, (await write(one.bots.get("acme")!.claim!)).ok], [["acme"], true]);
});
