import { assertEquals, assertRejects } from "@std/assert";
import { MeteredKv, sumUnits, type Units, valueSize } from "./units.ts";

/** A text takes 3 bytes and its length, which is 2 bytes long here, before its characters. */
const textOverhead = 5;
/** One letter between two marks. */
const keyBytes = 3;

/** A value that makes a row under a key of one letter as big as that. */
function rowOf(bytes: number): string {
  return "x".repeat(bytes - textOverhead - keyBytes);
}

const none = { reads: 0, writes: 0, watched: 0 };

interface Sum {
  readonly name: string;
  readonly act: (kv: Deno.Kv) => Promise<unknown>;
  readonly units: Partial<Units>;
  readonly calls: Partial<Units["calls"]>;
}

async function readAll(kv: Deno.Kv, options?: Deno.KvListOptions): Promise<void> {
  await Array.fromAsync(kv.list({ prefix: ["rows"] }, options));
}

/** In the database stand "a" with 4 096 bytes, "b" with 4 097, and 4 rows of 2 048 bytes below "rows". */
const sums: readonly Sum[] = [
  { name: "get of nothing", act: (kv) => kv.get(["none"]), units: { reads: 1 }, calls: { get: 1 } },
  { name: "get of 4 096 bytes", act: (kv) => kv.get(["a"]), units: { reads: 1 }, calls: { get: 1 } },
  { name: "get of 4 097 bytes", act: (kv) => kv.get(["b"]), units: { reads: 2 }, calls: { get: 1 } },
  {
    name: "getMany of nothing, 4 096 and 4 097 bytes",
    act: (kv) => kv.getMany([["none"], ["a"], ["b"]]),
    units: { reads: 1 + 1 + 2 },
    calls: { getMany: 1 },
  },
  {
    name: "list of nothing",
    act: (kv) => Array.fromAsync(kv.list({ prefix: ["none"] })),
    units: { reads: 1 },
    calls: { list: 1 },
  },
  { name: "list of 8 192 bytes in one batch", act: readAll, units: { reads: 2 }, calls: { list: 1 } },
  {
    name: "list in batches of 3 and 1",
    act: (kv) => readAll(kv, { batchSize: 3 }),
    units: { reads: 2 + 1 },
    calls: { list: 2 },
  },
  {
    name: "list in batches of 2, 2 and 0",
    act: (kv) => readAll(kv, { batchSize: 2 }),
    units: { reads: 1 + 1 + 1 },
    calls: { list: 3 },
  },
  {
    name: "list up to its limit",
    act: (kv) => readAll(kv, { limit: 4 }),
    units: { reads: 2 },
    calls: { list: 1 },
  },
  {
    name: "list that is left after its first row",
    act: async (kv) => {
      for await (const _row of kv.list({ prefix: ["rows"] })) break;
    },
    units: { reads: 1 },
    calls: { list: 1 },
  },
  { name: "set of 1 024 bytes", act: (kv) => kv.set(["c"], rowOf(1_024)), units: { writes: 1 }, calls: { set: 1 } },
  { name: "set of 1 025 bytes", act: (kv) => kv.set(["c"], rowOf(1_025)), units: { writes: 2 }, calls: { set: 1 } },
  {
    name: "set of bytes, which are stored as they are",
    act: (kv) => kv.set(["c"], new Uint8Array(1_024 - keyBytes)),
    units: { writes: 1 },
    calls: { set: 1 },
  },
  { name: "delete of 4 097 bytes", act: (kv) => kv.delete(["b"]), units: { writes: 1 }, calls: { delete: 1 } },
  {
    name: "commit of 3 checks, sets of 1 and 2 KiB and a delete",
    act: (kv) =>
      kv.atomic()
        .check(...["x", "y", "z"].map((key) => ({ key: [key], versionstamp: null })))
        .set(["c"], rowOf(1_024)).set(["d"], rowOf(2_048)).delete(["a"])
        .commit(),
    units: { writes: 1 + 2 + 1 },
    calls: { commit: 1 },
  },
  {
    name: "commit under keys that end with its versionstamp, which takes 22 bytes",
    act: (kv) =>
      kv.atomic()
        .set([true, kv.commitVersionstamp()], new Uint8Array(1_024 - 1 - 22))
        .set([false, kv.commitVersionstamp()], new Uint8Array(1_025 - 1 - 22))
        .commit(),
    units: { writes: 1 + 2 },
    calls: { commit: 1 },
  },
  {
    name: "commit of sums, each a number of 8 bytes",
    act: (kv) => kv.atomic().sum(["n"], 1n).min(["n"], 1n).max(["n"], 1n).commit(),
    units: { writes: 3 },
    calls: { commit: 1 },
  },
  {
    name: "commit of a set of 2 KiB and a delete by mutate",
    act: (kv) =>
      kv.atomic()
        .mutate({ type: "set", key: ["c"], value: rowOf(2_048) }, { type: "delete", key: ["a"] })
        .commit(),
    units: { writes: 2 + 1 },
    calls: { commit: 1 },
  },
  {
    name: "commit that is refused",
    act: (kv) => kv.atomic().check({ key: ["a"], versionstamp: null }).set(["c"], 1).commit(),
    units: {},
    calls: { commit: 1 },
  },
  {
    name: "watch of nothing and 4 097 bytes, told twice",
    act: async (kv) => {
      const reader = kv.watch([["none"], ["b"]]).getReader();
      await reader.read();
      await kv.set(["none"], 1);
      await reader.read();
      await reader.cancel();
    },
    units: { watched: 2 * (1 + 2), writes: 1 },
    calls: { watch: 2, set: 1 },
  },
];

