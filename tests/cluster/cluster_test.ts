import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Cluster } from "../../src/cluster/mod.ts";
import { failLocked, failWith, hang, holdReply } from "../../src/testing/mod.ts";
import { ErrorConsole, watch } from "../supervisor/fixtures/mod.ts";
import {
  fenceMs,
  graceMs,
  heartbeatMs,
  manyKeys,
  settleMs,
  type TestInstance,
  timeoutMs,
  ttlMs,
  World,
} from "./fixtures.ts";

const oops = new Error("oops");
const keys = manyKeys(40);

/** Two instances that share 40 keys and have come to rest. */
async function openPair() {
  const world = await World.open(keys);
  const [one, other] = [await world.member("a"), await world.member("b")];
  await world.pass(20 * heartbeatMs);
  for (const instance of [one, other]) instance.take();
  return { world, one, other };
}

/** Cuts an instance off from the database for good, as a machine that dies; it cannot say so. */
function kill({ kv }: TestInstance): void {
  kv.break(hang());
}

Deno.test("Cluster.run() calls back when the first slots are taken", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  one.begin();
  await world.pass(settleMs - 1);
  assertEquals([one.callbacks, one.owned.length], [0, 0]);
  await world.pass(1);
  assertEquals([one.callbacks, one.owned.length], [1, 16]);
});

Deno.test("Cluster.run() calls back although others own everything yet", async () => {
  await using world = await World.open(keys);
  await world.member("a");
  const other = await world.member("b");
  assertEquals([other.callbacks, other.owned, other.keys], [1, [], []]);
});

Deno.test("Cluster.run() does not call back when its session is buried before it has taken a slot", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  one.begin();
  await world.settle();
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(settleMs);
  assertEquals([one.of("session-fenced").length, one.callbacks], [1, 0]);
  await world.pass(heartbeatMs);
  assertEquals([one.callbacks, one.owned.length], [1, 16]);
});

Deno.test("Cluster.run() hands a signal to the callback that aborts with its own one, for the same reason", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  const controller = new AbortController();
  const given = Promise.withResolvers<AbortSignal>();
  const run = watch(one.cluster.run((signal) => {
    given.resolve(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }, { signal: controller.signal }));
  await world.pass(settleMs);
  const signal = await given.promise;
  assertEquals(signal.aborted, false);
  controller.abort(oops);
  assertStrictEquals(signal.reason, oops);
  await world.until(() => run.fate !== "pending");
  assertStrictEquals(run.error, oops);
  one.begin();
});

Deno.test("Cluster.run() rejects with what its callback throws, after it has left", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  const run = assertRejects(() => one.cluster.run(() => Promise.reject(oops)));
  await world.pass(settleMs);
  assertStrictEquals(await run, oops);
  assertEquals([await world.database.sessions(), one.cluster.snapshot().state], [[], "stopped"]);
  one.begin();
});

for (const callback of [undefined, null, 1, {}]) {
  Deno.test(`Cluster.run() rejects with TypeError at ${Deno.inspect(callback)} in place of a callback`, async () => {
    using kv = await Deno.openKv(":memory:");
    const cluster = new Cluster(kv, { allowLocal: true });
    await assertRejects(
      () => cluster.run(callback as unknown as () => void),
      TypeError,
      `Cannot run the cluster: the callback is a function, current value is ${callback === 1 ? 1 : ""}`,
    );
  });
}

Deno.test("Cluster.run() rejects with the reason of a signal that has aborted, and does nothing", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  one.force.abort(oops);
  one.begin();
  await world.settle();
  assertEquals([one.run.error, one.callbacks, one.kv.count("commit"), one.kv.count("list")], [oops, 0, 0, 0]);
});

Deno.test("Cluster.run() is refused while it is in progress", async () => {
  await using world = await World.open();
  const one = await world.member("a");
  await assertRejects(() => one.cluster.run(() => {}), Error, "Cannot run the cluster: this instance is in it already");
  assertEquals([one.run.fate, one.owned.length], ["pending", 16]);
});

Deno.test("Cluster.run() can be called again when it has ended, as another session", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  one.leave();
  await world.settle();
  assertEquals([one.run.fate, one.cluster.snapshot().state], ["resolved", "stopped"]);
  one.begin();
  await world.pass(settleMs);
  assertEquals([one.callbacks, one.cluster.snapshot().session, one.keys], [2, "a-1", ["acme"]]);
});

