import { assert, assertEquals } from "@std/assert";
import { chain, nop, type Runnable, Supervisor } from "@pact/supervisor";
import { Cluster, type ClusterOptions } from "../../src/cluster/mod.ts";
import { place } from "../../src/cluster/placement.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { TestDatabase, type TestKv } from "./fixtures.ts";

const minuteMs = 60_000;
const none: readonly string[] = [];

/** A program whose cluster has a handle on the database of its own, so that only its calls are counted. */
interface Program {
  readonly kv: TestKv;
  readonly cluster: Cluster;
  readonly supervisor: Supervisor<number, Runnable>;
}

/** Begins instances at the same time, all over one table; `end` ends them, and `leave` does not wait for it. */
function begin(database: TestDatabase, count: number, options: ClusterOptions = {}) {
  const { clock } = database;
  const over = Promise.withResolvers<void>();
  const programs = Array.from({ length: count }, (): Program => {
    const [kv, tableKv] = [database.handle(), database.handle()];
    const cluster = new Cluster(kv, { prefix: ["c"], allowLocal: true, clock, random: () => 0.5, ...options });
    const table = new KvTable<number, null, Runnable>(tableKv, {
      prefix: ["bots"],
      clock,
      pollMs: 5_000,
      create: () => nop,
    });
    return { kv, cluster, supervisor: new Supervisor(cluster.own(table), { clock }) };
  });
  const runs = programs.map(({ cluster, supervisor }) =>
    watch(chain(cluster, supervisor).run(() => over.promise, { signal: new AbortController().signal }))
  );
  return {
    programs,
    leave: () => over.resolve(),
    async end() {
      over.resolve();
      await database.pass(minuteMs);
      assertEquals([runs.map(({ fate }) => fate), clock.pending], [runs.map(() => "resolved"), 0]);
    },
  };
}

async function fill(database: TestDatabase, entries: number): Promise<void> {
  for (let from = 0; from < entries; from += 1_000) {
    const atomic = database.raw.atomic();
    for (let key = from; key < Math.min(entries, from + 1_000); key++) atomic.set(["bots", key], null);
    await atomic.commit();
  }
}

/** Counts what each cluster asks of the database in a minute. */
async function countMinute(database: TestDatabase, programs: readonly Program[]) {
  const operations = ["commit", "list", "get", "getMany", "set", "delete", "watch"] as const;
  const counts = () => programs.map(({ kv }) => operations.map((operation) => kv.count(operation)));
  const before = counts();
  for (const { kv } of programs) kv.listed.length = 0;
  await database.pass(minuteMs);
  return counts().map((after, index) => {
    const [commit, list, ...others] = after.map((count, each) => count - before[index][each]);
    const claims = programs[index].kv.listed.filter((kind) => kind === "claim").length;
    return { commit, list, claims, others: others.reduce((sum, count) => sum + count, 0) };
  });
}

const beats = [
  { heartbeatMs: 1_000, ttlMs: 3_000 },
  { heartbeatMs: 5_000, ttlMs: 15_000 },
  { heartbeatMs: 10_000, ttlMs: 60_000 },
  { heartbeatMs: 20_000, ttlMs: 60_000 },
];
for (const options of beats) {
  const perMinute = minuteMs / options.heartbeatMs;

  for (
    const [watchSees, reads, others] of [
      ["this process", "reads five times as often", 5 * perMinute],
      ["everybody", "reads nothing", 0],
    ] as const
  ) {
    Deno.test(`Cluster that is idle writes and lists ${perMinute} times a minute, claims never, and ${reads} where a watch sees ${watchSees}, with a heartbeat of ${options.heartbeatMs} ms`, async () => {
      using database = await TestDatabase.open();
      const { programs, end } = begin(database, 3, { ...options, watchSees });
      await database.pass(3 * options.heartbeatMs);
      for (const counted of await countMinute(database, programs)) {
        assertEquals(counted, { commit: perMinute, list: perMinute, claims: 0, others });
      }
      await end();
    });
  }
}

for (const [heartbeatMs, everyMinutes] of [[1_000, 5], [5_000, 5], [40_000, 10]] as const) {
  Deno.test(`Cluster that is idle lists the claims once in ${everyMinutes} minutes with a heartbeat of ${heartbeatMs} ms`, async () => {
    using database = await TestDatabase.open();
    const { programs, end } = begin(database, 1, { heartbeatMs, ttlMs: 3 * heartbeatMs });
    await database.pass(3 * heartbeatMs);
    const counted = [];
    for (let minutes = 0; minutes < 2 * everyMinutes; minutes++) {
      counted.push((await countMinute(database, programs))[0].claims);
    }
    assertEquals(counted.reduce((sum, count) => sum + count), 2);
    await end();
  });
}

