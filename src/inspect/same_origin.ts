/**
 * Whether a request that acts comes from a page of this very server, or from no page at all: a browser sends the credentials of
 * its user along with what a page of others asks for.
 *
 * @module
 */

/** Tells whether a request may have been made by a page of another origin. */
export function isCrossOrigin(headers: Headers, url: URL): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return true;
  const origin = headers.get("origin");
  return origin !== null && hostOf(origin) !== (headers.get("host") ?? url.host);
}

/** Returns the host of an origin; `undefined` for `null` and what is no origin. */
function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host || undefined;
}
