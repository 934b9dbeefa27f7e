import { assert, assertEquals, assertThrows } from "@std/assert";
import { latencyOf, measureEvents, measureRemoteLatency, measureRest, monthMs } from "./measures.ts";
import { type FleetOptions, VirtualFleet } from "./virtual_fleet.ts";

const entries = 20;

/** A cluster of two that is up. */
async function openPair(options: Partial<FleetOptions> = {}): Promise<VirtualFleet> {
  const fleet = await VirtualFleet.open({ entries, isClustered: true, isRemote: true, pace: {}, ...options });
  fleet.join();
  fleet.join();
  await fleet.pass(20_000);
  return fleet;
}

Deno.test("VirtualFleet runs each entry on one of its instances", async () => {
  await using fleet = await openPair();
  const keys = fleet.members.flatMap(({ instance }) => instance.supervisor.keys());
  assertEquals([keys.length, new Set(keys).size, fleet.running], [entries, entries, entries]);
});

Deno.test("VirtualFleet.change() replaces the process, and costs its writer three units of writes", async () => {
  await using fleet = await openPair();
  const before = fleet.units.writes, lives = fleet.members.map(({ instance }) => instance.lives);
  await fleet.change(3);
  assertEquals(fleet.units.writes - before, 3);
  await fleet.pass(1_000);
  const changes = fleet.members.map(({ instance }, index) => instance.lives - lives[index]);
  assertEquals(changes.toSorted(), [0, 2]);
});

for (const { isRemote, messages } of [{ isRemote: true, messages: 2 }, { isRemote: false, messages: 0 }]) {
  Deno.test(`VirtualFleet has watches of two instances tell ${messages} times of a change, remote: ${isRemote}`, async () => {
    await using fleet = await openPair({ isRemote });
    const before = fleet.units.watched;
    await fleet.change(3);
    await fleet.pass(1_000);
    assertEquals(fleet.units.watched - before, messages);
  });
}

Deno.test("VirtualFleet.crash() ends a process, which starts again", async () => {
  await using fleet = await openPair();
  fleet.crash(3);
  await fleet.pass(200);
  assertEquals(fleet.running, entries - 1);
  await fleet.pass(5_000);
  assertEquals(fleet.running, entries);
});

Deno.test("VirtualFleet.kill() ends an instance, and the other one runs everything after its time to live", async () => {
  await using fleet = await openPair();
  fleet.kill(fleet.members[0]);
  const { writes } = fleet.members[0].kv.units;
  assert(fleet.running < entries);
  await fleet.pass(30_000);
  assertEquals([fleet.running, fleet.members[0].kv.units.writes], [entries, writes]);
});

Deno.test("VirtualFleet.crash() refuses what does not run", async () => {
  await using fleet = await openPair();
  assertThrows(() => fleet.crash(entries), Error, "Cannot crash tenant-000020: it does not run");
});

Deno.test("VirtualFleet counts one unit for 20 rows of 150 bytes, two for 40, and one each for the pauses and the troubles", async () => {
  for (const { rows, units } of [{ rows: 20, units: 1 + 2 }, { rows: 40, units: 2 + 2 }]) {
    await using fleet = await VirtualFleet.open({ entries: rows, isClustered: false, isRemote: true, pace: {} });
    assertEquals(await fleet.listTable(), units);
  }
});

Deno.test("measureRest() finds one unit of writes for each heartbeat of an instance", async () => {
  const { writes } = await measureRest({ entries, instances: 2, isRemote: true }, 1);
  assertEquals(Math.round(writes), monthMs / 5_000);
});

Deno.test("measureRest() finds a write and a look a minute for each entry that fails again and again, and nothing for one that is parked", async () => {
  const scene = { entries, instances: 0, isRemote: true };
  const well = await measureRest(scene, 1);
  const [one, two] = [await measureRest({ ...scene, ailing: 1 }, 1), await measureRest({ ...scene, ailing: 2 }, 1)];
  const minutes = monthMs / 60_000;
  assertEquals(well.writes, 0);
  assert(one.writes > 0.8 * minutes && one.writes < 1.4 * minutes, `${one.writes / minutes} writes a minute`);
  assert(two.writes < 1.1 * one.writes, `${two.writes / one.writes} times the writes with one that is parked`);
  assert(one.reads - well.reads < 8 * minutes, `${(one.reads - well.reads) / minutes} reads a minute`);
});

Deno.test("measureEvents() finds that a change writes three units and a crash one, which the table remembers", async () => {
  const { change, crash } = await measureEvents({ entries, instances: 0, isRemote: true });
  assertEquals([change.writes, crash.writes], [3, 1]);
});

Deno.test("latencyOf() finds the middle of what was measured, and what 95 of 100 do not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assertEquals(latencyOf(hundred), { medianMs: 50, p95Ms: 95 });
  assertEquals(latencyOf([7]), { medianMs: 7, p95Ms: 7 });
});

Deno.test("measureRemoteLatency() finds two calls, one for the change log and one for the entry", async () => {
  assertEquals(await measureRemoteLatency(50), { medianMs: 100, p95Ms: 100 });
});
