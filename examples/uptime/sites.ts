/** Some web sites to watch, which fail on demand. */

import type { Handler } from "./http_server.ts";

/** The cycle of the flaky site, and the part of it in which it fails. */
const flaky = { roundMs: 20_000, failsFromMs: 5_000, failsUntilMs: 9_000 };

/**
 * Serves a site under every name: `GET /steady` answers 200, `PUT /fail/steady` makes it answer 503 from then on, `DELETE
 * /fail/steady` mends it. The site "broken" fails from the start, and "flaky" fails now and then by itself.
 */
export function sites(): Handler {
  const failing = new Set(["broken"]);
  const startedAt = Date.now();

  const isFailing = (name: string) => {
    const passedMs = (Date.now() - startedAt) % flaky.roundMs;
    if (name === "flaky" && passedMs >= flaky.failsFromMs && passedMs < flaky.failsUntilMs) return true;
    return failing.has(name);
  };

  return ({ url, method }) => {
    const { pathname } = new URL(url);
    const name = /^\/fail\/(.+)$/.exec(pathname)?.[1];
    if (name === undefined) {
      const fails = isFailing(pathname.slice(1));
      return new Response(fails ? "out of order\n" : "fine\n", { status: fails ? 503 : 200 });
    }
    if (method === "PUT") failing.add(name);
    else if (method === "DELETE") failing.delete(name);
    else {
      const error = `Cannot ${method} ${pathname}: PUT breaks a site, DELETE mends it`;
      return Response.json({ error }, { status: 405 });
    }
    return Response.json({ failing: [...failing] });
  };
}
