import { assert, assertEquals } from "@std/assert";
import { nop } from "@pact/supervisor";
import { turn } from "../../src/clock.ts";
import { GainedSlots } from "../../src/cluster/gained_slots.ts";
import type { Instance } from "../../src/cluster/instance.ts";
import { slotOf } from "../../src/cluster/mod.ts";
import { Timing } from "../../src/cluster/timing.ts";
import { historyOf } from "../../src/kv/history.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { place } from "../../src/cluster/placement.ts";
import { failWith, hang, holdReply } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { heartbeatMs, manyKeys, settleMs, TestClock, type TestInstance, ttlMs, World } from "./fixtures.ts";

const keys = manyKeys(64);

/** How many times an instance has listed the table. */
const listings = ({ kv }: TestInstance) => kv.listed.filter((kind) => kind === undefined).length;

/** How many rows an instance has looked at one by one; the rest are of the cluster and of the change log. */
function countLooks(instance: TestInstance): () => number {
  let looks = 0;
  const { kv } = instance, get = kv.get.bind(kv);
  kv.get = (key, options) => {
    if (key[0] === "bots") looks++;
    return get(key, options);
  };
  return () => looks;
}

/** The keys that the second of two instances is to own, in the order of their slots. */
const owners = place(["a-0", "b-0"], 16);
const preferred = keys.filter((key) => owners[slotOf(key, 16)] === "b-0")
  .toSorted((one, other) => slotOf(one, 16) - slotOf(other, 16));

/** An instance that runs all keys, of which some end only when a test lets them, and another one that is about to join. */
async function openJoin(lingering: readonly string[] = []) {
  const world = await World.open(keys);
  for (const key of lingering) world.manners.set(key, { lingers: true, deaf: true });
  const one = await world.member("a");
  await world.pass(5 * heartbeatMs);
  assertEquals(one.keys, keys.toSorted());
  for (const key of lingering) world.manners.delete(key);
  return { world, one, two: world.instance("b") };
}

Deno.test("Supervisor that joins a cluster lists the table once for a hand-over of many steps, and looks at no row", async () => {
  const { world, one, two } = await openJoin();
  await using _world = world;
  const looks = countLooks(two);
  two.begin();
  await world.pass(20 * heartbeatMs);
  const steps = new Set(two.of("slot-claimed").map(({ at }) => at)).size;
  assert(steps > 1, `${steps} steps`);
  assertEquals([[...one.keys, ...two.keys].toSorted(), two.keys.length > 0], [keys.toSorted(), true]);
  assertEquals([listings(two), looks()], [1, 0]);
});

Deno.test("Supervisor that owns no slot does not list the table", async () => {
  const { world, two } = await openJoin();
  await using _world = world;
  two.begin();
  await world.pass(settleMs);
  assertEquals([two.callbacks, two.owned, listings(two)], [1, [], 0]);
});

Deno.test("Supervisor that is left alone lists the table once, however many writes it takes to claim the slots", async () => {
  const { world, one, two } = await openJoin();
  await using _world = world;
  two.begin();
  await world.pass(20 * heartbeatMs);
  const [before, looks] = [listings(one), countLooks(one)];
  two.leave();
  await world.pass(5 * heartbeatMs);
  assertEquals([one.keys, listings(one) - before, looks()], [keys.toSorted(), 1, 0]);
});

Deno.test("Supervisor starts the keys of slots that it gains while a process that it gained before does not come up", async () => {
  const { world, two } = await openJoin();
  await using _world = world;
  const [first] = preferred;
  world.manners.set(first, { hangs: true });
  two.begin();
  await world.pass(20 * heartbeatMs);
  const running = two.supervisor.snapshot().processes.filter(({ state }) => state === "running").map(({ key }) => key);
  assertEquals(running.toSorted(), preferred.slice(1).toSorted());
  // Each of them right after its slot was claimed: what comes up late has held up none.
  const claimedAt = new Map(two.of("slot-claimed").map(({ slot, at }) => [slot, at]));
  for (const { key, sinceAt } of two.supervisor.snapshot().processes) {
    if (key !== first) assertEquals(sinceAt - claimedAt.get(slotOf(key, 16))!, 0, key);
  }
  two.bots.get(first)!.up.resolve();
});

