/** Under FakeTime a cluster needs no clock of its own. */

import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { chain, Supervisor } from "@pact/supervisor";
import { Cluster } from "../../src/cluster/mod.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { leaf } from "../../src/process/leaf.ts";
import { advance, FaultyKv, hang } from "../../src/testing/mod.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";

Deno.test("Cluster under FakeTime joins, runs its share, is fenced, and joins again, without the option clock", async () => {
  using time = new FakeTime();
  let isAway = false;
  using kv = new FaultyKv(new MemoryKv(), { decide: () => isAway ? hang() : undefined });
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: null, _key: string) => leaf(untilAborted) });
  await table.set("acme", null);
  const cluster = new Cluster(kv, { allowLocal: true, random: () => 0.5 });
  const events: string[] = [];
  cluster.subscribe(({ type }) => void (type.startsWith("session") && events.push(type)));
  const supervisor = new Supervisor(cluster.own(table));
  supervisor.subscribe(() => {});
  const over = Promise.withResolvers<void>();
  const run = chain(cluster, supervisor).run(() => over.promise);
  await advance(time, 2_000);
  assertEquals([supervisor.keys(), cluster.snapshot().slots.owned.length], [["acme"], 256]);

  isAway = true;
  await advance(time, 10_000);
  assertEquals([events, supervisor.keys()], [["session-joined", "session-fenced"], []]);

  isAway = false;
  await advance(time, 200_000);
  assertEquals(supervisor.keys(), ["acme"]);
  over.resolve();
  await advance(time, 60_000);
  await run;
  assertEquals(events.at(-1), "session-left");
});

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
