import { assertEquals, assertThrows } from "@std/assert";
import { heartbeatMs, World } from "./fixtures.ts";

async function counts(world: World): Promise<unknown[]> {
  return (await world.database.read("session")).map(({ value }) => value.counts);
}

Deno.test("Cluster.countBy() has each heartbeat say the counts, without a write of its own, until it is disposed of", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  assertEquals(await counts(world), [undefined]);
  let running = 1;
  const counting = one.cluster.countBy(() => ({ running: running++ }));
  assertEquals([await counts(world), running], [[undefined], 1]);
  await world.pass(2 * heartbeatMs);
  assertEquals(await counts(world), [{ running: running - 1 }]);
  counting[Symbol.dispose]();
  await world.pass(2 * heartbeatMs);
  assertEquals(await counts(world), [undefined]);
});

Deno.test("Cluster.countBy() does not take a later one away when an earlier one is disposed of", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const first = one.cluster.countBy(() => ({ running: 1 }));
  one.cluster.countBy(() => ({ running: 2 }));
  first[Symbol.dispose]();
  await world.pass(2 * heartbeatMs);
  assertEquals(await counts(world), [{ running: 2 }]);
});

Deno.test("Cluster.countBy() keeps the session alive when its function throws", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  const { error } = console, printed: string[] = [];
  console.error = (line: string) => void printed.push(line);
  try {
    one.cluster.countBy(() => {
      throw new Error("no idea");
    });
    await world.pass(5 * heartbeatMs);
  } finally {
    console.error = error;
  }
  assertEquals(one.cluster.snapshot().state, "member");
  assertEquals(printed[0], "Cannot count the keys for the heartbeat: Error: no idea");
});

Deno.test("Cluster.countBy() refuses what is no function", async () => {
  await using world = await World.open();
  const { cluster } = await world.member("a", {}, { bare: true });
  assertThrows(() => cluster.countBy(5 as never), TypeError, "the summary is a function, current value is 5");
});
