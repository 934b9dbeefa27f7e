/**
 * The HTTP face of an instance.
 *
 * ```text
 *   request ──▶ routes.ts ──▶ authorize.ts ──┬──▶ overview.ts, processes.ts   what is going on
 *                                            ├──▶ event_log.ts                what happens
 *                                            ├──▶ acting.ts                   what is to be done
 *                                            ╰──▶ health.ts, metrics.ts       what machines ask
 * ```
 *
 * @module
 */

import { printError } from "../error_data.ts";
import { onAbort } from "../on_abort.ts";
import { act, problemOf, readBody } from "./acting.ts";
import { ask, type InspectAction } from "./authorize.ts";
import { EventLog } from "./event_log.ts";
import { Health } from "./health.ts";
import { Metrics } from "./metrics.ts";
import { checkOptions, type InspectOptions, type InspectSettings } from "./options.ts";
import { overviewOf } from "./overview.ts";
import { pageResponse } from "./page.ts";
import { answer, jsonResponse, Problem } from "./problem.ts";
import { Processes } from "./processes.ts";
import { actions, type Route, routeOf } from "./routes.ts";

/**
 * Makes an HTTP handler that shows what is going on in all instances, and does what an operator asks for. It can be mounted under
 * any path, since it goes by the end of the path.
 *
 * It promises that nothing is shown or done, but for `livez`, `readyz` and the page without data, unless `authorize` agrees, and
 * that no request makes it throw. It listens to the supervisor and the cluster without taking the place of the console.
 *
 * @typeParam K The type of the keys.
 * @param options What to look at, and who may.
 * @returns The handler.
 * @throws {TypeError} If an option has a wrong shape.
 * @throws {RangeError} If a number is out of range.
 *
 * @example Five lines beside a supervisor
 * ```ts
 * import { MapTable, nop, Supervisor } from "@pact/supervisor";
 * import { bearer, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const table = new MapTable([["acme", nop]]);
 * const supervisor = new Supervisor(table);
 * const handle = inspect({ supervisor, table, authorize: bearer("a-long-and-secret-token") });
 * await supervisor.run(async () => {
 *   // Deno.serve(handle) in a program
 *   const headers = { authorization: "Bearer a-long-and-secret-token" };
 *   const answer = await handle(new Request("http://localhost/admin/api/processes", { headers }));
 *   const { items } = await answer.json();
 *   assertEquals([items[0].key, items[0].state], ["acme", "running"]);
 * });
 * ```
 */
export function inspect<K>(options: InspectOptions<K>): (request: Request) => Promise<Response> {
  const inspector = new Inspector(checkOptions(options));
  return (request) => inspector.handle(request);
}

class Inspector<K> {
  readonly #settings: InspectSettings<K>;
  readonly #processes: Processes<K>;
  readonly #health: Health<K>;
  readonly #metrics = new Metrics();
  readonly #log: EventLog;

  constructor(settings: InspectSettings<K>) {
    const { supervisor, cluster, clock, signal } = this.#settings = settings;
    this.#processes = new Processes(settings);
    this.#health = new Health(settings);
    this.#log = new EventLog(clock);
    if (signal.aborted) return;
    supervisor?.subscribe((event) => {
      this.#metrics.note(event);
      this.#health.note(event);
      this.#log.add(event);
    }, { signal, keepsConsole: true });
    cluster?.subscribe((event) => {
      this.#health.note(event);
      this.#log.add(event);
    }, { signal, keepsConsole: true });
    if (!supervisor || !cluster) return;
    const counting = cluster.countBy(() => supervisor.summary().counts);
    onAbort(signal, () => counting[Symbol.dispose]());
  }

