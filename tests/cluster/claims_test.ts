import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Claims, type SlotListener } from "../../src/cluster/claims.ts";
import { ClaimLostError } from "../../src/cluster/mod.ts";
import { ManualClock } from "../kv/manual_clock.ts";

const key = ["claim", 3];
const lost = new ClaimLostError("another session has taken it");

const clock = new ManualClock();
clock.advance(500);
const commit = (atomic: Deno.AtomicOperation) => atomic.commit();

/** Keeps what it is told. */
class Listener implements SlotListener {
  readonly told: unknown[] = [];
  readonly ended: unknown[] = [];

  slotsGained(): void {
    this.told.push("gained");
  }

  mustEnd(key: unknown): void {
    this.told.push(`${key} must end`);
  }

  hasEnded(key: unknown): void {
    this.ended.push(key);
  }

  slotsLeaving(slots: readonly number[]): void {
    this.told.push(`${slots} leave`);
  }
}

/** Claims that hold slot 3, a listener, and how many times a slot was emptied. */
function holding() {
  const counts = { empty: 0 };
  const claims = new Claims({ clock, commit, emptied: () => void counts.empty++ });
  claims.hold(3, key, "0001");
  return { claims, listener: new Listener(), counts };
}

Deno.test("Claims.lease() gives what a process can prove its right with", () => {
  const { claims, listener } = holding();
  const lease = claims.lease(3, listener, "acme")!;
  assertEquals(lease.claim.check, { key, versionstamp: "0001" });
  assertEquals([lease.claim.token, lease.claim.signal.aborted], ["0001", false]);
  assertEquals(lease.signal.aborted, false);
});

Deno.test("Claim.commit() adds the check of the claim", async () => {
  using kv = await Deno.openKv(":memory:");
  const { versionstamp } = await kv.set(key, "ours");
  const claims = new Claims({ clock, commit, emptied: () => {} });
  claims.hold(3, key, versionstamp);
  const { claim } = claims.lease(3, new Listener(), "acme")!;
  assertEquals((await claim.commit(kv.atomic().set(["out"], 1))).ok, true);
  await kv.set(key, "theirs");
  assertEquals((await claim.commit(kv.atomic().set(["out"], 2))).ok, false);
  assertEquals((await kv.get(["out"])).value, 1);
});

Deno.test("Claims.lease() gives each process of a slot a claim of its own, on one check and under one signal of the slot", () => {
  const { claims, listener } = holding();
  const [one, other] = ["acme", "bolt"].map((each) => claims.lease(3, listener, each)!);
  assertStrictEquals(one.claim.check, other.claim.check);
  assertStrictEquals(one.signal, other.signal);
  assertEquals([one.claim === other.claim, one.claim.signal === other.claim.signal], [false, false]);
});

Deno.test("Claim.commit() sends nothing once the claim is lost, and says so like the database", async () => {
  const { claims, listener } = holding();
  using kv = await Deno.openKv(":memory:");
  const { claim } = claims.lease(3, listener, "acme")!;
  claims.lose(3, lost);
  assertEquals([claim.signal.aborted, claim.signal.reason], [true, lost]);
  assertEquals(await claim.commit(kv.atomic().set(["out"], 1)), { ok: false });
});

Deno.test("Claim.signal that is read before the claim is lost aborts then, also of a lease that is given back", () => {
  const { claims, listener } = holding();
  const [kept, back] = ["acme", "bolt"].map((each) => claims.lease(3, listener, each)!);
  const { signal } = kept.claim;
  signal.addEventListener("abort", () => void back.release());
  const late = back.claim.signal;
  claims.lose(3, lost);
  assertEquals([signal.reason, late.reason], [lost, lost]);
});

Deno.test("SlotLease.revoke() ends the claim of one process: its commit rejects, and its neighbour keeps its own", async () => {
  using kv = await Deno.openKv(":memory:");
  const { versionstamp } = await kv.set(key, "ours");
  const counts = { commits: 0 };
  const counted = (atomic: Deno.AtomicOperation) => (counts.commits++, atomic.commit());
  const claims = new Claims({ clock, commit: counted, emptied: () => {} });
  claims.hold(3, key, versionstamp);
  const [stuck, neighbour] = ["acme", "bolt"].map((each) => claims.lease(3, new Listener(), each)!);
  stuck.revoke?.(new Error("abandoned"));
  assertEquals([stuck.claim.signal.aborted, stuck.signal.aborted, neighbour.claim.signal.aborted], [
    true,
    false,
    false,
  ]);
  assertEquals(stuck.claim.signal.reason instanceof ClaimLostError, true);
  await assertRejects(() => stuck.claim.commit(kv.atomic().set(["out"], 1)), ClaimLostError, "abandoned");
  assertEquals((await neighbour.claim.commit(kv.atomic().set(["out"], 2))).ok, true);
  assertEquals([counts.commits, (await kv.get(["out"])).value], [1, 2]);
  claims.handOver(3);
  void stuck.release();
  void neighbour.release();
  assertEquals([...claims.drained.keys()], [3]);
});

