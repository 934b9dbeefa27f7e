/** An HTTP server as a runnable. */

import type { Runnable } from "@pact/supervisor";
import { deadline } from "@std/async/deadline";

/** Answers a request. If it throws, the answer is a 500. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** How long requests in progress may take once the server is asked to stop. */
const graceMs = 2_000;

/** Serves on localhost. When asked to stop, it first answers the requests in progress, unless they take too long. */
export function httpServer(name: string, port: number, handler: Handler): Runnable {
  return {
    async run(running, { signal }) {
      const answers: Set<Promise<Response>> = new Set();
      const answer = (request: Request) => {
        const response = Promise.try(handler, request).finally(() => answers.delete(response));
        answers.add(response);
        return response;
      };
      const closing = new AbortController();
      const server = listen(name, port, answer, closing.signal);
      try {
        await running(signal);
        await deadline(Promise.allSettled(answers), graceMs, { signal }).catch(() => {});
      } finally {
        // Not `shutdown`, which waits for clients that never finish their request, and for open event streams: these are cut.
        closing.abort();
        await server.finished;
      }
    },
  };
}

function listen(name: string, port: number, handler: Handler, signal: AbortSignal): Deno.HttpServer {
  try {
    return Deno.serve({
      hostname: "127.0.0.1",
      port,
      signal,
      onListen: ({ port }) => console.log(`${name}: listening on http://127.0.0.1:${port}`),
      onError: (error) => Response.json({ error: String(error) }, { status: 500 }),
    }, handler);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new Error(`Cannot serve ${name}: port ${port} is in use; choose another with --port and --sites-port`, {
      cause,
    });
  }
}
