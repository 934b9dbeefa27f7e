import { assert, assertEquals } from "@std/assert";
import { chain, type Clock, leaf, nop, type Runnable, Supervisor, systemClock } from "@pact/supervisor";
import { Cluster } from "../../src/cluster/mod.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { MeteredKv } from "../bench/units.ts";
import { Face, givesUp, statusOf } from "./fixtures.ts";

const bad = leaf(() => Promise.reject(new Error("HTTP 500")));

/** An instance that has a fleet to itself, with 50 of its keys in trouble. */
async function withFleet(
  entries: number,
  look: (face: Face, kv: MeteredKv, self: string) => Promise<void>,
): Promise<void> {
  using kv = new MeteredKv(await Deno.openKv(":memory:"));
  const cluster = new Cluster(kv, { allowLocal: true, watchSees: "everybody" });
  const table = cluster.table(kv, {
    prefix: ["bots"],
    create: (spec: string, _key: string): Runnable => spec === "bad" ? bad : nop,
  });
  for (let first = 0; first < entries; first += 500) {
    const atomic = kv.atomic();
    for (let index = first; index < Math.min(entries, first + 500); index++) {
      atomic.set(["bots", `tenant-${index}`], index < 50 ? "bad" : "ok");
    }
    await atomic.commit();
  }
  const supervisor = new Supervisor(table, { restart: { limit: 1 } });
  const parked = givesUp(supervisor, 50);
  await chain(cluster, supervisor).run(async () => {
    await supervisor.reconcile();
    await parked;
    await look(new Face({ supervisor, cluster, table }), kv, cluster.snapshot().session ?? "");
  });
}

/** What the page asks for again and again. */
const polled = ["overview", ...["stuck", "parked", "retrying"].map((state) => `processes?limit=50&state=${state}`)];

Deno.test("what the page polls reads nothing from the database for the keys of its own instance", async () => {
  await withFleet(1_000, async (face, kv, self) => {
    const before = kv.units.reads;
    for (const path of polled) assertEquals(await statusOf(face.get(`/api/${path}`)), 200);
    for (const path of polled.slice(1)) assertEquals(await statusOf(face.get(`/api/${path}&session=${self}`)), 200);
    const { items } = await face.json("/api/processes?state=parked");
    assertEquals([items.length, kv.units.reads - before], [50, 0]);
  });
});

Deno.test("a page of a hundred processes of 10 000 reads those and what is remembered of 50, and no more", async () => {
  await withFleet(10_000, async (face, kv) => {
    const before = kv.units.reads;
    assertEquals((await face.json("/api/processes?limit=100")).items.length, 100);
    assert(kv.units.reads - before <= 20, `${kv.units.reads - before} units`);
  });
});

Deno.test("one process costs a look at it", async () => {
  await withFleet(100, async (face, kv) => {
    const before = kv.units.reads, { items: [{ id }] } = await face.json("/api/processes?state=parked");
    assertEquals(await statusOf(face.get(`/api/processes/${id}`)), 200);
    assertEquals(kv.units.reads - before, 4);
  });
});

Deno.test("what is in trouble elsewhere costs a unit a key at first, and then what lists it", async () => {
  using database = await Deno.openKv(":memory:");
  const kv = new MeteredKv(database);
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => bad });
  for (let index = 0; index < 50; index++) await table.set(`tenant-${index}`, "bad");
  const supervisor = new Supervisor(table, { restart: { limit: 1 } });
  const parked = givesUp(supervisor, 50);
  await supervisor.run(() => parked);
  let shiftMs = 0;
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + shiftMs };
  const face = new Face({ table, clock });
  for (const most of [70, 8, 8]) {
    const before = kv.units.reads;
    const answers = await Promise.all(polled.slice(1).map((path) => face.json(`/api/${path}`)));
    assertEquals(answers.map(({ items }) => items.length), [0, 50, 0]);
    assert(kv.units.reads - before <= most, `${kv.units.reads - before} units`);
    shiftMs += 10_000;
  }
});