async function openFilled(): Promise<Deno.Kv> {
  const kv = await Deno.openKv(":memory:");
  await kv.set(["a"], rowOf(4_096));
  await kv.set(["b"], rowOf(4_097));
  // The prefix takes 6 bytes of each key.
  for (const key of ["1", "2", "3", "4"]) await kv.set(["rows", key], rowOf(2_048 - 6));
  return kv;
}

for (const { name, act, units, calls } of sums) {
  Deno.test(`MeteredKv counts ${name} as by hand`, async () => {
    using kv = new MeteredKv(await openFilled());
    await act(kv);
    const { calls: found, ...counted } = kv.units;
    assertEquals(counted, { ...none, ...units });
    assertEquals(Object.fromEntries(Object.entries(found).filter(([, count]) => count > 0)), calls);
  });
}

Deno.test("MeteredKv counts a row by its newest version", async () => {
  using kv = new MeteredKv(await openFilled());
  await kv.get(["b"]);
  await kv.set(["b"], 1);
  await kv.get(["b"]);
  assertEquals(kv.units.reads, 2 + 1);
});

Deno.test("MeteredKv counts a call that fails, and no units of it", async () => {
  const kv = new MeteredKv(await Deno.openKv(":memory:"));
  kv.close();
  await assertRejects(() => kv.get(["a"]), Deno.errors.BadResource);
  await assertRejects(() => kv.delete(["a"]), Deno.errors.BadResource);
  const { calls, ...units } = kv.units;
  assertEquals([units, calls.get, calls.delete], [none, 1, 1]);
});

Deno.test("MeteredKv gives what the database gives", async () => {
  using database = await openFilled();
  const kv = new MeteredKv(database);
  assertEquals(await kv.get(["a"]), await database.get(["a"]));
  const [listing, metered] = [database, kv].map((each) => each.list({ prefix: ["rows"] }, { batchSize: 2 }));
  assertEquals(await Array.fromAsync(metered), await Array.fromAsync(listing));
  assertEquals(metered.cursor, listing.cursor);
});

// The most that the database takes is 65 536 bytes, so its own arithmetic is known there.
for (
  const { name, make, most } of [
    { name: "a text", make: (length: number) => "x".repeat(length), most: 65_530 },
    { name: "bytes", make: (length: number) => new Uint8Array(length), most: 65_536 },
  ]
) {
  Deno.test(`valueSize() of ${name} is what the database measures`, async () => {
    using kv = await Deno.openKv(":memory:");
    assertEquals(valueSize(make(most)), 65_536);
    await kv.set(["a"], make(most));
    await assertRejects(() => kv.set(["a"], make(most + 1)), TypeError, "too large");
  });
}

Deno.test("sumUnits() adds units and calls", async () => {
  using kv = new MeteredKv(await openFilled());
  await kv.get(["b"]);
  await kv.delete(["b"]);
  const { reads, writes, calls } = sumUnits([kv.units, kv.units]);
  assertEquals([reads, writes, calls.get, calls.delete], [4, 2, 2, 2]);
});
