/**
 * A program on a remote database, whose URL is the argument: it waits until it can open the database, and outlives its
 * outages. The token is in DENO_KV_ACCESS_TOKEN.
 */

import { chain, describeEvent, leaf, main, Supervisor } from "@pact/supervisor";
import { Cluster, describeClusterEvent } from "@pact/supervisor/cluster";
import { anyone, inspect } from "@pact/supervisor/inspect";
import { KvTable } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";
import { httpServer } from "./uptime/http_server.ts";

/** `Deno.openKv` throws at once where nothing listens, and waits without a word for a server that is mute. */
async function openRemote(url: string) {
  for (let pauseMs = 1_000;; pauseMs = Math.min(2 * pauseMs, 60_000)) {
    const waiting = setInterval(() => console.error(`${url} takes connections and does not answer`), 5_000);
    try {
      return await Deno.openKv(url);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // A wrong token or a wrong URL does not become right by waiting.
      if (!/failed to connect|status 5/.test(message)) throw error;
      console.error(`${message}; next try in ${pauseMs / 1_000} s`);
    } finally {
      clearInterval(waiting);
    }
    await delay(pauseMs);
  }
}

const [path] = Deno.args;
const kv = await openRemote(path);

const table = new KvTable(kv, {
  path, // so is known that a watch tells of everybody's changes, and where to ask whether the server is back
  prefix: ["greeters"],
  create: (everyMs: number, name: string) =>
    leaf(async (signal) => {
      for (;;) {
        console.log(`${name} says hello`);
        await delay(everyMs, { signal });
      }
    }),
});
const cluster = new Cluster(kv, { path });
cluster.subscribe((event) => console.log(describeClusterEvent(event)));
const own = cluster.own(table);
const supervisor = new Supervisor(own);
supervisor.subscribe((event) => console.log(describeEvent(event)));
const authorize = anyone(); // on this machine, and only to look
const page = inspect({ supervisor, cluster, table: own, authorize, title: "greeters" });
await main(chain(httpServer("page", 0, page), cluster, supervisor));
