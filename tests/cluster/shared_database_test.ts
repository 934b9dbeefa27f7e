/** Before an instance joins, it sees whether others can see the database; and one that does not answer is asked again. */

import { Cluster, type ClusterEvent } from "@pact/supervisor/cluster";
import { FaultyKv, hang } from "@pact/supervisor/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openFile } from "../kv/fixtures.ts";
import { ManualClock } from "../kv/manual_clock.ts";
import { openWorldOnFile, ttlMs, untilUp, type World } from "./fixtures.ts";

const heartbeatMs = 5_000;
const timeoutMs = heartbeatMs / 2;
const random = () => 0.5;
const retryMs = 1_000;
const settleMs = 500;

Deno.test("Cluster.run() joins in the end when the database does not answer at first", async () => {
  await using file = await openFile(1);
  const kv = new FaultyKv(file.kvs[0]);
  const clock = new ManualClock();
  const cluster = new Cluster(kv, { path: file.path, heartbeatMs, clock, random });
  const failures: ClusterEvent[] = [];
  cluster.subscribe((event) => event.type === "database-unavailable" && failures.push(event));
  kv.inject("commit", hang());
  const run = cluster.run(() => assertEquals(cluster.snapshot().state, "member"));
  await clock.armed(timeoutMs);
  clock.advance(timeoutMs);
  await clock.armed(retryMs);
  clock.advance(retryMs);
  await clock.armed(settleMs);
  clock.advance(settleMs);
  await run;
  assertEquals(failures.map((event) => event.type === "database-unavailable" && event.operation), ["join"]);
});

Deno.test("Cluster.run() does not wait for a database that does not answer when its signal aborts", async () => {
  await using file = await openFile(1);
  const kv = new FaultyKv(file.kvs[0]);
  kv.inject("commit", hang());
  const clock = new ManualClock();
  const cluster = new Cluster(kv, { path: file.path, heartbeatMs, clock, random });
  cluster.subscribe(() => {});
  const controller = new AbortController();
  const run = cluster.run(() => assert(false), { signal: controller.signal });
  await clock.armed(timeoutMs);
  clock.advance(timeoutMs);
  await clock.armed(retryMs);
  controller.abort(new Error("enough"));
  await assertRejects(() => run, Error, "enough");
  assertEquals(clock.pending, 0);
});

Deno.test("Cluster.run() refuses a second run while the first one has not joined yet", async () => {
  await using file = await openFile(1);
  const cluster = new Cluster(file.kvs[0], { path: file.path });
  const run = cluster.run(() => {});
  await assertRejects(() => cluster.run(() => {}), Error, "in it already");
  await run;
});

/** Lets time pass in small steps: the file system is asked meanwhile, which takes no time of the clock. */
async function passSlowly(world: World, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 500) {
    await world.pass(500);
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** What is done to the file of a database that is open, how that is undone, and what is said of it. */
const moves: [what: string, move: (path: string) => Promise<void>, evidence: string][] = [
  ["renamed", (path) => Deno.rename(path, `${path}-away`), "the file of the database was deleted or renamed"],
  ["replaced by another file", async (path) => {
    await Deno.rename(path, `${path}-away`);
    await Deno.writeTextFile(path, ""); // not opened: SQLite would mix the two up
  }, "another file has taken the place of the database"],
];
for (const [what, move, evidence] of moves) {
  Deno.test(`Cluster gives everything up within a heartbeat when its file is ${what}`, async () => {
    await using opened = await openWorldOnFile(["acme"]);
    const { world, path, options } = opened;
    const one = world.instance("a", options);
    one.begin();
    await untilUp(world, one);
    await passSlowly(world, 2 * heartbeatMs);
    assertEquals([one.keys, one.of("database-replaced")], [["acme"], []]);

    await move(path);
    await passSlowly(world, heartbeatMs);
    assertEquals([one.keys, one.owned], [[], []]);
    assertEquals(one.of("session-fenced").map(({ cause }) => cause), ["database-replaced"]);
    const [told, ...more] = one.of("database-replaced");
    assertEquals([told.cause, told.evidence.includes(`${evidence}, and this program`), more], ["elsewhere", true, []]);

    await passSlowly(world, 2 * ttlMs);
    assertEquals([one.keys, one.of("session-joined").length, one.of("database-replaced").length], [[], 1, 1]);
    const [waits, ...others] = one.of("cluster-failed");
    assertEquals([waits.operation, String(waits.error).startsWith("LocalDatabaseError"), others], ["join", true, []]);

    await Deno.rename(`${path}-away`, path);
    await passSlowly(world, 3 * heartbeatMs);
    assertEquals([one.keys, one.of("session-joined").length], [["acme"], 2], "it is back when the file is");
  });
}
