/** Before an instance joins, it sees whether others can see the database; and one that does not answer is asked again. */

import { Cluster, type ClusterEvent } from "@pact/supervisor/cluster";
import { FaultyKv, hang } from "@pact/supervisor/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { openFile } from "../kv/fixtures.ts";
import { ManualClock } from "../kv/manual_clock.ts";

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
