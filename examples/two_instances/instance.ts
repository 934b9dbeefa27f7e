/** One instance of the program, which runs its share of the bots. The arguments: the database, and its name in the log. */

import { chain, describeEvent, main, Supervisor } from "@pact/supervisor";
import { Cluster, describeClusterEvent } from "@pact/supervisor/cluster";
import { anyone, inspect } from "@pact/supervisor/inspect";
import { httpServer } from "../uptime/http_server.ts";
import { botTable } from "./bots.ts";

const [path, name] = Deno.args;

using kv = await Deno.openKv(path);
// Fast, to be watched. The defaults, 5 s and 15 s, tolerate a slow network.
const cluster = new Cluster(kv, { path, heartbeatMs: 500, ttlMs: 2_000, info: name });
const table = cluster.own(botTable(kv, name));
const supervisor = new Supervisor(table);
const authorize = anyone(); // on this machine, and only to look
const page = inspect({ supervisor, cluster, table, authorize, title: `bots, seen from ${name}` });

cluster.subscribe((event) => {
  if (event.type === "session-dead" || event.type === "session-fenced") console.log(describeClusterEvent(event));
});
supervisor.subscribe((event) => {
  if (event.type === "exited" && event.outcome === "failed") console.log(describeEvent(event));
});

await main(chain(httpServer("the page of all instances", 0, page), cluster, supervisor));
