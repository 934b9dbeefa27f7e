/** The HTTP API: the table of monitors, and the state of each. */

import type { ProcessSnapshot, Supervisor } from "@pact/supervisor";
import { InvalidSpecError, type KvEntry, type KvTable } from "@pact/supervisor/kv";
import { eventStream } from "./event_stream.ts";
import type { Handler } from "./http_server.ts";
import type { Monitor, MonitorSpec } from "./monitor.ts";
import { RequestError, route } from "./routes.ts";

type MonitorTable = KvTable<string, MonitorSpec, Monitor>;
type MonitorEntry = KvEntry<string, MonitorSpec, Monitor>;
type MonitorSupervisor = Supervisor<string, Monitor>;

/** Answers `/health`, `/monitors` and `/monitors/:id`, in JSON, and `/events` with a stream. */
export function api(table: MonitorTable, supervisor: MonitorSupervisor): Handler {
  const resources = new Resources(table, supervisor);
  return route({
    "/health": { GET: () => resources.health() },
    "/events": { GET: () => eventStream(supervisor) },
    "/monitors": { GET: () => resources.list() },
    "/monitors/:id": {
      GET: (_request, id) => resources.get(id),
      PUT: (request, id) => resources.put(request, id),
      DELETE: (_request, id) => resources.delete(id),
    },
  });
}

/** Writes to the table and shows the state of the supervisor, which follows the table by itself. */
class Resources {
  readonly #table: MonitorTable;
  readonly #supervisor: MonitorSupervisor;

  constructor(table: MonitorTable, supervisor: MonitorSupervisor) {
    this.#table = table;
    this.#supervisor = supervisor;
  }

  health(): Response {
    const { isRunning, counts } = this.#supervisor.snapshot();
    return Response.json({ status: isRunning ? "ok" : "not running", counts }, { status: isRunning ? 200 : 503 });
  }

  async list(): Promise<Response> {
    const processes = new Map(this.#supervisor.snapshot().processes.map((process) => [process.key, process]));
    return Response.json(
      await Array.fromAsync(this.#table, async (entry) => this.#show(await shown(entry), processes.get(entry.key))),
    );
  }

  async get(id: string): Promise<Response> {
    const entry = await this.#find(id);
    const process = this.#supervisor.snapshot().processes.find(({ key }) => key === id);
    return Response.json(this.#show(await shown(entry), process));
  }

  async put(request: Request, id: string): Promise<Response> {
    checkId(id);
    const spec = await readSpec(request);
    const isNew = await this.#table.get(id) === undefined;
    try {
      await this.#table.set(id, spec);
    } catch (error) {
      throw error instanceof InvalidSpecError ? new RequestError(400, error.message) : error;
    }
    return Response.json({ id, ...spec }, { status: isNew ? 201 : 200 });
  }

  async delete(id: string): Promise<Response> {
    const entry = await this.#find(id);
    await this.#table.delete(id);
    return Response.json(await shown(entry));
  }

  async #find(id: string): Promise<MonitorEntry> {
    checkId(id);
    const entry = await this.#table.get(id);
    if (!entry) throw new RequestError(404, `Cannot find the monitor "${id}": the table has no such entry`);
    return entry;
  }

  #show(monitor: { id: string }, process: ProcessSnapshot<string> | undefined) {
    const { state = "queued", failures = 0, lastError, retryAt } = process ?? {};
    const lastCheck = state === "running" ? this.#supervisor.get(monitor.id).lastCheck : undefined;
    return { ...monitor, state, failures, lastError: lastError?.message, retryAt, lastCheck };
  }
}

/** Shows a value that fails the schema too: an older version of the program may have written it. */
async function shown(entry: MonitorEntry): Promise<{ id: string } & Partial<MonitorSpec>> {
  const spec = await entry.spec().catch((error: Error) => ({ invalid: error.message }));
  return { id: entry.key, ...spec };
}

function checkId(id: string): void {
  if (/^[\w.-]{1,64}$/.test(id)) return;
  throw new RequestError(400, `Cannot use the id "${id}": it must be 1 to 64 letters, digits, "-", "_" or "."`);
}

/** Reads what is meant for a spec; the table checks whether it is one. */
async function readSpec(request: Request): Promise<MonitorSpec> {
  const body = await request.text();
  try {
    return JSON.parse(body);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const shown = JSON.stringify(body.slice(0, 200));
    throw new RequestError(400, `Cannot read the body as JSON: ${error.message}, current value is ${shown}`);
  }
}