Deno.test("Claim.commit() asks whether the claim is held when it is sent, not only when it is called", async () => {
  const gate = Promise.withResolvers<void>();
  const late = async (atomic: Deno.AtomicOperation, isHeld: () => boolean) => {
    await gate.promise;
    return isHeld() ? await atomic.commit() : { ok: false } as const;
  };
  const claims = new Claims({ clock, commit: late, emptied: () => {} });
  claims.hold(3, key, "0001");
  using kv = await Deno.openKv(":memory:");
  const [losing, revoked] = ["acme", "bolt"].map((each) => claims.lease(3, new Listener(), each)!);
  const results = [losing, revoked].map(({ claim }) => claim.commit(kv.atomic().set(["out"], 1)));
  revoked.revoke?.(undefined);
  claims.lose(3, lost);
  gate.resolve();
  assertEquals(await results[0], { ok: false });
  await assertRejects(() => results[1], ClaimLostError);
});

Deno.test("Claims tells a listener that the process of a key has ended, when its lease is given back", () => {
  const { claims, listener } = holding();
  const [one, other] = [claims.lease(3, listener, "a")!, claims.lease(3, listener, "b")!];
  other.release();
  assertEquals(listener.ended, ["b"]);
  claims.lose(3, lost);
  one.release();
  assertEquals(listener.ended, ["b", "a"]);
});

Deno.test("Claims.lease() gives nothing in a slot that is not held", () => {
  const { claims, listener } = holding();
  assertEquals(claims.lease(4, listener, "acme"), undefined);
});

Deno.test("Claims.lease() gives nothing in a slot that is being handed over", () => {
  const { claims, listener } = holding();
  claims.handOver(3);
  assertEquals(claims.lease(3, listener, "acme"), undefined);
});

Deno.test("Claims.lease() gives leases again in a slot that is reclaimed", () => {
  const { claims, listener } = holding();
  claims.handOver(3);
  claims.reclaim(3);
  assertEquals(claims.lease(3, listener, "acme")?.claim.token, "0001");
});

Deno.test("Claims.lease() gives nothing in a slot that was lost", () => {
  const { claims, listener } = holding();
  claims.lose(3, lost);
  assertEquals([claims.lease(3, listener, "acme"), claims.held.size], [undefined, 0]);
});

Deno.test("Claims.handOver() tells all that runs there to end, and aborts nothing", () => {
  const { claims, listener } = holding();
  const leases = ["acme", "bolt", "gone"].map((each) => claims.lease(3, listener, each)!);
  leases[2].release();
  claims.handOver(3);
  assertEquals([listener.told, leases[0].signal.aborted], [["acme must end", "bolt must end"], false]);
});

Deno.test("Claims.drained names a slot that is handed over when the last process has ended", () => {
  const { claims, listener, counts } = holding();
  const leases = ["acme", "bolt"].map((each) => claims.lease(3, listener, each)!);
  claims.handOver(3);
  leases[0].release();
  assertEquals([[...claims.drained], counts.empty], [[], 0]);
  leases[1].release();
  assertEquals([[...claims.drained], counts.empty], [[[3, "0001"]], 1]);
});

Deno.test("Claims.drained names a slot at once in which nothing runs when it is handed over", () => {
  const { claims } = holding();
  claims.hold(4, key, "0002");
  assertEquals([...claims.drained], []);
  claims.handOver(3);
  assertEquals([...claims.drained], [[3, "0001"]]);
});

Deno.test("Claims.drained does not name a slot that is reclaimed", () => {
  const { claims } = holding();
  claims.handOver(3);
  claims.reclaim(3);
  assertEquals([...claims.drained], []);
});

Deno.test("Claims.held tells since when a slot is being handed over", () => {
  const { claims } = holding();
  const since = () => claims.held.get(3)!.handingOverSinceMs;
  const told = [since()];
  claims.handOver(3);
  told.push(since());
  claims.reclaim(3);
  told.push(since());
  assertEquals(told, [undefined, 500, undefined]);
});