/** A hand-over that stops half-way, since processes of the other instance linger. Returns the keys that are still to come. */
async function openHalfWay() {
  const late = preferred.slice(-8);
  const { world, one, two } = await openJoin(late);
  const looks = countLooks(two);
  two.begin();
  await world.pass(6.5 * heartbeatMs); // it has proven itself, and has its first slots
  assert(two.keys.length > 0);
  const toCome = late.filter((key) => !two.owned.includes(slotOf(key, 16)));
  const release = () => late.forEach((key) => one.bots.get(key)!.down.resolve());
  return { world, one, two, looks, toCome, release };
}

Deno.test("Supervisor starts a key as it is when its slot comes, though its row was read before it was changed", async () => {
  const { world, one, two, looks, toCome, release } = await openHalfWay();
  await using _world = world;
  assert(toCome.length >= 3, `${toCome}`);
  const [changed, gone] = toCome;
  await world.writer.set(changed, "new");
  await world.writer.delete(gone);
  const added = manyKeys(200).find((key) => !keys.includes(key) && slotOf(key, 16) === slotOf(changed, 16))!;
  await world.writer.set(added, "added");
  await world.pass(heartbeatMs / 2);
  release();
  await world.pass(10 * heartbeatMs);
  assertEquals([...one.keys, ...two.keys].toSorted(), [...keys.filter((key) => key !== gone), added].toSorted());
  const versions = await Promise.all([changed, added].map(async (key) => (await world.writer.get(key))!.version));
  assertEquals([changed, added].map((key) => two.supervisor.status(key)?.version), versions);
  assertEquals([listings(two), looks() <= 3, two.bots.has(gone)], [1, true, false]);
});

Deno.test("Supervisor drops rows of slots that do not come, and reads the table again when they do", async () => {
  const { world, one, two, release } = await openHalfWay();
  await using _world = world;
  await world.pass(13 * heartbeatMs);
  const before = listings(two);
  release();
  await world.pass(40 * heartbeatMs);
  assertEquals([[...one.keys, ...two.keys].toSorted(), listings(two) > before], [keys.toSorted(), true]);
});

Deno.test("Supervisor does not start from a row that was read before its last pass, though that has read nothing as it owned nothing", async () => {
  const { world, one, two, toCome, release } = await openHalfWay();
  await using _world = world;
  await two.kv.delete(["@pact/supervisor", '["c"]', "session", "b-0"]);
  while (two.of("session-fenced").length === 0) await world.pass(10);
  const [gone] = toCome;
  await world.database.raw.delete(["bots", gone]); // which no log tells of: a pass finds it
  const pass = watch(two.supervisor.reconcile());
  await world.settle();
  assertEquals([pass.fate, two.owned], ["resolved", []]);
  release();
  one.leave();
  await world.pass(4 * heartbeatMs);
  assertEquals([two.owned.length, two.bots.has(gone)], [16, false]);
  assertEquals(two.keys, keys.filter((key) => key !== gone).toSorted());
});

Deno.test("Supervisor misses no key though a reading of its table was left before its end", async () => {
  const { world, one, two, toCome, release } = await openHalfWay();
  await using _world = world;
  const iterator = two.part[Symbol.asyncIterator]();
  const { done } = await iterator.next();
  await iterator.return!();
  assertEquals([done, (await iterator.next()).done, toCome.length > 0], [false, true, true]);
  release();
  await world.pass(20 * heartbeatMs);
  assertEquals([...one.keys, ...two.keys].toSorted(), keys.toSorted());
});

Deno.test("Cluster.own() gives up a look at a kept row when its signal aborts, and loses no key by that", async () => {
  const { world, one, two, toCome, release } = await openHalfWay();
  await using _world = world;
  let key: string | undefined;
  two.cluster.subscribe((event) => {
    if (event.type !== "slot-claimed" || key !== undefined) return;
    key = toCome.find((each) => slotOf(each, 16) === event.slot);
    two.kv.break(hang(), "get"); // so the log cannot be read, which tells whether the row is up to date
  });
  release();
  await world.pass(heartbeatMs);
  assert(key !== undefined);
  const controller = new AbortController();
  const look = watch(two.part.get(key!, { signal: controller.signal }));
  await world.settle();
  assertEquals(look.fate, "pending");
  controller.abort(new TypeError("enough"));
  await world.settle();
  assertEquals([look.fate, (look.error as Error).message], ["TypeError", "enough"]);
  two.kv.break();
  await world.pass(60 * heartbeatMs);
  assertEquals([...one.keys, ...two.keys].toSorted(), keys.toSorted());
});

