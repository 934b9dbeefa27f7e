/**
 * An HTTP face for any instance: what runs everywhere, what does not and why, and the means to act on it.
 *
 * | path, under any other one | tells or does |
 * |---|---|
 * | `GET` of a path that ends in `/` | the page, which shows all of this; open it with `#token=…` for `bearer` |
 * | `GET api/overview` | all instances in a few numbers |
 * | `GET api/processes?state=&search=&session=&cursor=&limit=` | the processes, page by page |
 * | `GET api/processes/:id` | one process |
 * | `GET api/rights` | what this request could do |
 * | `GET api/events` | what happens in this instance, as server-sent events |
 * | `POST api/processes/:id/{restart,pause,resume,start,abandon}` | acts on one process |
 * | `POST api/{pause,resume}`, `POST api/restart?state=parked` | acts on the table |
 * | `GET livez`, `readyz`, `health`, `metrics` | what machines ask |
 *
 * A key of this instance is told as its supervisor knows it. A key of another one is told as paused or in trouble, as the table
 * remembers it; else as `unowned` or `running`. What is told of a session is as old as its heartbeat. There is no stop: `pause`
 * stops a process and keeps it stopped. What acts is refused if it comes from a page of another origin.
 *
 * **A program too**, for a database alone, read-only, on this machine only:
 * `deno run -A --unstable-kv jsr:@pact/supervisor/inspect <path or URL of the KV> --prefix <a string or a JSON array>`,
 * with `--cluster` for the prefix of the cluster. A program without a `Cluster` cannot be seen there.
 *
 * @example Mounted beside a supervisor
 * ```ts
 * import { MapTable, nop, Supervisor } from "@pact/supervisor";
 * import { basic, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const table = new MapTable([["acme", nop]]);
 * const supervisor = new Supervisor(table);
 * const handle = inspect({ supervisor, table, authorize: basic("ops", "correct horse") });
 * await supervisor.run(async () => {
 *   // Deno.serve(handle) in a program
 *   assertEquals((await handle(new Request("http://localhost/readyz"))).status, 200);
 *   assertEquals((await handle(new Request("http://localhost/api/overview"))).status, 401);
 * });
 * ```
 *
 * @module
 */

export { anyone, type Authorization, type Authorize, basic, bearer, type InspectAction } from "./authorize.ts";
export { inspect } from "./inspect.ts";
export type { InspectedCluster, InspectedSupervisor, InspectedTable, InspectOptions } from "./options.ts";

if (import.meta.main) Deno.exitCode = await (await import("./program.ts")).view(Deno.args);
