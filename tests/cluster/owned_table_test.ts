import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type Entry,
  MapTable,
  nop,
  ProcessElsewhereError,
  type Runnable,
  Supervisor,
  type Table,
} from "@pact/supervisor";
import { ClaimLostError, Cluster, type OwnedTable, slotOf } from "../../src/cluster/mod.ts";
import { place } from "../../src/cluster/placement.ts";
import { KvTable, type KvTableKey } from "../../src/kv/mod.ts";
import { failWith, FaultyKv, hang, holdReply, testTable } from "../../src/testing/mod.ts";
import { settle, watch } from "../supervisor/fixtures/mod.ts";
import {
  fenceMs,
  heartbeatMs,
  manyKeys,
  type OwnedBot,
  settleMs,
  TestClock,
  TestDatabase,
  ttlMs,
  World,
} from "./fixtures.ts";

type Build = (key: KvTableKey, flavour: string) => Runnable;

const ways: Record<string, (cluster: Cluster, kv: Deno.Kv, build: Build) => OwnedTable<KvTableKey, string>> = {
  own: (cluster, kv, build) =>
    cluster.own(
      new KvTable<KvTableKey, string, Runnable>(kv, {
        prefix: ["bots"],
        create: (flavour, key) => build(key, flavour),
        pollMs: 1,
      }),
    ),
  table: (cluster, kv, build) =>
    cluster.table<KvTableKey, string>(kv, {
      prefix: ["bots"],
      create: (flavour, key) => build(key, flavour),
      pollMs: 1,
    }),
};

for (const [way, make] of Object.entries(ways)) {
  testTable<KvTableKey>(`Cluster.${way}() of all slots`, {
    keys: ["a", "b", "1", 1, 1n, true],
    async open(build) {
      const kv = await Deno.openKv(":memory:");
      const clock = new TestClock();
      const cluster = new Cluster(kv, { allowLocal: true, clock, heartbeatMs });
      const table = make(cluster, kv, build);
      const [up, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const run = cluster.run(() => {
        up.resolve();
        return over.promise;
      });
      await clock.armed(settleMs);
      clock.advance(settleMs);
      await up.promise;
      return {
        table: leased(table),
        set: (key, flavour) => table.set(key, flavour),
        delete: (key) => table.delete(key),
        pause: (key) => table.pause(key),
        resume: (key) => table.resume(key),
        async close() {
          over.resolve();
          await run;
          kv.close();
        },
      };
    },
  });
}

/** Asks for a lease before anything is built, as a supervisor does. */
function leased<K>(table: Table<K, Runnable>): Table<K, Runnable> {
  const wrap = (entry: Entry<K, Runnable>): Entry<K, Runnable> => ({
    key: entry.key,
    version: entry.version,
    pause: entry.pause,
    trouble: entry.trouble,
    get: async () => {
      const lease = entry.lease!()!;
      try {
        return await entry.get();
      } finally {
        lease.release();
      }
    },
  });
  return {
    sweepMs: table.sweepMs,
    get: async (key, options) => {
      const entry = await table.get(key, options);
      return entry && wrap(entry);
    },
    changes: (options) => table.changes!(options),
    absence: (key) => table.absence!(key),
    report: (entry, trouble) => table.report!(entry, trouble),
    [Symbol.asyncIterator]() {
      const iterator = table[Symbol.asyncIterator]();
      return {
        next: async () => {
          const { done, value } = await iterator.next();
          return done ? { done, value: undefined } : { done, value: wrap(value) };
        },
        return: () => iterator.return!(),
      };
    },
  };
}

type Owned = Table<string, OwnedBot>;

async function keysOf(table: Owned): Promise<string[]> {
  return (await Array.fromAsync({ [Symbol.asyncIterator]: () => table[Symbol.asyncIterator]() })).map(({ key }) => key)
    .sort();
}

/** Reads the changes of a table as they come, until its world ends. */
function follow(table: Owned, world: World) {
  const controller = new AbortController();
  const heard: (string | undefined)[] = [];
  const reading = (async () => {
    for await (const key of table.changes!({ signal: controller.signal })) heard.push(key);
  })();
  return {
    heard,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await world.settle();
      await reading;
    },
  };
}

