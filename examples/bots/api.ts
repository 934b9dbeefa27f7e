/** The HTTP API of the operators. Whichever instance is asked, it writes for all of them and tells of all of them. */

import type { Supervisor } from "@pact/supervisor";
import type { Cluster, OwnedTable } from "@pact/supervisor/cluster";
import { InvalidSpecError, type KvEntry } from "@pact/supervisor/kv";
import type { Handler } from "../uptime/http_server.ts";
import { RequestError, route } from "../uptime/routes.ts";
import type { Tenant } from "./tenant.ts";

type Tenants = OwnedTable<string, Tenant>;
type TenantEntry = Pick<KvEntry<string, Tenant, unknown>, "key" | "pause" | "trouble">;

/** Answers `/tenants` and what is below it, in JSON. */
export function api(tenants: Tenants, supervisor: Supervisor<string>, cluster: Cluster): Handler {
  /** What its own instance knows of a tenant is newest; of the others, the table remembers what is not well. */
  const show = ({ key: id, pause, trouble }: TenantEntry) => {
    const known = supervisor.status(id) ?? { ...trouble, state: pause ? "paused" : stateOf(trouble), note: undefined };
    const { state, note, failures, lastError, retryAt } = known;
    const nextTry = state === "retrying" && retryAt ? new Date(retryAt).toISOString() : undefined;
    const instance = cluster.sessionOf(id)?.info;
    return { id, state, instance, note, failures, lastError: lastError?.message, nextTry, pause };
  };

  return route({
    "/tenants": { GET: async () => Response.json(await Array.fromAsync(tenants.whole, show)) },
    "/tenants/:id": {
      PUT: async (request, id) =>
        Response.json(await tenants.set(id, await read(request)).then(() => ({ id }), refuse)),
      DELETE: async (_request, id) => Response.json(await tenants.delete(id).then(() => ({ id }))),
    },
    "/tenants/:id/pause": {
      POST: async (request, id) => changed(id, await tenants.pause(id, await read(request)).catch(refuse)),
    },
    "/tenants/:id/resume": { POST: async (_request, id) => changed(id, await tenants.resume(id)) },
    "/tenants/:id/restart": { POST: async (_request, id) => changed(id, await tenants.restart(id)) },
  });
}

/** What is remembered of a key outlasts its next try, until it has been well for a while. */
function stateOf(trouble: TenantEntry["trouble"]): string {
  if (!trouble || (trouble.retryAt ?? Infinity) <= Date.now()) return "running";
  return trouble.state;
}

function changed(id: string, isChanged: boolean): Response {
  return Response.json({ id, isChanged });
}

async function read(request: Request) {
  return await request.json().catch(refuse);
}

/** What the table refuses is the client's mistake. */
function refuse(error: unknown): never {
  const isMistake = [InvalidSpecError, SyntaxError, TypeError, RangeError].some((kind) => error instanceof kind);
  throw isMistake && error instanceof Error ? new RequestError(400, error.message) : error;
}