for (
  const [title, fault, type, backMs] of [
    // Of calls that are never answered less and less are made: the next one comes as late as the outage was long.
    ["hangs", hang(), "database-unavailable", 20 * heartbeatMs],
    ["fails", failWith(oops), "cluster-failed", heartbeatMs],
  ] as const
) {
  Deno.test(`Cluster.run() goes on trying to join while the database ${title}`, async () => {
    await using world = await World.open(["acme"]);
    const one = world.instance("a");
    one.kv.break(fault);
    one.begin();
    await world.pass(20 * heartbeatMs);
    assertEquals([one.run.fate, one.callbacks], ["pending", 0]);
    assertEquals(one.events.map(({ type }) => type), [type]);
    assertEquals(one.of(type)[0].operation, "join");
    one.kv.break();
    await world.pass(timeoutMs + backMs);
    assertEquals([one.callbacks, one.keys], [1, ["acme"]]);
  });

  Deno.test(`Cluster.run() rejects with the reason when its signal aborts while it joins and the database ${title}`, async () => {
    await using world = await World.open();
    const one = world.instance("a");
    one.kv.break(fault);
    one.begin({ bare: true });
    await world.pass(2 * heartbeatMs);
    one.force.abort(oops);
    await world.pass(timeoutMs);
    assertEquals([one.run.error, one.callbacks, world.clock.pending], [oops, 0, 0]);
  });
}

Deno.test("Cluster.run() leaves no session behind when its signal aborts while a first beat is tried again", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  one.kv.inject("commit", failLocked());
  one.begin({ bare: true });
  await world.settle();
  one.force.abort(oops);
  await world.pass(heartbeatMs);
  assertEquals([one.run.error, await world.database.sessions()], [oops, []]);
});

Deno.test("Cluster does not announce that a session has left which had not joined", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  one.kv.inject("commit", failLocked());
  one.begin({ bare: true });
  await world.settle();
  one.force.abort(oops);
  await world.pass(heartbeatMs);
  assertEquals(one.take({ slots: true }), []);
});

Deno.test("Clusters in one program share the keys, every key exactly once", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  assertEquals([...one.keys, ...other.keys].sort(), keys.toSorted());
  assertEquals([...one.owned, ...other.owned].sort((a, b) => a - b), [...Array(16).keys()]);
  assert(one.keys.length >= 10 && other.keys.length >= 10, `${one.keys.length} and ${other.keys.length}`);
});

Deno.test("Clusters that start at the same time share the keys from the beginning", async () => {
  await using world = await World.open(keys);
  const instances = ["a", "b", "c"].map((name) => world.instance(name));
  for (const instance of instances) instance.begin();
  await world.pass(2 * heartbeatMs);
  assertEquals(instances.flatMap((instance) => instance.keys).sort(), keys.toSorted());
  assertEquals(instances.flatMap((instance) => instance.of("slot-released")), []);
});

Deno.test("Clusters on different prefixes do not know of each other", async () => {
  await using world = await World.open();
  const one = await world.member("a");
  const other = await world.member("b", { prefix: ["d"] });
  await world.pass(10 * heartbeatMs);
  assertEquals([one.owned.length, other.owned.length], [16, 16]);
});

Deno.test("Cluster starts a key that is set while it runs, in the instance that owns it", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  await world.writer.set("new", null);
  await world.pass(heartbeatMs);
  assertEquals([one, other].filter((instance) => instance.keys.includes("new")).length, 1);
});

Deno.test("Cluster.run() deletes its session when it leaves", async () => {
  const { world, one } = await openPair();
  await using _world = world;
  one.leave();
  await world.settle();
  assertEquals([one.run.fate, await world.database.sessions()], ["resolved", ["b-0"]]);
});

Deno.test("Cluster.run() takes the claims of its processes away when it leaves, also from what goes on after their end", async () => {
  await using world = await World.open(["k1"]);
  const one = await world.member("a");
  const { claim } = one.bots.get("k1")!;
  const { signal } = claim!;
  one.leave();
  await world.pass(heartbeatMs);
  assertEquals([one.run.fate, signal.aborted, signal.reason?.name], ["resolved", true, "ClaimLostError"]);
  assertEquals(await claim!.commit(one.kv.atomic().set(["out", "k1"], "late")), { ok: false });
});

