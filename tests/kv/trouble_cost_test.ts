import { assert, assertEquals } from "@std/assert";
import { leaf, type Runnable, Supervisor } from "@pact/supervisor";
import { KvTable } from "../../src/kv/mod.ts";
import { FaultyKv } from "../../src/testing/mod.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

/** Lets time pass in small steps, with everything done that comes of each. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    await settle();
  }
}

/** What a minute costs at the database, of keys that are all treated alike. */
async function costOfAMinute(
  create: () => Runnable,
): Promise<{ commits: number; sets: number; table: KvTable<string, number> }> {
  using kv = new FaultyKv(new MemoryKv());
  const clock = new ManualClock();
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: number, _key: string) => create(), clock });
  for (const key of ["a", "b", "c"]) await table.set(key, 1);
  const restart = { factor: 1, jitter: 0 };
  const supervisor = new Supervisor(table, { clock, restart });
  supervisor.subscribe(() => {});
  const before = kv.count("commit");
  let commits = 0;
  await supervisor.run(async () => {
    await pass(clock, 60_000 - 500);
    commits = kv.count("commit") - before;
  });
  return { commits, sets: kv.count("set"), table };
}

Deno.test("KvTable: keys that are well cost not one write", async () => {
  const { commits, sets } = await costOfAMinute(() =>
    leaf((signal) => new Promise<void>((resolve) => signal.onabort = () => resolve()))
  );
  assertEquals([commits, sets], [0, 0]);
});

Deno.test("KvTable: a key that crashes every second costs at most six writes a minute", async () => {
  const { commits, sets } = await costOfAMinute(() => leaf(() => Promise.reject(new Error("oops"))));
  assert(commits > 3 * 4 && commits <= 3 * 6, `${commits} writes of three keys`);
  assertEquals(sets, 0);
});
