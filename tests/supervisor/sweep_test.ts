import { assertEquals, assertThrows } from "@std/assert";
import { Supervisor } from "@pact/supervisor";
import { settle, TestTable, World } from "./fixtures/mod.ts";

const sweepMs = 900_000;
const oops = new Error("oops");

/** Checks after how long the next pass comes, to the ms. */
async function passesAfter(world: World, ms: number): Promise<void> {
  const { iterations } = world.table;
  await world.time.pass(ms - 1);
  assertEquals(world.table.iterations, iterations, `passes within ${ms - 1} ms`);
  await world.time.pass(1);
  assertEquals(world.table.iterations, iterations + 1, `passes within ${ms} ms`);
}

for (const [random, ms] of [[0, 810_000], [0.5, 900_000], [0.999999, 990_000]]) {
  Deno.test(`Supervisor makes a pass after ${ms} ms with sweepMs 900 000 when chance is ${random}`, async () => {
    await using world = new World({ a: {} }, { sweepMs, random: () => random });
    await world.begin();
    for (let i = 0; i < 3; i++) await passesAfter(world, ms);
  });
}

for (const intervalMs of [70, 60_000, 3_600_000]) {
  Deno.test(`Supervisor makes a pass every ${intervalMs} ms with that intervalMs, whatever sweepMs is`, async () => {
    await using world = new World({ a: {} }, { sweepMs, intervalMs });
    await world.begin();
    for (let i = 0; i < 3; i++) await passesAfter(world, intervalMs);
  });
}

Deno.test("Supervisor treats intervalMs undefined like an absent one, and takes sweepMs", async () => {
  await using world = new World({}, { sweepMs, intervalMs: undefined });
  await world.begin();
  await passesAfter(world, sweepMs);
});

Deno.test("Supervisor makes a pass every 60 s over a table with sweepMs and without changes", async () => {
  await using world = new World({}, { sweepMs, announces: false });
  await world.begin();
  for (let i = 0; i < 3; i++) await passesAfter(world, 60_000);
});

const hour = { minDelayMs: 3_600_000, maxDelayMs: 3_600_000, jitter: 0 };

Deno.test("Supervisor makes a pass every 60 s while the changes of a table with sweepMs have failed", async () => {
  await using world = new World({ a: {} }, { sweepMs, restart: hour });
  await world.begin();
  await world.time.pass(600_000);
  world.table.streams[0].fail(oops);
  await settle();
  for (let i = 0; i < 3; i++) await passesAfter(world, 60_000);
});

Deno.test("Supervisor makes no pass later than sweepMs because the changes have failed", async () => {
  await using world = new World({ a: {} }, { sweepMs: 5_000, restart: hour });
  await world.begin();
  world.table.streams[0].fail(oops);
  await settle();
  for (let i = 0; i < 3; i++) await passesAfter(world, 5_000);
});

Deno.test("Supervisor goes back to sweepMs when the changes are followed again", async () => {
  await using world = new World({ a: {} }, { sweepMs });
  await world.begin();
  world.table.streams[0].fail(oops);
  await world.time.pass(1_000);
  assertEquals([world.table.streams.length, world.table.iterations], [2, 2]);
  await passesAfter(world, sweepMs);
});

Deno.test("Supervisor keeps an explicit intervalMs while the changes have failed", async () => {
  await using world = new World({ a: {} }, { sweepMs, intervalMs: 200_000, restart: hour });
  await world.begin();
  world.table.streams[0].fail(oops);
  await settle();
  await passesAfter(world, 200_000);
});

Deno.test("Supervisor waits 60 s at most to pass over a table with sweepMs that failed", async () => {
  await using world = new World({ a: {} }, { sweepMs, restart: hour });
  world.table.onIterate = () => Promise.reject(oops);
  await world.begin();
  for (let i = 0; i < 3; i++) await passesAfter(world, 60_000);
});

Deno.test("Supervisor does not put the pass over a table that failed off because its changes fail too", async () => {
  await using world = new World({ a: {} }, { sweepMs, restart: hour });
  world.table.onIterate = () => Promise.reject(oops);
  await world.begin();
  await world.time.pass(30_000);
  world.table.streams[0].fail(oops);
  await settle();
  await passesAfter(world, 30_000);
});

Deno.test("Supervisor asks for no chance between passes over a table without sweepMs", async () => {
  let asked = 0;
  await using world = new World({ a: {} }, { random: () => (asked++, 0.5) });
  await world.begin();
  await world.time.pass(600_000);
  assertEquals([asked, world.table.iterations], [0, 11]);
});

function tableWith(sweepMs: unknown): TestTable {
  return Object.assign(new TestTable(), { sweepMs });
}

for (const value of [0, -1, NaN, Infinity, 2_147_483_648]) {
  Deno.test(`new Supervisor() throws RangeError at a table whose sweepMs is ${value}`, () => {
    for (const options of [{}, { intervalMs: 1 }]) {
      assertThrows(
        () => new Supervisor(tableWith(value), options),
        RangeError,
        `Cannot use the option sweepMs of the table: it must be a number from 1 to 2147483647, current value is ${value}`,
      );
    }
  });
}

for (const value of ["900000", null, 1n]) {
  Deno.test(`new Supervisor() throws TypeError at a table whose sweepMs is ${Deno.inspect(value)}`, () => {
    assertThrows(() => new Supervisor(tableWith(value)), TypeError, "sweepMs of the table: it must be a number");
  });
}

for (const value of [undefined, 1, 2_147_483_647]) {
  Deno.test(`new Supervisor() takes a table whose sweepMs is ${value}`, () => void new Supervisor(tableWith(value)));
}

Deno.test("Supervisor bears the longest sweepMs with any chance", async () => {
  await using world = new World({ a: {} }, { sweepMs: 2_147_483_647, random: () => 0.999999 });
  await world.begin();
  await world.time.pass(60_000);
  assertEquals(world.table.iterations, 1);
});