Deno.test("Claims.held tells that a slot is blocked whose hand-over was given up, until what ran there has ended", () => {
  const { claims, listener } = holding();
  const isBlocked = () => claims.held.get(3)!.isBlocked;
  const before = claims.lease(3, listener, "acme")!;
  const told = [isBlocked()];
  claims.handOver(3);
  claims.giveUp(3);
  const after = claims.lease(3, listener, "bolt")!;
  told.push(isBlocked());
  before.release();
  told.push(isBlocked());
  assertEquals(told, [false, true, false]);
  after.release();
});

Deno.test("Claims hands a slot over again in the instant in which the last process has ended that kept it from it", () => {
  const { claims, listener, counts } = holding();
  const slow = ["acme", "cold"].map((each) => claims.lease(3, listener, each)!);
  claims.handOver(3);
  claims.giveUp(3);
  const after = claims.lease(3, listener, "bolt")!;
  listener.told.length = 0;
  slow[0].release();
  assertEquals([listener.told, claims.lease(3, listener, "acme") !== undefined], [[], true]);
  slow[1].release();
  assertEquals([listener.told, claims.lease(3, listener, "cold")], [["bolt must end", "acme must end"], undefined]);
  after.release();
  assertEquals([claims.held.get(3)!.handingOverSinceMs, counts.empty], [500, 0]);
});

Deno.test("Claims.held tells that a slot that is wanted here again is not blocked by what runs there", () => {
  const { claims, listener } = holding();
  claims.lease(3, listener, "acme");
  claims.handOver(3);
  claims.reclaim(3);
  assertEquals(claims.held.get(3)!.isBlocked, false);
});

Deno.test("Claims.idle names the slots in which nothing runs, handed over or not", () => {
  const { claims, listener } = holding();
  claims.hold(4, key, "0002");
  claims.hold(5, key, "0003");
  claims.lease(4, listener, "acme");
  claims.handOver(5);
  assertEquals([...claims.idle], [[3, "0001"], [5, "0003"]]);
});

Deno.test("Claims says nothing when a process ends in a slot that goes on", () => {
  const { claims, listener, counts } = holding();
  claims.lease(3, listener, "acme")!.release();
  assertEquals([counts.empty, claims.isBusy], [0, false]);
});

Deno.test("Claims.lose() aborts the claim with the reason", () => {
  const { claims, listener } = holding();
  const { signal } = claims.lease(3, listener, "acme")!;
  claims.lose(3, lost);
  assertStrictEquals(signal.reason, lost);
});

Deno.test("Claims.lose() leaves other slots alone", () => {
  const { claims, listener } = holding();
  claims.hold(4, key, "0002");
  const { signal } = claims.lease(4, listener, "acme")!;
  claims.lose(3, lost);
  assertEquals([signal.aborted, [...claims.held.keys()]], [false, [4]]);
});

Deno.test("Claims.loseAll() aborts every claim", () => {
  const { claims, listener } = holding();
  claims.hold(4, key, "0002");
  const signals = [3, 4].map((slot) => claims.lease(slot, listener, slot)!.signal);
  claims.loseAll(lost);
  assertEquals([signals.map(({ reason }) => reason), claims.held.size], [[lost, lost], 0]);
});

Deno.test("Claims.isBusy is true until the last process of a lost slot has ended", () => {
  const { claims, listener, counts } = holding();
  const leases = ["acme", "bolt"].map((each) => claims.lease(3, listener, each)!);
  claims.lose(3, lost);
  leases[0].release();
  assertEquals([claims.isBusy, counts.empty], [true, 0]);
  leases[1].release();
  assertEquals([claims.isBusy, counts.empty], [false, 1]);
});

Deno.test("Claims.hold() makes a new claim of a slot that was lost, and the old one stays aborted", () => {
  const { claims, listener } = holding();
  const before = claims.lease(3, listener, "acme")!;
  claims.lose(3, lost);
  claims.hold(3, key, "0002");
  const after = claims.lease(3, listener, "acme")!;
  assertEquals([before.signal.aborted, after.signal.aborted, after.claim.token], [true, false, "0002"]);
  before.release();
  assertEquals(claims.isBusy, true);
  after.release();
  assertEquals(claims.isBusy, false);
});

Deno.test("Claims takes a lease that is given back twice for one", () => {
  const { claims, listener } = holding();
  const leases = ["acme", "bolt"].map((each) => claims.lease(3, listener, each)!);
  claims.handOver(3);
  leases[0].release();
  leases[0].release();
  assertEquals([...claims.drained], []);
});

Deno.test("Claims ignores slots that are not held when they are handed over, reclaimed or lost", () => {
  const { claims } = holding();
  claims.handOver(4);
  claims.reclaim(4);
  claims.giveUp(4);
  claims.lose(4, lost);
  assertEquals([...claims.held.keys()], [3]);
});