Deno.test("Cluster takes over within two heartbeats what an instance leaves", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  one.leave();
  await world.settle();
  assertEquals([one.keys, one.run.fate], [[], "resolved"]);
  await world.pass(2 * heartbeatMs);
  assertEquals(other.keys, keys.toSorted());
});

Deno.test("Cluster.run() does not end while a look is under way", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const reply = Promise.withResolvers<void>();
  const lists = one.kv.count("list");
  one.kv.inject("list", holdReply(reply.promise));
  await world.until(async () => {
    await world.pass(50);
    return one.kv.count("list") > lists;
  });
  one.leave();
  await world.settle();
  assertEquals([await world.database.sessions(), one.run.fate], [[], "pending"]);
  reply.resolve();
  await world.settle();
  assertEquals([one.run.fate, world.clock.pending], ["resolved", 0]);
});

Deno.test("Cluster.run() leaves although the database hangs, and announces it", async () => {
  await using world = await World.open();
  const one = await world.member("a");
  one.take();
  one.kv.break(hang());
  one.leave();
  await world.pass(timeoutMs);
  assertEquals([one.run.fate, one.take().length], ["resolved", 1]);
  assertEquals(one.of("database-unavailable").map(({ operation }) => operation), ["leave"]);
});

Deno.test("Cluster takes over from a dead instance within its time to live and two heartbeats", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  world.mayOverlap = true; // the supervisor of the dead one needs its table to answer
  kill(one);
  await world.pass(ttlMs + 2 * heartbeatMs);
  assertEquals(other.keys, keys.toSorted());
});

Deno.test("Cluster takes nothing over from an instance before its time to live has passed", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  const before = other.keys;
  kill(one);
  await world.pass(ttlMs - heartbeatMs - 1); // the last beat may be a heartbeat old
  assertEquals([other.keys, other.of("session-dead")], [before, []]);
});

Deno.test("Cluster.run() in a dead instance has ended its processes before others start them", async () => {
  const { world, one } = await openPair();
  await using _world = world;
  kill(one);
  await world.pass(ttlMs + 2 * heartbeatMs);
  assertEquals([one.keys, world.live.overlaps], [[], []]);
});

Deno.test("Cluster tells once in each of the others that a session is dead, or gone as another one was faster", async () => {
  await using world = await World.open();
  const [one, ...others] = [await world.member("a"), await world.member("b"), await world.member("c")];
  await world.pass(10 * heartbeatMs);
  kill(one);
  await world.pass(2 * ttlMs);
  const told = others.flatMap(({ events }) => events).filter((event) => "session" in event && event.session === "a-0");
  const ends = told.map(({ type }) => type).filter((type) => type !== "session-joined");
  assertEquals([ends.length, ends.includes("session-dead")], [others.length, true]);
});

Deno.test("Cluster declares a session dead when its time to live has passed, without waiting for the next look", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  kill(one);
  await world.pass(2 * ttlMs);
  const [{ silentMs }] = other.of("session-dead");
  assert(silentMs >= ttlMs && silentMs <= ttlMs + heartbeatMs / 10, `${silentMs} ms`);
});

Deno.test("Cluster looks when a session that it saw in between two heartbeats has stood still for its time to live", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const record = { format: 1, session: "f-0", nonce: 1, ttlMs: ttlMs + heartbeatMs / 2, slots: 16, accepts: false };
  await world.database.raw.set(["@pact/supervisor", '["c"]', "session", "f-0"], record);
  await world.pass(2 * ttlMs);
  assertEquals(one.of("session-dead").map(({ silentMs }) => silentMs), [ttlMs + heartbeatMs / 2]);
});

Deno.test("Cluster takes the slots of a session in the same look in which it declares it dead", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  const before = other.owned.length;
  kill(one);
  await world.pass(2 * ttlMs);
  const [{ at }] = other.of("session-dead");
  assertEquals(other.of("slot-claimed").filter((claimed) => claimed.at === at).length, 16 - before);
});

