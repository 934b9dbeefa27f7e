import { assert, assertEquals } from "@std/assert";
import { ProcessPausedError, RetryAfterError } from "@pact/supervisor";
import { failWith, hang, holdUntil } from "../../src/testing/mod.ts";
import { manyKeys, type TestInstance, ttlMs, World } from "./fixtures.ts";

const oops = new Error("oops");
const keys = ["fine", "bad", "worse"];

/** Two instances; "bad" is retrying and "worse" is parked in the first, where all keys are. */
async function troubledWorld() {
  const world = await World.open(keys);
  world.manners.set("bad", { startError: oops });
  world.manners.set("worse", { startError: oops });
  const one = world.instance("a"), two = world.instance("b");
  one.begin();
  await world.pass(100);
  return { world, one, two };
}

const stateOf = ({ supervisor }: TestInstance, key: string) => supervisor.status(key)?.state;

/** How often each key was built. */
function countBuilds(instance: TestInstance) {
  const starts: Record<string, number> = {};
  instance.supervisor.subscribe((event) => {
    if (event.type === "starting") starts[event.key] = (starts[event.key] ?? 0) + 1;
  });
  return starts;
}

for (const isKilled of [true, false]) {
  Deno.test(`Supervisor goes on from the trouble of an instance that ${isKilled ? "dies" : "leaves"}: what is left of a delay, one try of what is parked`, async () => {
    const { world, one, two } = await troubledWorld();
    await using _world = world;
    // Retries at 1, 3, 7, 15 and 31 s.
    await world.pass(16_000);
    await one.part.report((await world.writer.get("worse"))!, {
      state: "parked",
      failures: 4,
      failingSinceAt: 0,
      changedAt: 0,
      cause: "decided",
    });
    const { failures, retryAt } = one.supervisor.status("bad")!;
    assertEquals(failures, 5);
    if (isKilled) one.kv.break(hang());
    else one.leave();
    two.begin();
    const starts = countBuilds(two);
    await world.pass(ttlMs + 3_000);
    assertEquals([stateOf(two, "bad"), two.supervisor.status("bad")?.failures], ["retrying", failures]);
    const left = two.supervisor.status("bad")!.retryAt!;
    assert(Math.abs(left - retryAt!) < 2, `${left} is not ${retryAt}`);
    assertEquals([stateOf(two, "worse"), starts.worse, starts.bad], ["parked", 1, undefined]);
    assertEquals(stateOf(two, "fine"), "running");
    const trouble = await world.writer.trouble("worse");
    assertEquals([trouble?.state, trouble?.failures, trouble?.cause, trouble?.session], [
      "parked",
      5,
      "decided",
      "b-0",
    ]);
    await world.pass(left - world.clock.now());
    assertEquals(starts.bad, 1);
  });
}

Deno.test("Cluster.own() drops what a former owner reports, and what is reported of a key of another instance", async () => {
  const { world, one, two } = await troubledWorld();
  await using _world = world;
  await world.pass(2_000);
  const entry = (await world.writer.get("fine"))!;
  const parked = { state: "parked", failures: 1, failingSinceAt: 0, changedAt: 0, cause: "limit" } as const;
  const gate = Promise.withResolvers<void>();
  one.kv.inject("commit", holdUntil(gate.promise));
  const reported = one.part.report(entry, parked);
  one.kv.break(failWith(oops));
  two.begin();
  await world.pass(ttlMs + 3_000);
  assertEquals(two.cluster.ownerOf("fine"), "b-0");
  one.kv.break();
  gate.resolve();
  await world.settle();
  await reported.catch(() => {}); // the deadline may have passed
  assertEquals(await world.writer.trouble("fine"), undefined);
  await one.part.report(entry, parked);
  assertEquals(await world.writer.trouble("fine"), undefined);
  await two.part.report(entry, parked);
  assertEquals((await world.writer.trouble("fine"))?.session, "b-0");
});

Deno.test("Cluster: a key that is paused and no longer in trouble is shown by its next instance alone when it is handed over", async () => {
  const many = manyKeys(40);
  const world = await World.open(many);
  await using _world = world;
  for (const key of many) world.manners.set(key, { startError: oops });
  const one = await world.member("a");
  await one.part.pauseAll();
  for (const key of many) await one.part.set(key, "another version");
  await world.pass(2_000);
  assertEquals(await Array.fromAsync(one.part.troubles()), []);
  const two = await world.member("b");
  await world.pass(20_000);
  const shown = [one, two].map(({ supervisor }) => supervisor.snapshot().processes.map(({ key }) => key));
  assertEquals([shown.flat().sort(), shown[1].length > 10], [[...many].sort(), true]);
});

Deno.test("Cluster: a key that is paused by one instance is stopped where it runs, and stays so in the next one", async () => {
  const { world, one, two } = await troubledWorld();
  await using _world = world;
  two.begin();
  await world.pass(10_000);
  const [runner, other] = one.keys.includes("fine") ? [one, two] : [two, one];
  assertEquals(await other.part.pause("fine", { reason: "invoice" }), true);
  await world.pass(2_000);
  assertEquals([stateOf(runner, "fine"), world.live.keys.includes("fine")], ["paused", false]);
  const error = await runner.supervisor.start("fine").catch((error) => error);
  assertEquals([error instanceof ProcessPausedError, error.pause?.reason], [true, "invoice"]);
  runner.leave();
  await world.pass(10_000);
  assertEquals([stateOf(other, "fine"), world.live.keys.includes("fine")], ["paused", false]);
  await world.writer.resume("fine");
  await world.pass(2_000);
  assertEquals(stateOf(other, "fine"), "running");
});

for (const isLeaving of [true, false]) {
  Deno.test(`Cluster: a key that says "retry after" while it is handed over waits in its next instance, ${isLeaving ? "as one leaves" : "as one joins"}`, async () => {
    const keys = Array.from({ length: 8 }, (_, i) => `k${i}`);
    const world = await World.open(keys);
    await using _world = world;
    for (const key of keys) world.manners.set(key, { stopError: new RetryAfterError(20_000) });
    const one = world.instance("a"), two = world.instance("b");
    one.begin();
    await world.pass(100);
    const starts = countBuilds(two);
    two.begin();
    if (isLeaving) one.leave();
    await world.pass(15_000);
    const moved = keys.filter((key) => two.cluster.ownerOf(key) === "b-0");
    assert(isLeaving ? moved.length === 8 : moved.length > 1 && moved.length < 8, `${moved}`);
    assertEquals(moved.map((key) => stateOf(two, key)), moved.map(() => "retrying"));
    assertEquals(starts, {});
    await world.pass(20_000);
    assertEquals(moved.map((key) => stateOf(two, key)), moved.map(() => "running"));
  });
}