Deno.test("Cluster costs the same with no entry, and with 2 000 that run", async () => {
  const counted = [];
  for (const entries of [0, 2_000]) {
    using database = await TestDatabase.open();
    await fill(database, entries);
    const { programs, end } = begin(database, 2);
    await database.pass(15_000);
    assertEquals(programs.reduce((sum, { supervisor }) => sum + supervisor.keys().length, 0), entries);
    counted.push(await countMinute(database, programs));
    await end();
  }
  assertEquals(counted[0], counted[1]);
});

Deno.test("Cluster costs each session the same with 2 sessions and with 8", async () => {
  const counted = [];
  for (const sessions of [2, 8]) {
    using database = await TestDatabase.open();
    const { programs, end } = begin(database, sessions);
    await database.pass(15_000);
    counted.push((await countMinute(database, programs))[0]);
    await end();
  }
  assertEquals(counted[0], counted[1]);
});

Deno.test("Clusters of 4 instances start 10 000 entries with at most 256 writes of claims beside the heartbeats", async () => {
  using database = await TestDatabase.open();
  await fill(database, 10_000);
  const { programs, end } = begin(database, 4);
  await database.pass(10_000);
  const keys = programs.flatMap(({ supervisor }) => supervisor.keys());
  assertEquals([keys.length, new Set(keys).size], [10_000, 10_000]);
  // A heartbeat checks its own record alone, as does the write of a first revision; a claim checks that of its session too.
  const writes = programs.map(({ kv }) => ({
    beats: kv.checks.filter((checks) => checks === 1).length,
    all: kv.checks.length,
  }));
  const claims = writes.reduce((sum, { all, beats }) => sum + all - beats, 0);
  assert(claims > 0 && claims <= 256, `${claims} writes of claims`);
  assertEquals(writes.map(({ beats }) => beats), [5, 5, 5, 5]);
  assertEquals(
    programs.flatMap(({ kv }) => kv.count("set") + kv.count("delete") > 0 ? ["a write without a check"] : none),
    [],
  );
  await end();
});

Deno.test("Cluster that hears no watch lists the claims five times in a heartbeat at most, however often the bell is rung", async () => {
  using database = await TestDatabase.open();
  const { programs: [{ kv }], end } = begin(database, 1);
  await database.pass(15_000);
  kv.listed.length = 0;
  for (let rings = 0; rings < 500; rings++) {
    await database.raw.set(["@pact/supervisor", '["c"]', "session", "!bell"], 1);
    await database.pass(50);
  }
  const claims = kv.listed.filter((kind) => kind === "claim").length; // in five heartbeats
  assert(claims > 20 && claims <= 26, `${claims} listings`);
  await end();
});

Deno.test("Clusters claim 256 slots with not many more writes than batches of 9", async () => {
  using database = await TestDatabase.open();
  const { programs, end } = begin(database, 4);
  await database.pass(10_000);
  const claims = programs.flatMap(({ kv }) => kv.checks).filter((checks) => checks > 1).length;
  assert(claims <= Math.ceil(256 / 9) + 4, `${claims} writes`);
  await end();
});

Deno.test("Cluster that joins three others has its share a heartbeat after it has proven itself, and no session lists the claims twelve times for it", async () => {
  using database = await TestDatabase.open();
  const first = begin(database, 3);
  await database.pass(60_000);
  for (const { kv } of first.programs) kv.listed.length = 0;
  const second = begin(database, 1);
  await database.pass(10_000); // three beats and what tells of them
  await database.pass(5_000);
  const programs = [...first.programs, ...second.programs];
  const ids = programs.map(({ cluster }) => cluster.snapshot().session ?? "none");
  const counts = programs.map(({ cluster }) => cluster.snapshot().slots.owned.length);
  const shares = place(ids, 256);
  assertEquals(counts, ids.map((id) => shares.filter((each) => each === id).length));
  const claims = programs.map(({ kv }) => kv.listed.filter((kind) => kind === "claim").length);
  assert(Math.max(...claims) < 12, `${claims} listings`);
  second.leave();
  await first.end();
});

Deno.test("Cluster gives slots back in batches when it hands them over", async () => {
  using database = await TestDatabase.open();
  const first = begin(database, 1);
  await database.pass(10_000);
  const { kv } = first.programs[0];
  kv.checks.length = 0;
  const second = begin(database, 1);
  await database.pass(100_000);
  const released = 256 - first.programs[0].cluster.snapshot().slots.owned.length;
  const writes = kv.checks.length - 100_000 / 5_000; // without the heartbeats
  assert(released >= 100 && writes <= Math.ceil(released / 8) + 1, `${writes} writes for ${released} slots`);
  second.leave();
  await first.end();
});