Deno.test("Cluster does not bury a session that moves between the look and the burial", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const key = ["@pact/supervisor", '["c"]', "session", "f-0"];
  const record = { format: 1, session: "f-0", nonce: 1, ttlMs: ttlMs + heartbeatMs / 2, slots: 16, accepts: false };
  await world.database.raw.set(key, record);
  await world.pass(1.5 * heartbeatMs); // it is seen
  const { heartbeatAgeMs } = one.cluster.snapshot().sessions.find(({ id }) => id === "f-0")!;
  await world.pass(record.ttlMs - heartbeatAgeMs - 1); // the look in which it is dead is not at the time of a beat
  let moves = 0;
  one.kv.break(async (call) => {
    await world.database.raw.set(key, { ...record, nonce: 2 + moves++ });
    return await call();
  }, "commit");
  await world.pass(1);
  assertEquals([moves, one.of("session-dead"), await world.database.sessions()], [1, [], ["a-0", "f-0"]]);
});

Deno.test("Cluster takes what another one should take and cannot", async () => {
  await using world = await World.open();
  const [one, other] = [await world.member("a", {}, { bare: true }), await world.member("b", {}, { bare: true })];
  const third = await world.member("c", {}, { bare: true });
  await world.pass(20 * heartbeatMs);
  other.kv.break((call) => other.kv.checks.at(-1) === 1 ? call() : Promise.reject(oops), "commit"); // it beats on
  third.leave();
  await world.pass(settleMs);
  const before = one.owned.length + other.owned.length;
  const owned: number[] = [];
  for (let i = 0; i < 80; i++) {
    await world.pass((graceMs + heartbeatMs) / 80);
    owned.push(one.owned.length + other.owned.length);
  }
  assertEquals([before < 16, owned.includes(16)], [true, true]); // for a while: it hands them over again, and so on
});

Deno.test("Cluster holds no slot whose claim is acknowledged when the session is fenced already", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  const reply = Promise.withResolvers<void>();
  for (let commits = 0; commits < 3; commits++) one.kv.inject("commit", (call) => call()); // its revision, and two beats
  one.kv.inject("commit", holdReply(reply.promise), 2);
  one.begin({ bare: true });
  await world.pass(settleMs);
  assertEquals((await world.database.owners()).size, 16, "the claims have landed");
  world.clock.stalledMs = fenceMs;
  reply.resolve();
  await world.settle();
  assertEquals([one.of("session-fenced").length, one.of("slot-claimed"), one.owned], [1, [], []]);
});

Deno.test("Cluster.run() leaves the session that was fenced to its time to live while a process of it is stuck", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a", {}, { bare: true });
  const lease = (await one.cluster.own(one.table).get("acme"))!.lease!()!; // whose process does not end
  world.clock.stalledMs = fenceMs;
  await world.pass(heartbeatMs - 1); // until its time to live is over
  assertEquals([lease.signal.aborted, await world.database.sessions()], [true, ["a-0", "a-1"]]);
  one.leave();
  await world.settle();
  assertEquals([one.run.fate, await world.database.sessions()], ["resolved", ["a-0"]]);
});

Deno.test("Cluster.run() waits until the session that was fenced is deleted", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const reply = Promise.withResolvers<void>();
  one.kv.inject("commit", holdReply(reply.promise)); // the burial
  world.clock.stalledMs = fenceMs;
  await world.until(async () => {
    await world.pass(50);
    return one.of("session-fenced").length > 0;
  });
  one.leave();
  await world.settle();
  assertEquals([one.of("session-fenced").length, one.run.fate], [1, "pending"]);
  reply.resolve();
  await world.settle();
  assertEquals(one.run.fate, "resolved");
});

Deno.test("Cluster does not mind that the wall clock jumps", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  for (const jumpMs of [1e9, -1e9]) {
    world.clock.jumpMs = jumpMs;
    await world.pass(5 * heartbeatMs);
  }
  assertEquals([one.take({ slots: true }), other.take({ slots: true })], [[], []]);
});

Deno.test("Cluster fences itself, aborts its processes and joins again as another session", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const bot = one.bots.get("acme")!;
  one.take();
  one.kv.break(hang());
  await world.pass(fenceMs - settleMs);
  assertEquals([bot.signal?.aborted, one.keys, one.owned], [true, [], []]);
  one.kv.break();
  await world.pass(2 * heartbeatMs);
  assertEquals([one.keys, one.cluster.snapshot().session, one.callbacks], [["acme"], "a-1", 1]);
  one.leave();
  await world.settle();
  assertEquals(one.of("session-left").map(({ session }) => session), ["a-1"]);
  assertEquals(one.of("session-fenced").map(({ session, slots, silentMs }) => [session, slots, silentMs]), [[
    "a-0",
    16,
    fenceMs,
  ]]);
});

