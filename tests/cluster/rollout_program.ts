/**
 * One instance of a revision: runs its share of the table, and says of each process when it starts. The arguments are the path
 * of the database and the revision. Over HTTP it tells what runs, can be drained, and be asked to accept slots again.
 *
 * @module
 */

import { chain, leaf, main, Supervisor } from "@pact/supervisor";
import { Cluster, describeClusterEvent } from "@pact/supervisor/cluster";
import { httpServer } from "../../examples/uptime/http_server.ts";
import { rolloutPace, rolloutTable } from "./rollout.ts";

const [path, revision] = Deno.args;
const running = new Set<string>();

using kv = await Deno.openKv(path);
const table = rolloutTable(kv, (key) =>
  leaf(async (signal) => {
    running.add(key);
    console.log(`started ${key}`);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    running.delete(key);
  }));
const cluster = new Cluster(kv, { path, revision, slots: 64, ...rolloutPace });
cluster.subscribe((event) => {
  if (!event.type.startsWith("slot-")) console.log(`${Date.now()} ${describeClusterEvent(event)}`);
});
const supervisor = new Supervisor(cluster.own(table));
supervisor.subscribe(() => {});

let accepting = new AbortController();
const server = httpServer("instance", 0, async (request) => {
  switch (new URL(request.url).pathname) {
    case "/drain":
      accepting = new AbortController();
      await cluster.drain({ signal: accepting.signal });
      break;
    case "/accept":
      accepting.abort();
  }
  return Response.json([...running]);
});
await main(chain(cluster, supervisor, server));
