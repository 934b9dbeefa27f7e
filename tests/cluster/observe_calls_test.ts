import { assert, assertEquals } from "@std/assert";
import { heartbeatMs, World } from "./fixtures.ts";

Deno.test("Cluster.observeCalls() tells of the calls of heartbeats and looks, until it is disposed of", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const counts: Record<string, number> = {};
  const observing = one.cluster.observeCalls(({ operation }) => counts[operation] = (counts[operation] ?? 0) + 1);
  await world.pass(2 * heartbeatMs);
  observing[Symbol.dispose]();
  const told = { ...counts };
  await world.pass(2 * heartbeatMs);
  assert(told.heartbeat >= 2 && told.sessions >= 2, JSON.stringify(told));
  assertEquals(counts, told);
});

Deno.test("slot-released says how long the hand-over took, the end of its processes included", async () => {
  await using world = await World.open(["slow"]);
  world.manners.set("slow", { lingers: true });
  const members = [await world.member("a", { slots: 1 }), await world.member("b", { slots: 1 })];
  await world.pass(20 * heartbeatMs);
  const one = members.find(({ owned }) => owned.length > 0)!, other = members.find((each) => each !== one)!;
  const before = one.of("slot-released").length;
  void one.cluster.drain();
  await world.pass(heartbeatMs);
  assertEquals(one.cluster.snapshot().slots.handingOver, [0]);
  await world.pass(100);
  one.bots.get("slow")?.down.resolve();
  await world.pass(5 * heartbeatMs);
  const [{ handOverMs = 0 }] = one.of("slot-released").slice(before);
  assert(handOverMs >= 100 && handOverMs <= heartbeatMs + 100, `${handOverMs} ms`);
  assertEquals(other.owned, [0]);
});