Deno.test("Cluster joins again when its session was buried", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(2 * heartbeatMs);
  assertEquals([one.keys, await world.database.sessions()], [["acme"], ["a-1"]]);
});

Deno.test("Cluster aborts a claim with the reason that its session was declared dead when it was", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const { signal } = one.bots.get("acme")!.claim!;
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(heartbeatMs);
  assertEquals(signal.reason.message, "The claim is lost: its session was declared dead");
});

Deno.test("Cluster fences itself when a look finds its record gone, before the next beat does", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  await world.pass(heartbeatMs - settleMs / 2); // it has just beaten
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(heartbeatMs / 2);
  assertEquals(one.of("session-fenced").length, 1);
});

Deno.test("Cluster aborts the processes of a slot that another session has taken, and goes on with the others", async () => {
  await using world = await World.open(keys);
  const one = await world.member("a");
  const [slot] = one.owned;
  const claim = ["@pact/supervisor", '["c"]', "claim", slot];
  await world.database.raw.atomic().set(claim, { format: 1, session: "b-0", nonce: 1 }).commit();
  const before = one.keys.length;
  one.take({ slots: true });
  const lost = new Set<string>();
  for (const [key, { claim: { signal } = {} }] of one.bots) signal?.addEventListener("abort", () => lost.add(key));
  await world.pass(heartbeatMs);
  assertEquals(one.take({ slots: true }).slice(0, 1), [`slot ${slot} is lost`]);
  assert(lost.size > 0 && lost.size < before, `${lost.size} of ${before} processes`);
});

Deno.test("Cluster deletes the session that was fenced when its processes have ended", async () => {
  const { world, one } = await openPair();
  await using _world = world;
  world.clock.stalledMs = ttlMs;
  one.cluster.own(one.table).get(keys[0]); // whatever is done next sees the stall
  await world.settle();
  assertEquals([one.of("session-fenced").length, one.keys], [1, []]);
  assertEquals((await world.database.sessions()).includes("a-0"), false);
});

Deno.test("Cluster joins again while its stuck process keeps the session that was fenced", async () => {
  await using world = await World.open(["acme"]);
  world.manners.set("acme", { deaf: true, lingers: true });
  const one = await world.member("a");
  one.kv.break(failWith(oops));
  await world.pass(fenceMs);
  one.kv.break();
  await world.pass(timeoutMs + 2 * settleMs);
  assertEquals(await world.database.sessions(), ["a-0", "a-1"]);
  one.bots.get("acme")!.down.resolve();
  await world.settle();
  assertEquals(await world.database.sessions(), ["a-1"]);
});

Deno.test("Cluster keeps the slot of a stuck process when it leaves, until its time to live has passed", async () => {
  await using world = await World.open(["acme"]);
  world.mayOverlap = true;
  world.manners.set("acme", { deaf: true, lingers: true });
  const one = await world.member("a");
  const other = world.instance("b");
  world.manners.delete("acme");
  const { signal } = one.bots.get("acme")!.claim!;
  one.leave();
  await world.pass(20 * heartbeatMs); // the supervisor gives up
  assertEquals(signal.reason.message, "The claim is lost: the instance has left the cluster");
  assertEquals([one.run.fate, await world.database.sessions()], ["resolved", ["a-0"]]);
  assertEquals((await world.database.owners()).size, 1, "slots without a stuck process are given back");
  other.begin();
  await world.pass(settleMs);
  await world.pass(graceMs + heartbeatMs);
  assertEquals([other.owned.length, other.keys], [15, []]);
  await world.pass(ttlMs - graceMs - heartbeatMs - 2 * settleMs);
  assertEquals(other.keys, []);
  await world.pass(2 * heartbeatMs + settleMs);
  assertEquals([other.owned.length, other.keys], [16, ["acme"]]);
  one.bots.get("acme")!.down.resolve();
});

