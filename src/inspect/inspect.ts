/**
 * The HTTP face of an instance.
 *
 * ```text
 *   request ──▶ routes.ts ──▶ authorize.ts ──┬──▶ overview.ts, processes.ts   what is going on
 *                                            ├──▶ event_log.ts                what happens
 *                                            ├──▶ acting.ts                   what is to be done
 *                                            ╰──▶ health.ts                    how well it is
 * ```
 *
 * @module
 */

import type { ClusterEvent } from "../cluster/events.ts";
import { printError } from "../error_data.ts";
import type { SupervisorEvent } from "../events.ts";
import { onAbort } from "../on_abort.ts";
import { Exposition } from "../telemetry/exposition.ts";
import { act, problemOf, readBody } from "./acting.ts";
import { ask, type InspectAction } from "./authorize.ts";
import { EventLog } from "./event_log.ts";
import { Health } from "./health.ts";
import { checkOptions, type InspectOptions, type InspectSettings } from "./options.ts";
import { overviewOf } from "./overview.ts";
import { pageResponse } from "./page.ts";
import { answer, jsonResponse, Problem } from "./problem.ts";
import { Processes } from "./processes.ts";
import { actions, type Route, routeOf } from "./routes.ts";

/**
 * Makes an HTTP handler that shows what is going on in all instances, and does what an operator asks for. It can be mounted under
 * any path. No request makes it throw, and but for `livez`, `readyz` and the page, which has no data in it, each one is
 * answered only if `authorize` agrees. It listens to supervisor and cluster without taking the place of the console.
 *
 * @throws {TypeError} If an option has a wrong shape.
 * @throws {RangeError} If a number is out of range.
 *
 * @example
 * ```ts
 * import { MapTable, nop } from "@pact/supervisor";
 * import { anyone, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const handle = inspect({ table: new MapTable([["acme", nop]]), authorize: anyone() });
 * const { items } = await (await handle(new Request("http://localhost/admin/api/processes"))).json();
 * assertEquals(items[0].key, "acme");
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
  readonly #metrics = new Exposition();
  readonly #log: EventLog;

  constructor(settings: InspectSettings<K>) {
    this.#settings = settings;
    this.#processes = new Processes(settings);
    this.#health = new Health(settings);
    this.#log = new EventLog(settings.clock);
    if (!settings.signal.aborted) this.#listen(settings);
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

  #listen({ supervisor, cluster, table, signal }: InspectSettings<K>): void {
    const { measurements } = this.#metrics;
    const listener = (event: SupervisorEvent<K> | ClusterEvent) => {
      this.#health.note(event);
      this.#log.add(event);
    };
    supervisor?.subscribe((event) => {
      measurements.note(event);
      listener(event);
    }, { signal, keepsConsole: true });
    cluster?.subscribe(listener, { signal, keepsConsole: true });
    for (const each of [cluster, table]) each?.observeCalls?.((call) => measurements.called(call), { signal });
    if (!supervisor || !cluster) return;
    const counting = cluster.countBy(() => supervisor.summary().counts);
    onAbort(signal, () => counting[Symbol.dispose]());
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url), route = routeOf(url.pathname);
    if (!route) throw new Problem(404, "There is nothing at this path");
    const allow = route.type === "act" ? "POST" : "GET, HEAD";
    if (!allow.split(", ").includes(request.method)) {
      throw new Problem(405, `The method must be one of ${allow}`, { headers: { allow } });
    }
    if (route.type === "livez") return textResponse("alive\n");
    if (route.type === "readyz") return textResponse(...this.#health.readiness());
    if (route.type === "page") return pageResponse(this.#settings.title);
    const isAct = route.type === "act", type = isAct ? route.action : "read";
    if (isAct && isCrossOrigin(request.headers, url)) {
      throw new Problem(403, "A request that acts must come from a page of this server, or from no page");
    }
    const action: InspectAction = { type, ..."key" in route && { key: route.key } };
    const permit = await ask(this.#settings.authorize, request, action);
    if (permit instanceof Response) return permit;
    return await (isAct ? this.#act(route, request, url, permit) : this.#read(route, request, url));
  }

  async #read(route: Exclude<Route, { type: "act" }>, request: Request, url: URL): Promise<Response> {
    const { supervisor, cluster, signal } = this.#settings;
    switch (route.type) {
      case "process":
        return jsonResponse(await this.#processes.one(route.key as K));
      case "processes":
        return jsonResponse(await this.#processes.list(url));
      case "rights":
        return jsonResponse(await this.#rights(request));
      case "events": {
        const head = { session: cluster?.snapshot().session }, lastId = request.headers.get("last-event-id");
        const headers = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
        return answer(this.#log.stream(lastId, head, signal), { headers });
      }
      case "metrics":
        return textResponse(this.#metrics.text(supervisor && { supervisor, cluster }));
      case "health": {
        const report = this.#health.report(), headers = { "content-type": "application/health+json" };
        return jsonResponse(report, { status: report.status === "fail" ? 503 : 200, headers });
      }
      default:
        return jsonResponse(overviewOf(this.#settings));
    }
  }

  async #act(
    { action, key }: Extract<Route, { type: "act" }>,
    request: Request,
    { searchParams }: URL,
    { by }: { readonly by?: string },
  ): Promise<Response> {
    const at = this.#settings.clock.now(), body = await readBody(request), state = searchParams.get("state");
    const outcome = await act(this.#settings, { action, key: key as K, state, by, ...body });
    this.#processes.memory.forget();
    this.#log.add({ type: "acted", at, action, key, by, reason: body.reason, isChanged: outcome.isChanged });
    return jsonResponse({ action, ...outcome });
  }

  /** Tells what a request could do, so that a page shows no button that would be refused. It is no promise. */
  async #rights(request: Request): Promise<object> {
    const { table, supervisor, authorize } = this.#settings;
    const { pause, resume, restart = supervisor, pauseAll, resumeAll, restartAll } = table ?? {};
    const ofKey = { restart, pause, resume, start: supervisor, abandon: supervisor };
    const ofTable: Readonly<Record<string, unknown>> = { restart: restartAll, pause: pauseAll, resume: resumeAll };
    const may = async (type: InspectAction["type"]) => !(await ask(authorize, request, { type }) instanceof Response);
    const allowed: (typeof actions)[number][] = [];
    for (const type of actions) if (ofKey[type] && await may(type).catch(() => false)) allowed.push(type);
    return { actions: allowed, table: allowed.filter((type) => ofTable[type]) };
  }
}

/** Whether a page of another origin may have made a request: a browser sends the credentials of its user along. */
function isCrossOrigin(headers: Headers, url: URL): boolean {
  const site = headers.get("sec-fetch-site") ?? "none", origin = headers.get("origin");
  if (site !== "same-origin" && site !== "none") return true;
  return origin !== null && (URL.parse(origin)?.host || undefined) !== (headers.get("host") ?? url.host);
}

/** The version is that of the text format of Prometheus, and means nothing to everything else. */
function textResponse(text: string, status = 200): Response {
  return answer(text, { status, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
}