  async handle(request: Request): Promise<Response> {
    try {
      const response = await this.#answer(request);
      if (request.method !== "HEAD") return response;
      await response.body?.cancel();
      return new Response(null, response);
    } catch (error) {
      const { signal } = this.#settings;
      if (signal.aborted && error === signal.reason) return new Problem(503, "The program is stopping").toResponse();
      const problem = problemOf(error);
      if (problem) return problem.toResponse();
      printError("inspect: a request has failed", error);
      return new Problem(500, "The request has failed; the program has printed why").toResponse();
    }
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url), route = routeOf(url.pathname);
    if (!route) throw new Problem(404, "There is nothing at this path");
    const methods = route.type === "act" ? ["POST"] : ["GET", "HEAD"];
    if (!methods.includes(request.method)) {
      throw new Problem(405, `The method must be ${methods.join(" or ")}`, { headers: { allow: methods.join(", ") } });
    }
    const { title, authorize } = this.#settings;
    if (route.type === "livez") return textResponse("alive\n");
    if (route.type === "page") return pageResponse(title);
    if (route.type === "readyz") {
      const { isReady } = this.#health;
      return textResponse(isReady ? "ready\n" : "not ready: the table has not been read\n", isReady ? 200 : 503);
    }
    if (route.type === "act" && isCrossOrigin(request.headers, url)) {
      throw new Problem(403, "A request that acts must come from a page of this server, or from no page");
    }
    const action = {
      type: route.type === "act" ? route.action : "read",
      ..."key" in route && { key: route.key },
    } as const;
    const permit = await ask(authorize, request, action);
    return permit instanceof Response ? permit : await this.#serve(route, request, { url, ...permit });
  }

  async #serve(route: Route, request: Request, { url, by }: { url: URL; by?: string }): Promise<Response> {
    const { signal, cluster } = this.#settings;
    switch (route.type) {
      case "overview":
        return jsonResponse(overviewOf(this.#settings));
      case "processes":
        return jsonResponse(await this.#processes.list(url.searchParams));
      case "process":
        return jsonResponse(await this.#processes.one(route.key as K));
      case "rights":
        return jsonResponse(await this.#rights(request));
      case "events": {
        const head = { session: cluster?.snapshot().session }, lastId = request.headers.get("last-event-id");
        const headers = { "content-type": "text/event-stream" };
        return answer(this.#log.stream(lastId, head, signal), { headers });
      }
      case "metrics":
        return textResponse(this.#metrics.toText(this.#settings));
      case "health": {
        const report = this.#health.report(), headers = { "content-type": "application/health+json" };
        return jsonResponse(report, { status: report.status === "fail" ? 503 : 200, headers });
      }
      case "act":
        return await this.#act(route, request, { by, state: url.searchParams.get("state") });
      default:
        throw new Problem(404, "There is nothing at this path");
    }
  }

  async #act(
    { action, key }: Extract<Route, { type: "act" }>,
    request: Request,
    { by, state }: { readonly by?: string; readonly state: string | null },
  ): Promise<Response> {
    const at = this.#settings.clock.now(), { reason, untilAt } = await readBody(request, at);
    const outcome = await act(this.#settings, { action, key: key as K, by, reason, untilAt, state });
    this.#processes.forget();
    this.#log.add({ type: "acted", at, action, key, by, reason, isChanged: outcome.isChanged });
    return jsonResponse({ action, ...outcome });
  }

  /** Tells what a request could do, so that a page shows no button that would be refused. It is no promise. */
  async #rights(request: Request): Promise<object> {
    const { table, supervisor, authorize } = this.#settings;
    const { pause, resume, restart, pauseAll, resumeAll, restartAll } = table ?? {};
    const ofKey = { pause, resume, restart: restart ?? supervisor, start: supervisor, abandon: supervisor };
    const ofTable: Partial<Record<string, unknown>> = { pause: pauseAll, resume: resumeAll, restart: restartAll };
    const may = async (type: InspectAction["type"]) => !(await ask(authorize, request, { type }) instanceof Response);
    const allowed: (typeof actions)[number][] = [];
    for (const type of actions) if (ofKey[type] && await may(type).catch(() => false)) allowed.push(type);
    return { actions: allowed, table: allowed.filter((type) => ofTable[type]) };
  }
}

/**
 * Tells whether a request may have been made by a page of another origin: a browser sends the credentials of its user along with
 * what a page of others asks for.
 */
function isCrossOrigin(headers: Headers, url: URL): boolean {
  const site = headers.get("sec-fetch-site") ?? "none", origin = headers.get("origin");
  if (site !== "same-origin" && site !== "none") return true;
  return origin !== null && (URL.parse(origin)?.host || undefined) !== (headers.get("host") ?? url.host);
}

/** The type is that of the text format of Prometheus, which is plain text to everything else. */
function textResponse(text: string, status = 200): Response {
  return answer(text, { status, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
}