Deno.test("Cluster that leaves with a stuck process is given nothing any more, though its session stays", async () => {
  await using world = await World.open(["acme"]);
  world.manners.set("acme", { deaf: true, lingers: true });
  const one = await world.member("a", { ttlMs: 10 * heartbeatMs });
  one.leave();
  const isLeft = async () => {
    await world.pass(heartbeatMs);
    return one.run.fate === "resolved";
  };
  await world.until(isLeft); // the supervisor has given up
  assertEquals((await world.database.read("session")).map(({ value }) => value.accepts), [false]);
  const other = await world.member("b", {}, { bare: true });
  await world.pass(5 * heartbeatMs);
  assertEquals([other.owned.length, other.of("slot-released")], [15, []]);
  one.bots.get("acme")!.down.resolve();
});

Deno.test("Cluster announces that it cannot join again, and goes on trying", async () => {
  await using world = await World.open();
  let ids = 0;
  const one = await world.member("a", { newId: () => ["a-0", "no id", "a-1"][ids++] }, { bare: true });
  await world.database.raw.delete(["@pact/supervisor", '["c"]', "session", "a-0"]);
  await world.pass(4 * heartbeatMs);
  const [{ operation, error }] = one.of("cluster-failed");
  assertEquals([operation, (error as TypeError).name], ["join", "TypeError"]);
  assertEquals([await world.database.sessions(), one.owned.length], [["a-1"], 16]);
});

Deno.test("Cluster hands slots over to one that joins, four at a time, and aborts nothing", async () => {
  await using world = await World.open(keys);
  const one = await world.member("a");
  const signals = [...one.bots.values()].map(({ claim }) => claim!.signal);
  for (const key of keys) world.manners.set(key, {});
  const other = await world.member("b");
  await world.pass(20 * heartbeatMs);
  const releasedAt = Map.groupBy(one.of("slot-released"), ({ at }) => at);
  assertEquals(Math.max(...Array.from(releasedAt.values(), ({ length }) => length)), 4);
  assert(releasedAt.size > 1 && other.keys.length > 0);
  const reasons = signals.filter(({ aborted }) => aborted).map(({ reason }) => reason.message);
  assertEquals(new Set(reasons), new Set(["The claim is lost: it is handed over"]));
  assertEquals(one.supervisor.snapshot().processes.filter(({ state }) => state !== "running"), []);
});

Deno.test("Cluster releases a slot only when its processes have ended by themselves", async () => {
  await using world = await World.open(keys);
  for (const key of keys) world.manners.set(key, { lingers: true });
  const one = await world.member("a");
  const other = await world.member("b");
  await world.pass(2 * heartbeatMs);
  const slots = one.cluster.snapshot().slots.handingOver;
  const stopping = one.supervisor.snapshot().processes.filter(({ state }) => state === "stopping");
  assertEquals([slots.length, other.owned, stopping.length > 0], [4, [], true]);
  for (const { key } of stopping) {
    assertEquals(one.bots.get(key)!.signal?.aborted, false);
    one.bots.get(key)!.down.resolve();
  }
  await world.pass(2 * heartbeatMs);
  assertEquals([one.owned.filter((slot) => slots.includes(slot)), other.owned], [[], slots]);
  for (const instance of [one, other]) for (const bot of instance.bots.values()) bot.down.resolve();
  for (const key of keys) world.manners.delete(key);
});

Deno.test("Cluster keeps a slot that it was handing over when the one that joined leaves again", async () => {
  await using world = await World.open(keys);
  for (const key of keys) world.manners.set(key, { lingers: true });
  const one = await world.member("a");
  const other = await world.member("b");
  await world.pass(2 * heartbeatMs);
  assertEquals(one.cluster.snapshot().slots.handingOver.length, 4);
  for (const key of keys) world.manners.delete(key);
  other.leave();
  await world.pass(heartbeatMs);
  for (const bot of one.bots.values()) bot.down.resolve();
  await world.pass(heartbeatMs);
  assertEquals([one.cluster.snapshot().slots.handingOver, one.keys, one.owned.length], [[], keys.toSorted(), 16]);
});

Deno.test("Cluster moves at most a quarter and 10 % of the slots when a fourth instance joins", async () => {
  await using world = await World.open();
  const options = { slots: 256 };
  const instances = ["a", "b", "c"].map((name) => world.instance(name, options));
  for (const instance of instances) instance.begin({ bare: true });
  await world.pass(3 * heartbeatMs);
  const before = await world.database.owners();
  await world.member("d", options, { bare: true });
  await world.pass(20 * heartbeatMs);
  const after = await world.database.owners();
  const moves = [...after].filter(([slot, owner]) => owner !== before.get(slot)).length;
  assert(after.size === 256 && moves > 0 && moves <= 256 * 0.35, `${moves} moves`);
});