const keys = manyKeys(40);

/** Two instances that share 40 keys; what the first one would own, and what it would not, when the second has joined. */
async function openShared() {
  const world = await World.open(keys);
  const one = await world.member("a", {}, { bare: true });
  const preferred = place(["a-0", "b-0"], 16);
  const isOurs = (key: string) => preferred[slotOf(key, 16)] === "a-0";
  return {
    world,
    one,
    owned: one.cluster.own(one.table),
    ours: keys.filter(isOurs),
    theirs: keys.filter((key) => !isOurs(key)),
  };
}

Deno.test("Cluster.own() asks for a pass as often as the whole table does", async () => {
  await using world = await World.open(["acme"]);
  const one = world.instance("a");
  const table = new KvTable(one.kv, { prefix: ["bots"], sweepMs: 123_456, create: () => nop });
  assertEquals(one.cluster.own(table).sweepMs, 123_456);
  one.begin({ bare: true });
});

Deno.test("Cluster.own() gives a table that fails while the cluster does not run", async () => {
  await using world = await World.open(["acme"]);
  const one = world.instance("a");
  const owned = one.cluster.own(one.table);
  await assertRejects(() => owned.get("acme"), Error, "its cluster does not run; run chain(cluster, supervisor)");
  await assertRejects(() => keysOf(owned), Error, "its cluster does not run");
  one.begin({ bare: true });
});

Deno.test("Cluster.own() does not ask the database for a key that is not ours", async () => {
  await using world = await World.open(["acme"]);
  const one = world.instance("a");
  one.begin({ bare: true }); // it owns nothing yet
  assertEquals(await one.cluster.own(one.table).get("acme"), undefined);
  const reads = one.kv.count("get");
  await one.cluster.own(one.table).get("acme");
  assertEquals(one.kv.count("get"), reads);
});

