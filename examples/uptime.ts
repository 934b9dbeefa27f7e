/**
 * An uptime monitor: watches web sites, retries those that fail, gives up on those that stay broken, and remembers its set.
 *
 * Each monitor is a process, and the table of monitors is in Deno KV:
 *
 * ```sh
 * curl localhost:8000/monitors
 * curl -X PUT localhost:8000/monitors/deno -d '{ "url": "https://deno.com", "intervalMs": 5000 }'
 * curl -X DELETE localhost:8000/monitors/deno
 * curl -N localhost:8000/events # what happens, as it happens
 * curl -X PUT localhost:8001/fail/steady # its own sites fail on demand
 * open http://localhost:8000/inspect/ # the page: what runs, what does not, and why
 * ```
 */

import { chain, main, startStop, Supervisor } from "@pact/supervisor";
import { anyone, bearer, inspect } from "@pact/supervisor/inspect";
import { KvTable } from "@pact/supervisor/kv";
import { api } from "./uptime/api.ts";
import { openDatabase } from "./uptime/database.ts";
import { httpServer } from "./uptime/http_server.ts";
import { logger } from "./uptime/log.ts";
import { Monitor, monitorSpec } from "./uptime/monitor.ts";
import { readOptions } from "./uptime/options.ts";
import { mount } from "./uptime/routes.ts";
import { sites } from "./uptime/sites.ts";

const { dir, port, sitesPort } = readOptions(Deno.args);
using kv = await openDatabase(dir);

const monitors = new KvTable(kv, {
  prefix: ["monitors"],
  schema: monitorSpec,
  create: (spec, _id: string) => new Monitor(spec),
});

const supervisor = new Supervisor(monitors, {
  restart: { minDelayMs: 1_000, maxDelayMs: 8_000, jitter: 0, resetAfterMs: 10_000, limit: 4 },
});
supervisor.subscribe(logger());

// Anyone on this machine may look, and no one may act. With a token, its owner may do both, at /inspect/#token=…
const token = Deno.env.get("INSPECT_TOKEN");
const authorize = token ? bearer(token) : anyone();
const page = inspect({ supervisor, table: monitors, authorize, title: "uptime" });

/** Fills an empty table, so that there is something to see. */
const seed = startStop(async () => {
  for await (const _monitor of monitors) return;
  for (const name of ["steady", "flaky", "broken"]) {
    await monitors.set(name, { url: `http://127.0.0.1:${sitesPort}/${name}`, intervalMs: 1_000 });
  }
}, () => {});

await main(chain(
  httpServer("sites", sitesPort, sites()),
  httpServer("api", port, mount("/inspect/", page, api(monitors, supervisor))),
  seed,
  supervisor,
));
