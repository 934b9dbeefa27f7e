/** Finds the action for a request, and says in JSON why there is none. */

import type { Handler } from "./http_server.ts";

/** Answers a request, given the part of the path in place of `:id`. */
export type Action = (request: Request, id: string) => Response | Promise<Response>;

/** Actions by path and method. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Action>>>>;

/** Why a request cannot be answered. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Hands what is below a path to one handler, and everything else to another. */
export function mount(path: string, below: Handler, otherwise: Handler): Handler {
  return (request) => new URL(request.url).pathname.startsWith(path) ? below(request) : otherwise(request);
}

/** Makes a handler that answers each request by its action. */
export function route(routes: Routes): Handler {
  const resources = Object.entries(routes).map(([pathname, actions]) => ({
    pattern: new URLPattern({ pathname }),
    actions: new Map(Object.entries(actions)),
  }));

  return async (request) => {
    const { method, url } = request;
    const { pathname } = new URL(url);
    const resource = resources.find(({ pattern }) => pattern.test(url));
    if (!resource) return refusal(404, `Cannot find "${pathname}": there are ${Object.keys(routes).join(", ")}`);

    const action = resource.actions.get(method);
    const allowed = [...resource.actions.keys()].join(", ");
    if (!action) {
      return refusal(405, `Cannot ${method} "${pathname}": the method must be ${allowed}`, { allow: allowed });
    }

    try {
      return await action(request, resource.pattern.exec(url)?.pathname.groups.id ?? "");
    } catch (error) {
      if (error instanceof RequestError) return refusal(error.status, error.message);
      throw error;
    }
  };
}

function refusal(status: number, error: string, headers: HeadersInit = {}): Response {
  return Response.json({ error }, { status, headers });
}
