import { assert, assertEquals, assertThrows } from "@std/assert";
import { chain, leaf, MapTable, nop, type Runnable, Supervisor } from "@pact/supervisor";
import { Cluster } from "../../src/cluster/mod.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { askPromtool, readExposition } from "./exposition.ts";
import { Face, givesUp } from "./fixtures.ts";

const bad = leaf(() => Promise.reject(new Error("broken")));

/** The metrics of an instance that has all there is to look at. */
async function fullText(): Promise<string> {
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { allowLocal: true });
  const table = cluster.table(kv, {
    prefix: ["bots"],
    create: (spec: string, _key: string): Runnable => spec === "bad" ? bad : nop,
  });
  const supervisor = new Supervisor(table, { restart: { limit: 1 } });
  const parked = givesUp(supervisor);
  const face = new Face({ supervisor, cluster, table });
  let text = "";
  await chain(cluster, supervisor).run(async () => {
    await table.set('evil"}\n', "ok");
    await table.set("bad", "bad");
    await supervisor.reconcile();
    await parked;
    text = await (await face.get("/metrics")).text();
  });
  return text;
}

Deno.test("metrics keep every rule of the text format, and tell of processes, slots, sessions and calls", async () => {
  const metrics = readExposition(await fullText());
  const { series: states } = metrics.get("supervisor_process_count")!;
  assertEquals([...states.keys()].length, 9);
  assertEquals([states.get('{state="running"}'), states.get('{state="parked"}')], [1, 1]);
  assertEquals(metrics.get("supervisor_process_desired")?.series.get(""), 2);
  assertEquals(metrics.get("supervisor_cluster_session_count")?.series.get(""), 1);
  const slots = metrics.get("supervisor_cluster_slot_count")!.series;
  assert(slots.get('{state="owned"}')! > 0 && slots.get('{state="unowned"}') === 0);
  assertEquals(metrics.get("supervisor_process_uptime_seconds")?.series.get("_count"), 1);
  const calls = metrics.get("supervisor_kv_operation_duration_seconds")!.series;
  assert(calls.get('_count{operation="write"}')! > 0, [...calls.keys()].join("\n"));
});

const promtool = await askPromtool("");
Deno.test({
  name: `promtool has nothing to say of the metrics${promtool === undefined ? ": skipped, it is not installed" : ""}`,
  ignore: promtool === undefined,
  fn: async () => assertEquals(await askPromtool(await fullText()), ""),
});

Deno.test("each state is there before there is any process", async () => {
  const supervisor = new Supervisor(new MapTable<string, Runnable>());
  const metrics = readExposition(await (await new Face({ supervisor }).get("/metrics")).text());
  assertEquals([...metrics.get("supervisor_process_count")!.series.values()], Array(9).fill(0));
  assertEquals([...metrics.get("supervisor_process_restarts_total")!.series.values()], [0, 0, 0]);
});

Deno.test("a call that fails is counted by the kind of its error", async () => {
  const kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => nop });
  const face = new Face({ table });
  kv.close();
  await (await face.get("/api/processes")).body?.cancel();
  const calls = readExposition(await (await face.get("/metrics")).text()).get(
    "supervisor_kv_operation_duration_seconds",
  );
  const failed = [...calls!.series.keys()].filter((series) => /^_count\{.*error_type="KvClosedError"\}$/.test(series));
  assertEquals(failed.length, 1, [...calls!.series.keys()].join("\n"));
});

const wrong: readonly [name: string, text: string][] = [
  ["no end", "# HELP a b\n# TYPE a gauge\na 1"],
  ["a series twice", "# HELP a b\n# TYPE a gauge\na 1\na 2\n"],
  ["a label that is not closed", '# HELP a b\n# TYPE a gauge\na{x="1} 1\n'],
  ["no help", "# TYPE a gauge\na 1\n"],
  ["a gauge that ends as a histogram does", "# HELP a_count b\n# TYPE a_count gauge\na_count 1\n"],
  ["a counter without its ending", "# HELP a b\n# TYPE a counter\na 1\n"],
  [
    "a histogram that does not grow",
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ],
  ["a series of another metric", "# HELP a b\n# TYPE a gauge\nb 1\n"],
];
for (const [name, text] of wrong) {
  Deno.test(`readExposition() fails at ${name}`, () => void assertThrows(() => readExposition(text)));
}