Deno.test("Cluster.own() has no keys in slots of others, once these are handed over", async () => {
  const { world, owned, ours, theirs } = await openShared();
  await using _world = world;
  assertEquals(await keysOf(owned), keys.toSorted());
  const other = await world.member("b", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  const others = other.cluster.own(other.table);
  assertEquals([await keysOf(owned), await keysOf(others)], [ours.toSorted(), theirs.toSorted()]);
  assert(ours.length > 0 && theirs.length > 0);
  for (const key of keys) {
    assertEquals([!!await owned.get(key), !!await others.get(key)], [ours.includes(key), theirs.includes(key)], key);
  }
});

Deno.test("Cluster.own() gives no lease to an entry that was read before its slot was handed over", async () => {
  const { world, owned, ours, theirs } = await openShared();
  await using _world = world;
  const [kept, gone] = [(await owned.get(ours[0]))!, (await owned.get(theirs[0]))!];
  await world.member("b", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  assertEquals([kept.lease?.() === undefined, gone.lease?.()], [false, undefined]);
});

Deno.test("Cluster.own() yields no entry whose slot is handed over during the iteration", async () => {
  const { world, owned, ours } = await openShared();
  await using _world = world;
  const iterator = owned[Symbol.asyncIterator]();
  const seen = [(await iterator.next()).value.key];
  await world.member("b", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) seen.push(next.value.key);
  assertEquals(seen.slice(1).filter((key) => !ours.includes(key)), []);
  assertEquals(ours.filter((key) => !seen.includes(key)), []);
});

Deno.test("Cluster.own() has no key whose slot is handed over while it is being read", async () => {
  const { world, one, owned, theirs } = await openShared();
  await using _world = world;
  const first = theirs.toSorted((a, b) => slotOf(a, 16) - slotOf(b, 16))[0]; // slots are handed over one by one, in order
  const gate = Promise.withResolvers<void>();
  one.kv.inject("getMany", holdReply(gate.promise));
  const get = watch(owned.get(first));
  await world.member("b", {}, { bare: true });
  await world.pass(2 * heartbeatMs); // it is seen to join, and then to beat
  assertEquals([get.fate, one.owned.includes(slotOf(first, 16))], ["pending", false]);
  gate.resolve();
  await settle();
  assertEquals([get.fate, get.value], ["resolved", undefined]);
});

Deno.test("Cluster.own().changes() names the keys of processes whose slot is handed over", async () => {
  const { world, owned, theirs } = await openShared();
  await using _world = world;
  const leases = new Map<string, { release(): unknown }>();
  for (const key of theirs) leases.set(key, (await owned.get(key))!.lease!()!);
  await using changes = follow(owned, world);
  await world.pass(2 * heartbeatMs); // this one has proven itself
  await world.member("b", {}, { bare: true });
  await world.pass(3 * heartbeatMs); // and so has the other one
  const first = [...changes.heard];
  assert(first.length > 0, "nothing is named");
  assertEquals(first.filter((key) => key === undefined || !theirs.includes(key)), []);
  assertEquals(await owned.get(first[0]!), undefined);
  for (const lease of leases.values()) lease.release();
});

Deno.test("Cluster.own().changes() names the keys of a handed over slot whose process has ended, unless they are gone", async () => {
  const { world, owned, theirs } = await openShared();
  await using _world = world;
  await using changes = follow(owned, world);
  const leases = new Map<string, { release(): unknown }>();
  for (const key of theirs) leases.set(key, (await owned.get(key))!.lease!()!);
  const gone = theirs.filter((_, index) => index % 2 === 0);
  for (const key of gone) assertEquals(owned.absence(key), undefined);
  for (const lease of leases.values()) lease.release();
  await world.pass(2 * heartbeatMs); // this one has proven itself
  await world.member("b", {}, { bare: true });
  await world.pass(3 * heartbeatMs); // and so has the other one
  const heard = [...changes.heard];
  assert(heard.length > 0, "nothing is named");
  assertEquals(heard.filter((key) => key === undefined || !theirs.includes(key) || gone.includes(key)), []);
});

Deno.test("Cluster.own().changes() says nothing of keys in a handed over slot that have not run", async () => {
  const { world, owned } = await openShared();
  await using _world = world;
  await using changes = follow(owned, world);
  await world.settle();
  await world.member("b", {}, { bare: true });
  await world.pass(5 * heartbeatMs);
  assertEquals(changes.heard, []);
});

Deno.test("Cluster.own().changes() names the keys of slots that are gained, and says nothing of others", async () => {
  const { world, one, owned, theirs } = await openShared();
  await using _world = world;
  const other = await world.member("b", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  await using changes = follow(owned, world);
  await world.settle();
  const before = one.owned.length;
  other.leave();
  await world.pass(2 * heartbeatMs);
  assertEquals([changes.heard.toSorted(), before < 16, one.owned.length], [theirs.toSorted(), true, 16]);
});

Deno.test("Cluster.own().changes() does not say undefined when nothing is gained", async () => {
  const { world, owned } = await openShared();
  await using _world = world;
  await using changes = follow(owned, world);
  await world.pass(10 * heartbeatMs);
  assertEquals(changes.heard, []);
});

Deno.test("Cluster.own().changes() names our changed keys and not those of others", async () => {
  const { world, owned, ours, theirs } = await openShared();
  await using _world = world;
  await world.member("b", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  await using changes = follow(owned, world);
  await world.settle();
  for (const key of [ours[0], theirs[0], ours[1]]) await world.writer.set(key, 1);
  await world.pass(heartbeatMs);
  assertEquals(changes.heard, [ours[0], ours[1]]);
});

Deno.test("Cluster.own().changes() goes on when the changes of the table fail, announces it and says undefined", async () => {
  const { world, one, owned, ours } = await openShared();
  await using _world = world;
  one.kv.inject("get", failWith(new Error("oops")));
  await using changes = follow(owned, world);
  await world.pass(999);
  assertEquals([changes.heard, one.of("cluster-failed").map(({ operation }) => operation)], [[], ["changes"]]);
  await world.pass(1);
  assertEquals(changes.heard, [undefined]);
  await world.writer.set(ours[0], 1);
  await world.pass(heartbeatMs);
  assertEquals(changes.heard, [undefined, ours[0]]);
});

const forSeconds: readonly (readonly [seconds: number, failures: number])[] = [
  [1, 2],
  [3, 3],
  [7, 4],
  [15, 5],
  [31, 6],
  [63, 7],
  [
    123,
    8,
  ],
  [183, 9],
];

Deno.test("Cluster.own().changes() are followed again after 1 s, and after twice as long each further time, up to a minute", async () => {
  const { world, one, owned } = await openShared();
  await using _world = world;
  let calls = 0;
  one.kv.break(() => Promise.reject(new Error(`oops ${calls++}`)), "get"); // each is announced, as none is like another
  await using changes = follow(owned, world);
  const counted: (readonly [number, number])[] = [];
  for (const [seconds] of forSeconds) {
    await world.pass(1_000 * (seconds - (counted.at(-1)?.[0] ?? 0)));
    const failures = one.of("cluster-failed").filter(({ operation }) => operation === "changes");
    counted.push([seconds, failures.length]);
  }
  assertEquals(counted, forSeconds);
  assertEquals(changes.heard.length, forSeconds.length); // everything was looked at as often as that
});

Deno.test("Cluster.own().changes() that tell of a key again are followed after 1 s when they fail", async () => {
  const { world, one, owned, ours } = await openShared();
  await using _world = world;
  one.kv.inject("get", failWith(new Error("oops")), 3);
  await using changes = follow(owned, world);
  await world.pass(7_000);
  await world.writer.set(ours[0], 1);
  await world.pass(heartbeatMs);
  assertEquals(changes.heard.at(-1), ours[0]);
  const failures = one.of("cluster-failed").length;
  one.kv.break(failWith(new Error("oops")), "get");
  await world.pass(heartbeatMs + 999);
  one.kv.break();
  assertEquals(one.of("cluster-failed").length - failures, 1);
  await world.pass(1);
  assertEquals(changes.heard.at(-1), undefined);
});

Deno.test("Supervisor in a cluster makes no more passes over a table that fails than one without", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const alone = new Supervisor(one.table, { clock: world.clock, random: () => 0.5 });
  const failed = [0, 0];
  for (const [index, supervisor] of [one.supervisor, alone].entries()) {
    supervisor.subscribe((event) => {
      if (event.type === "table-failed" && event.operation === "iterate") failed[index]++;
    });
  }
  const over = Promise.withResolvers<void>();
  const run = watch(alone.run(() => over.promise, { signal: new AbortController().signal }));
  world.mayOverlap = true; // both run the key
  await world.pass(2 * heartbeatMs);
  one.kv.break(failWith(new Error("oops")), "get", "list");
  await world.pass(30_000);
  const [inCluster, withoutOne] = failed;
  one.kv.break();
  over.resolve();
  await world.pass(heartbeatMs);
  // They begin at moments of their own, which may make a difference of one.
  assertEquals([run.fate, inCluster > 0, inCluster <= withoutOne + 1], ["resolved", true, true], `${failed}`);
});

Deno.test("Cluster.own() ends a reading of the database when its iteration is left", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", {}, { bare: true });
  one.kv.inject("list", hang());
  const iterator = one.cluster.own(one.table)[Symbol.asyncIterator]();
  const next = watch(iterator.next());
  await world.settle();
  const before = world.clock.pending;
  await iterator.return!();
  await world.settle();
  assertEquals([next.value, before - world.clock.pending], [{ done: true, value: undefined }, 1]);
});

Deno.test("Cluster.own().changes() of a view that has ended is told nothing any more", async () => {
  const { world, owned } = await openShared();
  await using _world = world;
  const controller = new AbortController();
  const changes = owned.changes!({ signal: controller.signal })[Symbol.asyncIterator]();
  const next = watch(changes.next());
  await world.settle();
  controller.abort();
  await world.settle();
  assertEquals([next.value, world.clock.timersSet > 0], [{ done: true, value: undefined }, true]);
});

Deno.test("Cluster.own() gives create the claim of the slot", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const slot = slotOf("acme", 16);
  const row = (await world.database.read("claim")).find(({ key }) => key.at(-1) === slot)!;
  const claim = one.bots.get("acme")!.claim!;
  const key = ["@pact/supervisor", '["c"]', "token", slot, "a-0"];
  assertEquals(claim.check, { key, versionstamp: row.versionstamp });
  assertEquals([claim.token, claim.signal.aborted], [row.versionstamp, false]);
});

Deno.test("KvTable gives create no claim outside of a cluster", async () => {
  await using world = await World.open(["acme"]);
  const one = world.instance("a");
  const bot = await (await one.table.get("acme"))!.get();
  assertEquals(bot.claim, undefined);
  one.begin({ bare: true });
});

Deno.test("Cluster.own() gives an entry the claim that it has when it is started, not when it was read", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", {}, { bare: true });
  const entry: Entry<string, OwnedBot> = (await one.cluster.own(one.table).get("acme"))!;
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(2 * heartbeatMs); // fenced, and a member again
  const lease = entry.lease!()!;
  const { claim } = await entry.get();
  assertEquals([one.cluster.snapshot().session, claim?.signal.aborted, lease.signal.aborted], ["a-1", false, false]);
  const { ok } = await claim!.commit(one.kv.atomic().set(["out"], 1));
  assertEquals(ok, true);
  lease.release();
});

