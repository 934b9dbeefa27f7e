import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type KvCall, KvTimeoutError } from "../../src/kv/mod.ts";
import { FaultyKv, hang } from "../../src/testing/mod.ts";
import { botTable, settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

async function open() {
  const kv = new FaultyKv(await Deno.openKv(":memory:")), clock = new ManualClock(), calls: KvCall[] = [];
  const table = botTable(kv, { clock, timeoutMs: 1_000 });
  return { kv, clock, calls, table, [Symbol.dispose]: () => kv.close() };
}

Deno.test("KvTable.observeCalls() tells of each call that has ended, until it is disposed of", async () => {
  using world = await open();
  const { table, calls } = world;
  await table.set("before", 1);
  const observing = table.observeCalls((call) => calls.push(call));
  await table.set("a", 1);
  await table.get("a");
  await settle();
  observing[Symbol.dispose]();
  await table.set("after", 1);
  await settle();
  assertEquals(calls, [{ operation: "write", durationMs: 0 }, { operation: "look", durationMs: 0 }]);
});

Deno.test("KvTable.observeCalls() says how long a call took and what it failed with", async () => {
  using world = await open();
  const { table, calls, clock, kv } = world;
  using _observing = table.observeCalls((call) => calls.push(call));
  kv.inject("commit", hang());
  const write = assertRejects(() => table.set("a", 1), KvTimeoutError);
  await settle();
  clock.advance(1_000);
  await write;
  await settle();
  assertEquals(
    calls.map(({ operation, durationMs, error }) => [operation, durationMs, error instanceof KvTimeoutError]),
    [
      ["write", 1_000, true],
    ],
  );
});

Deno.test("KvTable.observeCalls() changes nothing when its listener throws, and ends with its signal", async () => {
  using world = await open();
  const { error } = console, printed: string[] = [];
  console.error = (line: string) => void printed.push(line);
  const enough = new AbortController();
  try {
    world.table.observeCalls(() => {
      throw new Error("oops");
    }, { signal: enough.signal });
    await world.table.set("a", 1);
    await settle();
    enough.abort();
    await world.table.set("a", 2);
    await settle();
  } finally {
    console.error = error;
  }
  assertEquals(printed, ["An event listener failed: Error: oops"]);
});

Deno.test("KvTable.observeCalls() refuses what is no function", async () => {
  using world = await open();
  assertThrows(() => world.table.observeCalls(5 as never), TypeError, "a listener is a function, current value is 5");
});

Deno.test("KvTable.observeCalls() has nothing measured while there is no listener", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock(), monotonic = clock.monotonic.bind(clock);
  let reads = 0;
  clock.monotonic = () => (reads++, monotonic());
  const table = botTable(kv, { clock });
  const readsOfWrite = async () => {
    reads = 0;
    await table.set("a", 1);
    await settle();
    return reads;
  };
  const before = await readsOfWrite();
  const observing = table.observeCalls(() => {});
  const meanwhile = await readsOfWrite();
  observing[Symbol.dispose]();
  assertEquals([meanwhile, await readsOfWrite()], [before + 2, before]);
});
