import { assertEquals, assertRejects } from "@std/assert";
import { ClaimLostError, type ClusterOptions, slotOf } from "@pact/supervisor/cluster";
import { failWith } from "../../src/testing/mod.ts";
import { heartbeatMs, manyKeys, settleMs, type TestInstance, World } from "./fixtures.ts";

const slots = 16;
const stuck = "key-7";
const slot = slotOf(stuck, slots);
/** A key of the same slot, so that its process has a claim on that as well. */
const neighbour = manyKeys(100).find((key) => key !== stuck && slotOf(key, slots) === slot)!;
/** How long a process may take to stop, gracefully and then forced, before it is stuck. */
const untilStuckMs = 8_000;

/** One instance, in which one of two keys of a slot does not end, whatever is asked of it. */
async function open(options: ClusterOptions = {}) {
  const world = await World.open([stuck, neighbour]);
  world.mayOverlap = true; // that is what abandoning a life of a key does
  world.manners.set(stuck, { deaf: true, lingers: true });
  const one = await world.member("a", options);
  const { claim, down } = one.bots.get(stuck)!;
  world.manners.delete(stuck); // its next lives do
  return { world, one, claim: claim!, down };
}

/** Has a bot of an instance write under its claim. */
async function write({ kv, bots }: TestInstance, key: string): Promise<boolean> {
  return (await bots.get(key)!.claim!.commit(kv.atomic().set(["out", key], "written"))).ok;
}

const stateOf = ({ supervisor }: TestInstance, key: string) => supervisor.status(key)?.state;
const abandonedIn = ({ supervisor }: TestInstance) => supervisor.snapshot().abandoned.map(({ key }) => key);

Deno.test("Supervisor.abandon() frees a slot that a stuck process blocks: it moves, and what goes on can commit no more", async () => {
  const { world, one, claim, down } = await open();
  await using _world = world;
  const other = await world.member("b");
  void one.cluster.drain();
  await world.pass(untilStuckMs + 10 * heartbeatMs);
  assertEquals([stateOf(one, stuck), one.owned, other.keys], ["stuck", [slot], []]);
  assertEquals([claim.signal.aborted, (await claim.commit(one.kv.atomic().set(["out", stuck], "stuck"))).ok], [
    false,
    true,
  ]);

  one.supervisor.abandon(stuck);
  assertEquals([claim.signal.aborted, claim.signal.reason instanceof ClaimLostError], [true, true]);
  const commits = one.kv.count("commit");
  await assertRejects(() => claim.commit(one.kv.atomic().set(["out", stuck], "late")), ClaimLostError);
  assertEquals(one.kv.count("commit"), commits, "the database was asked");

  await world.pass(3 * heartbeatMs);
  assertEquals([one.owned, one.keys, other.keys], [[], [], [stuck, neighbour].sort()]);
  assertEquals([await write(other, stuck), await write(other, neighbour)], [true, true]);
  await assertRejects(() => claim.commit(one.kv.atomic().set(["out", stuck], "late")), ClaimLostError);
  assertEquals((await world.database.raw.get(["out", stuck])).value, "written");

  assertEquals(abandonedIn(one), [stuck]);
  down.resolve();
  await world.settle();
  assertEquals([abandonedIn(one), other.keys], [[], [stuck, neighbour].sort()]);
});

Deno.test("Supervisor.abandon() revokes the claim of that life alone: its neighbour and its next life write under the same token", async () => {
  const { world, one, claim, down } = await open();
  await using _world = world;
  const beside = one.bots.get(neighbour)!.claim!;
  await world.writer.set(stuck, "changed");
  await world.pass(untilStuckMs + heartbeatMs);
  assertEquals(stateOf(one, stuck), "stuck");
  one.supervisor.abandon(stuck);
  await world.settle();
  const next = one.bots.get(stuck)!.claim!;
  assertEquals([stateOf(one, stuck), stateOf(one, neighbour)], ["running", "running"]);
  assertEquals([claim.token, beside.token, next !== claim], [next.token, next.token, true]);
  assertEquals([claim, beside, next].map(({ signal }) => signal.aborted), [true, false, false]);
  assertEquals([await write(one, stuck), await write(one, neighbour)], [true, true]);
  await assertRejects(() => claim.commit(one.kv.atomic().set(["out", stuck], "late")), ClaimLostError);
  down.resolve();
});

Deno.test("Supervisor.abandon() lets go of the fenced session that a stuck process kept: its record is deleted", async () => {
  const { world, one, claim, down } = await open({ ttlMs: 20 * heartbeatMs });
  await using _world = world;
  const untilThat = (isTrue: () => boolean) => world.until(async () => (await world.pass(settleMs), isTrue()));
  one.kv.break(failWith(new Error("oops")));
  await untilThat(() => one.of("session-fenced").length > 0);
  one.kv.break();
  await untilThat(() => stateOf(one, stuck) === "stuck");
  assertEquals(await world.database.sessions(), ["a-0", "a-1"]);
  assertEquals(await claim.commit(one.kv.atomic().set(["out", stuck], "late")), { ok: false });
  one.supervisor.abandon(stuck);
  await world.settle();
  assertEquals(await world.database.sessions(), ["a-1"]);
  await assertRejects(() => claim.commit(one.kv.atomic().set(["out", stuck], "late")), ClaimLostError);
  await world.pass(heartbeatMs);
  assertEquals([stateOf(one, stuck), await write(one, stuck)], ["running", true]);
  down.resolve();
});

Deno.test("Cluster leaves no session behind for the sake of an abandoned life that goes on", async () => {
  const { world, one, down } = await open();
  await using _world = world;
  await world.writer.delete(stuck);
  await world.pass(untilStuckMs + heartbeatMs);
  one.supervisor.abandon(stuck);
  one.leave();
  await world.settle();
  assertEquals([one.run.fate, await world.database.sessions(), abandonedIn(one)], ["resolved", [], [stuck]]);
  down.resolve();
  await world.settle();
  assertEquals(abandonedIn(one), []);
});