Deno.test("A write with the check of a claim lands as long as the claim is held, through many heartbeats", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const { check } = one.bots.get("acme")!.claim!;
  await world.pass(20 * heartbeatMs);
  assertEquals((await one.kv.atomic().check(check).set(["out"], 1).commit()).ok, true);
});

Deno.test("A write with the check of a claim is refused when another session has taken the slot", async () => {
  await using world = await World.open(["acme"]);
  world.mayOverlap = true;
  world.manners.set("acme", { deaf: true, lingers: true });
  const one = await world.member("a");
  const bot = one.bots.get("acme")!;
  one.kv.break(failWith(new Error("cut off")));
  await world.member("b");
  await world.pass(2 * ttlMs);
  const former = await world.database.raw.atomic().check(bot.claim!.check).set(["out"], 1).commit();
  const other = world.instances[1].bots.get("acme")!.claim!;
  const present = await world.database.raw.atomic().check(other.check).set(["out"], 2).commit();
  assertEquals([former.ok, present.ok, other.token > bot.claim!.token], [false, true, true]);
  bot.down.resolve();
});

Deno.test("A claim is aborted with ClaimLostError when its session is fenced", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const { signal } = one.bots.get("acme")!.claim!;
  one.kv.break(failWith(new Error("cut off")));
  await world.pass(fenceMs - settleMs - 1);
  assertEquals(signal.aborted, false);
  await world.pass(1);
  assert(signal.reason instanceof ClaimLostError, String(signal.reason));
  assertEquals(signal.reason.message, "The claim is lost: no heartbeat was acknowledged for 2000 ms");
});