Deno.test("Supervisor looks at everything when the rows of gained slots cannot be read, and tells of that", async () => {
  const { world, one, two } = await openJoin();
  await using _world = world;
  two.begin();
  await world.pass(settleMs);
  let failures = 0;
  onListing(two, () => {
    if (failures++ === 0) two.kv.inject("list", failWith(new Error("oops")));
  });
  await world.pass(20 * heartbeatMs);
  assertEquals([...one.keys, ...two.keys].toSorted(), keys.toSorted());
  assertEquals(two.of("cluster-failed").map(({ operation, error }) => `${operation} ${(error as Error).message}`), [
    "changes oops",
  ]);
});

Deno.test("Supervisor starts the keys of slots that it gains while it reads the table", async () => {
  const { world, one, two } = await openJoin();
  await using _world = world;
  const gate = Promise.withResolvers<void>();
  let held = 0;
  onListing(two, () => {
    if (held++ === 0) two.kv.inject("list", holdReply(gate.promise));
  });
  two.begin();
  await world.pass(9 * heartbeatMs);
  const steps = new Set(two.of("slot-claimed").map(({ at }) => at)).size;
  assertEquals([steps > 1, held, two.keys], [true, 1, []]);
  gate.resolve();
  await world.pass(heartbeatMs);
  assertEquals([...one.keys, ...two.keys].toSorted(), keys.toSorted());
});

Deno.test("Supervisor that ends while it reads the rows of gained slots ends at once", async () => {
  const { world, two } = await openJoin();
  await using _world = world;
  two.begin();
  await world.pass(settleMs);
  const gate = Promise.withResolvers<void>();
  onListing(two, () => two.kv.inject("list", holdReply(gate.promise)));
  await world.pass(5 * heartbeatMs);
  assertEquals(listings(two), 1);
  two.leave();
  await world.pass(heartbeatMs);
  assertEquals(two.run.fate, "resolved");
  gate.resolve();
});

/** Calls back right before the instance lists the table. */
function onListing({ kv }: TestInstance, callback: () => void): void {
  const list = kv.list.bind(kv);
  kv.list = (selector, options) => {
    if (("prefix" in selector ? selector.prefix : selector.start)[0] === "bots") callback();
    return list(selector, options);
  };
}

/** The gained slots of a table of three keys, of the slots 0 to 2; which of these are held, or to come, the test says. */
async function openSlots(named: (key: unknown) => void) {
  const kv = await Deno.openKv(":memory:");
  const clock = new TestClock();
  const table = new KvTable<string, number>(kv, { prefix: ["bots"], clock, create: () => nop });
  for (const key of ["a1", "b1", "c1"]) await table.set(key, 1);
  const timing = new Timing({ heartbeatMs, ttlMs });
  const held = new Set<number>(), toCome = new Set([0, 1, 2]);
  const instance = {
    clock,
    timing,
    history: historyOf(kv),
    settings: { slots: 3 },
    slotOf: (key: unknown) => String(key).charCodeAt(0) - "a".charCodeAt(0),
    mayGain: (slot: number) => toCome.has(slot) && !held.has(slot),
    holdsSlot: (slot: number) => held.has(slot),
    failed: () => {},
  };
  const gained = new GainedSlots(table, instance as unknown as Instance, named);
  return {
    kv,
    clock,
    timing,
    held,
    toCome,
    gained,
    async [Symbol.asyncDispose]() {
      await gained.end();
      kv.close();
    },
  };
}

Deno.test("GainedSlots names the keys of all slots though the rows of some are dropped while the keys of others are named", async () => {
  const named: unknown[] = [];
  await using slots = await openSlots((key) => {
    named.push(key);
    if (named.length === 2) slots.clock.advance(slots.timing.keptRowsMs);
  });
  const { gained } = slots;
  gained.gained([0]);
  while (named.length < 1 || !gained.has("b1")) await turn();
  await turn();
  gained.gained([1, 2]);
  for (let turns = 0; turns < 10_000 && named.length < 3; turns++) await turn();
  assertEquals(named, ["a1", "b1", "c1"]);
});

Deno.test("GainedSlots.keepRows() drops rows of before, but for those of slots that are held", async () => {
  const named: unknown[] = [];
  await using slots = await openSlots((key) => named.push(key));
  const { gained, held, toCome } = slots;
  held.add(0);
  gained.gained([0]);
  while (named.length < 1 || !gained.has("c1")) await turn();
  toCome.delete(2);
  const kept = ["a1", "b1", "c1"].map((key) => gained.has(key));
  await gained.keepRows();
  assertEquals([kept, ["a1", "b1", "c1"].map((key) => gained.has(key))], [[true, true, true], [true, false, false]]);
});
