/** An HTTP server as a runnable. */

import type { Runnable } from "@pact/supervisor";

/** Answers a request. What it throws is answered with a 500. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Serves on localhost; when it is stopped, requests in progress are finished first. */
export function httpServer(name: string, port: number, handler: Handler): Runnable {
  return {
    async run(running, { signal }) {
      await using _server = listen(name, port, handler, signal);
      await running(signal);
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