Deno.test("Cluster.own() has no keys after a stall, before any timer has fired", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const owned = one.cluster.own(one.table);
  const entry = (await owned.get("acme"))!;
  world.clock.stalledMs = fenceMs;
  assertEquals(entry.lease!(), undefined);
  assertEquals([await owned.get("acme"), one.bots.get("acme")!.claim!.signal.aborted], [undefined, true]);
});

for (const key of ["k".repeat(3_000), NaN, "\ud800", 2n ** 3_000n]) {
  const shown = String(key).slice(0, 5);
  Deno.test(`Cluster.own() refuses the key ${shown} as KvTable does, whichever instance owns its slot`, async () => {
    using kv = await Deno.openKv(":memory:");
    const table = new KvTable(kv, { prefix: ["bots"], create: () => ({ run: async () => {} }) });
    const owned = new Cluster(kv).own(table);
    const { message } = await assertRejects(() => owned.get(key), TypeError);
    for (const call of [() => table.get(key), () => table.set(key, 1), () => table.delete(key)]) {
      assertEquals((await assertRejects(call, TypeError)).message, message);
    }
  });
}

Deno.test("Cluster.own() refuses a table on another handle than its own", async () => {
  using kv = await Deno.openKv(":memory:");
  using other = await Deno.openKv(":memory:");
  const table = new KvTable(other, { prefix: ["bots"], create: () => ({ run: async () => {} }) });
  const expected = "it must be made with the same Deno.Kv as the cluster";
  assertThrows(() => new Cluster(kv).own(table), TypeError, expected);
  new Cluster(other).own(table);
});