Deno.test("Clusters that are all cut off come back when the database does, every key exactly once", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  for (const { kv } of [one, other]) kv.break(hang());
  await world.pass(10 * ttlMs);
  assertEquals([one.keys, other.keys], [[], []]);
  for (const { kv } of [one, other]) kv.break();
  await world.pass(ttlMs + 60 * heartbeatMs); // the supervisors look at their tables every minute after a failure
  assertEquals([...one.keys, ...other.keys].sort(), keys.toSorted());
});

Deno.test("Cluster announces its own session first, then its slots, then its end", async () => {
  await using world = await World.open();
  const one = await world.member("a", { slots: 2 }, { bare: true });
  one.leave();
  await world.settle();
  const told = one.take({ slots: true }).map((line) => line.replace(/token .*/, "token"));
  assertEquals(told, [
    "session a-0, this instance, has joined",
    "slot 0 is claimed under token",
    "slot 1 is claimed under token",
    "session a-0, this instance, has left",
  ]);
});

Deno.test("Cluster announces after a fence the next session, and nothing more of the last one", async () => {
  await using world = await World.open();
  const one = await world.member("a", { slots: 1 }, { bare: true });
  one.take({ slots: true });
  world.clock.stalledMs = fenceMs;
  await world.pass(2 * heartbeatMs);
  const told = one.take({ slots: true }).map((line) => line.split(":")[0]);
  assertEquals(told.map((line) => line.replace(/token .*/, "token")), [
    "session a-0, this instance, is fenced with 1 slots",
    "session a-1, this instance, has joined",
    "slot 0 is claimed under token",
  ]);
});

Deno.test("Cluster announces others that come and go", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  other.leave();
  await world.pass(2 * heartbeatMs);
  assertEquals(one.take(), ["session b-0 is gone"]);
  await world.member("c");
  await world.pass(heartbeatMs);
  assertEquals(one.take(), ["session c-0 has appeared"]);
});

Deno.test("Cluster announces each slot that moves in both instances", async () => {
  const { world, one, other } = await openPair();
  await using _world = world;
  const released = one.of("slot-released").map(({ slot, cause }) => [slot, cause]);
  const claimed = other.of("slot-claimed").map(({ slot }) => [slot, "handed-over"]);
  assertEquals(released, claimed);
  assertEquals(claimed.map(([slot]) => slot), other.owned);
});

Deno.test("Cluster announces moments of the wall clock", async () => {
  await using world = await World.open();
  const one = await world.member("a", { slots: 1 });
  assertEquals(one.events.map(({ type, at }) => [type, at]), [["session-joined", 0], ["slot-claimed", settleMs]]);
});

const toldOops = "An event listener failed: Error: oops";

Deno.test("Cluster goes on when a listener throws, and prints what it throws", async () => {
  using console = new ErrorConsole();
  await using world = await World.open(["acme"]);
  const one = world.instance("a", { slots: 1 });
  one.cluster.subscribe(() => {
    throw oops;
  });
  one.begin();
  await world.pass(settleMs);
  assertEquals([one.keys, console.lines.map((line) => line.at(-1))], [["acme"], [toldOops, toldOops]]);
});

Deno.test("Cluster.subscribe() ends when it is disposed of, or its signal aborts", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  const controller = new AbortController();
  const heard: string[] = [];
  one.cluster.subscribe(() => void heard.push("by a signal"), { signal: controller.signal });
  const subscription = one.cluster.subscribe(() => void heard.push("by hand"));
  controller.abort();
  subscription[Symbol.dispose]();
  one.begin();
  await world.pass(settleMs);
  assertEquals([heard, one.events.length > 0], [[], true]);
});

Deno.test("Cluster prints failures, and nothing else, while there are no subscribers", async () => {
  using console = new ErrorConsole();
  await using world = await World.open();
  const { clock } = world;
  const kv = world.database.handle();
  const cluster = new Cluster(kv, { allowLocal: true, clock, heartbeatMs, ttlMs, random: () => 0.5 });
  const over = Promise.withResolvers<void>();
  const run = cluster.run(() => over.promise);
  await world.pass(settleMs);
  kv.inject("list", failWith(oops));
  await world.pass(heartbeatMs);
  over.resolve();
  await world.settle();
  await run;
  assertEquals(console.lines, [["cluster: look failed: Error: oops"]]);
});

