/**
 * One instance of a program that shows itself. The argument is the database; it prints its port, and what it stops.
 *
 * @module
 */

import { chain, leaf, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { inspect } from "@pact/supervisor/inspect";
import { delay } from "@std/async/delay";

using kv = await Deno.openKv(Deno.args[0]);
const cluster = new Cluster(kv, { heartbeatMs: 500, ttlMs: 5_000, slots: 32, path: Deno.args[0] });
const table = cluster.table(kv, {
  prefix: ["bots"],
  create: (_spec: string, key: string) =>
    leaf((signal) => delay(10_000_000, { signal }).finally(() => console.log(`stopped ${key}`))),
});
const supervisor = new Supervisor(table);
const handle = inspect({ supervisor, cluster, table, authorize: () => "ops" });
await chain(cluster, supervisor).run(async () => {
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(`port ${port} session ${cluster.snapshot().session}`),
  }, handle);
  await server.finished;
});