Deno.test("Cluster.own() takes a table whose handle is wrapped: whether it is another one cannot be told", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(new FaultyKv(kv), { prefix: ["bots"], create: () => ({ run: async () => {} }) });
  new Cluster(kv).own(table);
});

for (const table of [undefined, null, {}, new Map(), new MapTable()]) {
  Deno.test(`Cluster.own() refuses ${Deno.inspect(table)} as a table`, async () => {
    using kv = await Deno.openKv(":memory:");
    const given = table as unknown as KvTable<string, unknown>;
    assertThrows(() => new Cluster(kv).own(given), TypeError, "Cannot own the table: it must be a KvTable");
  });
}

Deno.test("Cluster.own() says of a key of another instance where it lives, and of one of ours nothing", async () => {
  const { world, one, owned, ours, theirs } = await openShared();
  await using _world = world;
  await world.member("b", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  const { cause, error } = one.cluster.own(one.table).absence(theirs[0])!;
  assertInstanceOf(error, ProcessElsewhereError);
  const { key, session } = error as ProcessElsewhereError;
  assertEquals([cause, key, session], ["moved", theirs[0], "b-0"]);
  assertEquals([owned.absence?.(ours[0]), owned.absence?.("none")?.cause], [
    undefined,
    ours.some((key) => slotOf(key, 16) === slotOf("none", 16)) ? undefined : "moved",
  ]);
});

Deno.test("Cluster.own() says of a key whose slot it is handing over that it has moved, and names no owner", async () => {
  const { world, one, owned, theirs } = await openShared();
  await using _world = world;
  const leases = [];
  for (const key of theirs) leases.push((await owned.get(key))!.lease!()!);
  await world.member("b", {}, { bare: true });
  await world.pass(2 * heartbeatMs); // it is seen to join, and then to beat
  const { handingOver } = one.cluster.snapshot().slots;
  const leaving = theirs.find((key) => handingOver.includes(slotOf(key, 16)))!;
  assertEquals(await owned.get(leaving), undefined);
  const { cause, error } = owned.absence!(leaving)!;
  assertEquals([cause, (error as ProcessElsewhereError).session], ["moved", undefined]);
  for (const lease of leases) lease.release();
});

Deno.test("Supervisor in a cluster rejects a start of a key that lives elsewhere, and says where", async () => {
  await using world = await World.open(keys);
  const one = await world.member("a");
  const two = await world.member("b", { info: { url: "http://two" } });
  await world.pass(20 * heartbeatMs);
  const theirs = two.keys[0];
  for (const operation of ["start", "ensure", "restart"] as const) {
    const call = watch(one.supervisor[operation](theirs));
    await world.settle();
    const { session, info } = call.error as ProcessElsewhereError;
    assertEquals([call.fate, session, info], ["ProcessElsewhereError", "b-0", { url: "http://two" }]);
  }
  const absent = watch(one.supervisor.start(absentKey(one)));
  await world.settle();
  assertEquals(absent.fate, "ProcessNotFoundError");
});

/** A key without an entry that the instance would own. */
function absentKey(one: { readonly owned: readonly number[] }): string {
  return manyKeys(100).find((key) => !keys.includes(key) && one.owned.includes(slotOf(key, 16)))!;
}

Deno.test("Supervisor in a cluster announces a process as moved when its slot is handed over, and as deleted when its entry is", async () => {
  await using world = await World.open(keys);
  const one = await world.member("a");
  const removed: string[] = [];
  one.supervisor.subscribe((event) => {
    if (event.type === "removed") removed.push(`${event.key} ${event.cause}`);
  });
  await world.pass(heartbeatMs);
  await world.writer.delete("key-0");
  await world.pass(2 * heartbeatMs);
  assertEquals(removed, ["key-0 deleted"]);
  const two = await world.member("b");
  await world.pass(20 * heartbeatMs);
  assertEquals(removed.slice(1).toSorted(), two.keys.map((key) => `${key} moved`).toSorted());
  assert(two.keys.length > 0);
});

Deno.test("Cluster.table() writes to the whole table, and reads it there", async () => {
  await using world = await World.open(keys);
  const one = world.instance("a");
  const table = one.cluster.table(one.kv, { prefix: ["bots"], create: (_spec: number | null, _key: string) => nop });
  await table.set("key-0", 7);
  await table.delete("key-1");
  await table.touch("key-2");
  assertEquals(await (await table.whole.get("key-0"))?.spec(), 7);
  assertEquals([await table.whole.get("key-1"), table.sweepMs], [undefined, table.whole.sweepMs]);
  one.begin({ bare: true });
});

Deno.test("Cluster.table() builds no process outside of the cluster", async () => {
  await using world = await World.open(keys);
  const one = world.instance("a");
  const table = one.cluster.table(one.kv, { prefix: ["bots"], create: (_spec: null, _key: string) => nop });
  const entry = (await table.whole.get("key-0"))!;
  await assertRejects(() => entry.get(), Error, 'Cannot build process "key-0": it runs under no claim');
  one.begin({ bare: true });
});

for (
  const [kind, change, message] of [
    ["without create", { create: undefined }, "Cannot use the option create: it must be a function"],
    ["with a wrong clock", { clock: {} }, "Cannot use the option clock"],
    ["with a wrong prefix", { prefix: "bots" }, "prefix"],
    ["with a wrong sweepMs", { sweepMs: 0 }, "Cannot use the option sweepMs"],
  ] as const
) {
  Deno.test(`Cluster.table() refuses options ${kind}`, async () => {
    using kv = await Deno.openKv(":memory:");
    const cluster = new Cluster(kv, { allowLocal: true });
    const options = { prefix: ["bots"], create: () => nop, ...change };
    assertThrows(() => cluster.table(kv, options as never), Error, message);
  });
}

Deno.test("Cluster.table() refuses another handle than that of the cluster, and what is none", async () => {
  using kv = await Deno.openKv(":memory:");
  using other = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { allowLocal: true });
  const options = { prefix: ["bots"], create: () => nop };
  assertThrows(() => cluster.table(other, options), TypeError, "the same Deno.Kv as the cluster");
  assertThrows(() => cluster.table(undefined as never, options), TypeError, "Cannot");
});

