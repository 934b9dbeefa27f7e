/**
 * Bots of many tenants, each of which polls a messenger for messages and answers them. The messenger refuses, throttles, breaks
 * and goes deaf, and the program copes: run it alone, or several instances on one directory.
 *
 * ```sh
 * deno task demo:bots                                                            # with a fake messenger of its own
 * deno task demo:bots --name B --port 8012 --messenger http://127.0.0.1:8011    # another instance beside it
 * curl localhost:8010/tenants
 * curl -X PUT localhost:8010/tenants/zoe -d '{ "token": "fine-zoe" }'
 * curl -X POST localhost:8010/tenants/zoe/pause -d '{ "reason": "invoice 7 is open" }'
 * curl -X POST localhost:8010/tenants/zoe/resume
 * curl -X POST localhost:8010/tenants/rob/restart
 * curl -X DELETE localhost:8010/tenants/zoe
 * open http://localhost:8010/inspect/                                           # the page, of any instance for all of them
 * ```
 */

import { chain, main, nop, startStop, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { anyone, bearer, inspect } from "@pact/supervisor/inspect";
import { api } from "./bots/api.ts";
import { bot } from "./bots/bot.ts";
import { fakeMessenger } from "./bots/fake_messenger.ts";
import { Messenger } from "./bots/messenger.ts";
import { readOptions } from "./bots/options.ts";
import { tenantSchema } from "./bots/tenant.ts";
import { httpServer } from "./uptime/http_server.ts";
import { logger } from "./uptime/log.ts";
import { mount } from "./uptime/routes.ts";

const { dir, name, port, messengerPort, messengerUrl } = readOptions(Deno.args);
await Deno.mkdir(dir, { recursive: true }); // for nothing but the database
const path = `${dir}/bots.sqlite3`;
using kv = await Deno.openKv(path);

const messenger = new Messenger(messengerUrl ?? `http://127.0.0.1:${messengerPort}`, name);
// Fast, to be watched. The defaults, 5 s and 15 s, tolerate a slow network.
const cluster = new Cluster(kv, { path, heartbeatMs: 1_000, ttlMs: 3_000, info: name });

const tenants = cluster.table(kv, {
  prefix: ["tenants"],
  schema: tenantSchema,
  create: ({ token }, id: string, { claim }) => bot({ kv, id, claim, chat: messenger.chat(token) }),
});

// A bot that has not heard from the messenger for 3 s is replaced.
const supervisor = new Supervisor(tenants, { livenessMs: 3_000, restart: { maxDelayMs: 8_000 } });
supervisor.subscribe(logger());

// Anyone on this machine may look, and no one may act. With a token, its owner may do both, at /inspect/#token=…
const token = Deno.env.get("INSPECT_TOKEN");
const authorize = token ? bearer(token) : anyone();
const page = inspect({ supervisor, cluster, table: tenants, authorize, title: `bots, seen from ${name}` });

/** Fills an empty table, so that there is something to see: the fake messenger treats each token as its name says. */
const seed = startStop(async () => {
  for await (const _tenant of tenants.whole) return;
  const tokens = { ann: "fine-1", rob: "revoked-1", bea: "busy-1", bob: "broken-1", dee: "deaf-1" };
  for (const [id, token] of Object.entries(tokens)) await tenants.set(id, { token });
}, () => {});

await main(chain(
  messengerUrl ? nop : chain(httpServer("messenger", messengerPort, fakeMessenger()), seed),
  httpServer("api", port, mount("/inspect/", page, api(tenants, supervisor, cluster))),
  cluster,
  supervisor,
));