Deno.test("Cluster announces no leaving of a session that is fenced when it leaves", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  world.clock.stalledMs = fenceMs;
  one.cluster.own(one.table).get("acme"); // whatever is done next sees the stall
  one.leave();
  await world.settle();
  assertEquals([one.run.fate, one.of("session-fenced").length, one.of("session-left")], ["resolved", 1, []]);
});

Deno.test("Cluster.snapshot() of one that does not run is empty", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  assertEquals(one.cluster.snapshot(), {
    at: 0,
    state: "stopped",
    session: undefined,
    sessions: [],
    slots: { total: 16, owned: [], handingOver: [], unowned: [] },
  });
  one.begin();
});

Deno.test("Cluster.snapshot() tells how the instance takes part", async () => {
  await using world = await World.open();
  const one = world.instance("a");
  const states = [one.cluster.snapshot().state];
  one.kv.break(hang());
  one.begin({ bare: true });
  await world.settle();
  states.push(one.cluster.snapshot().state);
  one.kv.break();
  await world.pass(heartbeatMs);
  states.push(one.cluster.snapshot().state);
  one.kv.break(hang());
  one.leave();
  await world.settle();
  states.push(one.cluster.snapshot().state);
  await world.pass(timeoutMs);
  states.push(one.cluster.snapshot().state);
  assertEquals(states, ["stopped", "joining", "member", "leaving", "stopped"]);
});

Deno.test("Cluster.snapshot() says joining from a fence to the next session", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  one.kv.break(hang());
  await world.pass(fenceMs);
  const { state, slots } = one.cluster.snapshot();
  assertEquals([state, slots.owned], ["joining", []]);
});

Deno.test("Cluster.snapshot() shows the sessions as this instance sees them, and survives JSON", async () => {
  const { world, one } = await openPair();
  await using _world = world;
  const snapshot = one.cluster.snapshot();
  assertEquals(JSON.parse(JSON.stringify(snapshot)), snapshot);
  assertEquals(snapshot.sessions.map(({ id, isSelf, ttlMs }) => [id, isSelf, ttlMs]), [["a-0", true, ttlMs], [
    "b-0",
    false,
    ttlMs,
  ]]);
  assertEquals(snapshot.sessions[0].slots, snapshot.slots.owned.length);
  assertEquals(snapshot.sessions[0].slots + snapshot.sessions[1].slots, 16);
});

Deno.test("Cluster.snapshot() shows how long a session has been silent", async () => {
  await using world = await World.open();
  const one = await world.member("a");
  const other = await world.member("b");
  await world.pass(10 * heartbeatMs);
  kill(other);
  await world.pass(fenceMs - heartbeatMs);
  const silent = (instance: TestInstance) =>
    Object.fromEntries(instance.cluster.snapshot().sessions.map(({ id, heartbeatAgeMs }) => [id, heartbeatAgeMs]));
  const before = silent(one);
  await world.pass(200);
  assertEquals(silent(one)["b-0"], before["b-0"] + 200);
  assert(silent(one)["a-0"] <= heartbeatMs, "its own beats are acknowledged");
});

Deno.test("Cluster.snapshot() shows since when no beat of its own was acknowledged", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true }); // it has beaten at 0 and looked at 100
  await world.pass(50);
  assertEquals(one.cluster.snapshot().sessions.map(({ heartbeatAgeMs }) => heartbeatAgeMs), [settleMs + 50]);
});

Deno.test("Cluster.snapshot() does not show slots that it has taken since its last look as unowned", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  assertEquals([one.owned.length, one.cluster.snapshot().slots.unowned], [16, []]);
});

Deno.test("Cluster.snapshot() shows slots that no session owns", async () => {
  await using world = await World.open();
  const one = await world.member("a");
  const other = await world.member("b");
  await world.pass(20 * heartbeatMs);
  const theirs = other.owned;
  one.kv.break(failWith(oops), "commit");
  other.leave();
  await world.pass(heartbeatMs);
  assertEquals([one.cluster.snapshot().slots.unowned, theirs.length > 0], [theirs, true]);
});
