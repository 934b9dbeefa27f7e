/** One instance of the program: it runs its share of the bots. The arguments are the database and a name for the log. */

import { chain, describeEvent, main, Supervisor } from "@pact/supervisor";
import { Cluster, describeClusterEvent } from "@pact/supervisor/cluster";
import { botTable } from "./bots.ts";

const [path, name] = Deno.args;

using kv = await Deno.openKv(path);
// Hasty, to be watched. The defaults are 5 s and 15 s, and bear a slow network.
const cluster = new Cluster(kv, { path, heartbeatMs: 1_000, ttlMs: 3_000 });
const supervisor = new Supervisor(cluster.own(botTable(kv, name)));

cluster.subscribe((event) => {
  if (event.type === "session-dead" || event.type === "session-fenced") console.log(describeClusterEvent(event));
});
supervisor.subscribe((event) => {
  if (event.type === "exited" && event.outcome === "failed") console.log(describeEvent(event));
});

await main(chain(cluster, supervisor));
