/**
 * The HTTP face of an instance.
 *
 * ```text
 *   request ──▶ routes.ts ──▶ same_origin.ts ──▶ authorize.ts ──┬──▶ overview.ts, listing.ts    what is going on
 *                                                               ├──▶ event_stream_response.ts  what happens
 *                                                               ├──▶ acting.ts                 what is to be done
 *                                                               ╰──▶ health.ts, metrics.ts     what machines ask
 *   sources.ts, process_item.ts   what supervisor, cluster and table know, put together
 *   watch.ts, event_log.ts        what only events tell
 * ```
 *
 * @module
 */

import { printError } from "../error_data.ts";
import { onAbort } from "../on_abort.ts";
import { act, actOnTable, type Outcome, problemOf } from "./acting.ts";
import { ask, type InspectAction, type Permit } from "./authorize.ts";
import { eventsResponse } from "./event_stream_response.ts";
import { healthResponse, readyResponse } from "./health.ts";
import { list, parseQuery } from "./listing.ts";
import { metricsResponse } from "./metrics.ts";
import { checkOptions, type InspectOptions, type InspectSettings } from "./options.ts";
import { overviewOf } from "./overview.ts";
import { pageResponse } from "./page.ts";
import { rightsOf } from "./rights.ts";
import { answer, jsonResponse, Problem } from "./problem.ts";
import { oneProcess } from "./one_process.ts";
import { readBody } from "./request_body.ts";
import { methodsOf, type Route, routeOf } from "./routes.ts";
import { isCrossOrigin } from "./same_origin.ts";
import { Sources } from "./sources.ts";
import { Watch } from "./watch.ts";

/**
 * Makes an HTTP handler that shows what is going on in all instances, and does what an operator asks for. It can be mounted under
 * any path, since it goes by the end of the path.
 *
 * It promises that nothing is shown or done, but for `livez`, `readyz` and the page without data, unless `authorize` agrees, and that no request makes it
 * throw. It listens to the supervisor and the cluster without taking the place of the console.
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

/** Answers requests. */
class Inspector<K> {
  readonly #settings: InspectSettings<K>;
  readonly #sources: Sources<K>;
  readonly #watch: Watch;

  constructor(settings: InspectSettings<K>) {
    this.#settings = settings;
    this.#sources = new Sources(settings);
    this.#watch = new Watch(settings);
    const { supervisor, cluster, signal } = settings;
    if (!supervisor || !cluster || signal.aborted) return;
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
      const problem = error instanceof Problem ? error : problemOf(error);
      if (problem) return problem.toResponse();
      printError("inspect: a request has failed", error);
      return new Problem(500, "The request has failed; the program has printed why").toResponse();
    }
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url), { pathname } = url;
    const route = routeOf(pathname);
    if (!route) throw new Problem(404, "There is nothing at this path");
    const methods = methodsOf(route);
    if (!methods.includes(request.method)) {
      throw new Problem(405, `The method must be ${methods.join(" or ")}`, { headers: { allow: methods.join(", ") } });
    }
    if (route.type === "livez") return answer("alive\n", { headers: { "content-type": "text/plain" } });
    if (route.type === "page") return pageResponse(this.#settings.title);
    if (route.type === "readyz") return readyResponse(this.#settings);
    const isCross = request.method === "POST" && isCrossOrigin(request.headers, url);
    if (isCross) throw new Problem(403, "A request that acts must come from a page of this server, or from no page");
    const permit = await ask(this.#settings.authorize, request, actionOf(route));
    if (permit instanceof Response) return permit;
    return await this.#serve(route, request, { url, permit });
  }

  async #serve(
    route: Route,
    request: Request,
    { url, permit }: { readonly url: URL; readonly permit: Permit },
  ): Promise<Response> {
    const settings = this.#settings;
    switch (route.type) {
      case "overview":
        return jsonResponse(overviewOf(settings));
      case "processes":
        return jsonResponse(await list(this.#sources, parseQuery(url.searchParams), settings.signal));
      case "process":
        return jsonResponse(await oneProcess(this.#sources, route.key as K, settings.signal));
      case "rights":
        return jsonResponse(await rightsOf(this.#sources, request));
      case "events":
        return this.#events(request);
      case "metrics":
        return metricsResponse(settings, this.#watch);
      case "health":
        return healthResponse(settings, this.#watch);
      case "act":
      case "act-on-table":
        return await this.#act(route, request, { url, permit });
      default:
        throw new Problem(404, "There is nothing at this path");
    }
  }

  #events(request: Request): Response {
    const session = this.#settings.cluster?.snapshot().session;
    const lastId = request.headers.get("last-event-id");
    return eventsResponse(this.#watch.log, lastId, session === undefined ? {} : { session }, this.#settings.signal);
  }

  async #act(
    route: Extract<Route, { type: "act" | "act-on-table" }>,
    request: Request,
    { url, permit }: { readonly url: URL; readonly permit: Permit },
  ): Promise<Response> {
    const at = this.#settings.clock.now(), body = await readBody(request, at), order = { ...body, ...permit };
    const outcome: Outcome = route.type === "act"
      ? await act(this.#sources, route.action, route.key as K, order)
      : await actOnTable(this.#sources, route.action, url.searchParams.get("state"), order);
    const { reason } = body, { isChanged } = outcome;
    const said = { ...permit, ...reason !== undefined && { reason }, isChanged };
    this.#watch.log.add({
      type: "acted",
      at,
      action: route.action,
      ...route.type === "act" && { key: route.key },
      ...said,
    });
    return jsonResponse({ action: route.action, ...outcome });
  }
}

function actionOf(route: Route): InspectAction {
  if (route.type === "act") return { type: route.action, key: route.key };
  if (route.type === "act-on-table") return { type: route.action };
  return route.type === "process" ? { type: "read", key: route.key } : { type: "read" };
}