for (
  const { watchSees, heartbeatMs, pollMs, polls } of [
    { watchSees: "everybody", heartbeatMs: 60_000, pollMs: undefined, polls: 10 },
    { watchSees: "everybody", heartbeatMs: 5_000, pollMs: undefined, polls: 20 },
    { watchSees: "everybody", heartbeatMs: 60_000, pollMs: 10_000, polls: 60 },
    { watchSees: "this process", heartbeatMs: 60_000, pollMs: undefined, polls: 3_000 },
  ] as const
) {
  const given = pollMs === undefined ? "" : ` and a pollMs of ${pollMs}`;
  Deno.test(`Cluster.table() is polled ${polls} times in 10 minutes where a watch sees ${watchSees}, with a heartbeat of ${heartbeatMs} ms${given}`, async () => {
    using database = await TestDatabase.open();
    const { clock } = database, kv = database.handle();
    const cluster = new Cluster(kv, {
      allowLocal: true,
      clock,
      random: () => 0.5,
      watchSees,
      heartbeatMs,
      ttlMs: 180_000,
    });
    const table = cluster.table(kv, { prefix: ["bots"], create: (_spec: null, _key: string) => nop, pollMs });
    const controller = new AbortController();
    const changes = table.whole.changes({ signal: controller.signal })[Symbol.asyncIterator]();
    const next = changes.next();
    await database.settle();
    const before = kv.count("get");
    await database.pass(600_000);
    assertEquals(kv.count("get") - before, polls);
    controller.abort();
    await next;
  });
}
