/**
 * Who may see, and who may act.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { decodeBase64 } from "@std/encoding/base64";
import { checkShape } from "../check.ts";
import { Problem } from "./problem.ts";

/** What a request wants to do. */
export interface InspectAction {
  /** To see, or what to do. */
  readonly type: "read" | "restart" | "pause" | "resume" | "start" | "abandon";
  /** To which key; absent if it is about all of them. */
  readonly key?: unknown;
}

/**
 * What is answered to who asks: `true`, or the name of who it is, which stands in pauses and events; `false`, which is a 403; or
 * a response that is sent as it is, for example a redirection to a login.
 */
export type Authorization = boolean | string | Response;

/** Decides whether a request may do what it wants to. What it throws is a 500, and only printed. */
export type Authorize = (request: Request, action: InspectAction) => Authorization | Promise<Authorization>;

/** A request that may go on. */
export interface Permit {
  /** Who it is, if that is known. */
  readonly by?: string;
}

/** How many characters of a name are kept. */
const maxNameLength = 200;

/**
 * Asks whether a request may go on.
 *
 * @returns The permit, or the response to send instead.
 * @throws {Problem} 403, if it may not.
 */
export async function ask(authorize: Authorize, request: Request, action: InspectAction): Promise<Permit | Response> {
  const authorization = await authorize(request, action);
  if (authorization instanceof Response) return authorization;
  if (authorization === true) return {};
  if (typeof authorization === "string" && authorization !== "") return { by: authorization.slice(0, maxNameLength) };
  throw new Problem(403, `This request may not ${action.type === "read" ? "read" : `${action.type} processes`}`);
}

/**
 * Lets everything be done by who has a token, in the header `Authorization: Bearer <token>`. It is compared in a time that does
 * not depend on what is wrong with it.
 *
 * @param token The secret: printable characters without spaces, at least 16 of them.
 * @returns For the option `authorize`.
 * @throws {TypeError} If the token is not such a text.
 *
 * @example
 * ```ts
 * import { bearer, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const handle = inspect({ authorize: bearer("a-long-and-secret-token") });
 * const answer = await handle(new Request("http://localhost/api/overview"));
 * assertEquals([answer.status, answer.headers.get("www-authenticate")], [401, "Bearer"]);
 * ```
 */
export function bearer(token: string): Authorize {
  const isToken = typeof token === "string" && /^[!-~]{16,}$/.test(token);
  const shown = typeof token === "string" ? `a text of ${token.length} characters` : token;
  checkShape("token", "a text of at least 16 printable characters without spaces", shown, isToken);
  const isRight = secretly(token);
  return async (request) => {
    const [, given = ""] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    return await isRight(given) || unauthorized("Bearer", given === "" ? "a token is needed" : "the token is wrong");
  };
}

/**
 * Lets everything be done by who knows a name and a password (HTTP Basic), for which browsers ask themselves. What is done bears
 * the name.
 *
 * @param user The name, without a colon.
 * @param password The secret, of at least 8 characters.
 * @returns For the option `authorize`.
 * @throws {TypeError} If one of them is not such a text.
 *
 * @example
 * ```ts
 * import { basic, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const handle = inspect({ authorize: basic("ops", "correct horse") });
 * const headers = { authorization: `Basic ${btoa("ops:correct horse")}` };
 * assertEquals((await handle(new Request("http://localhost/api/overview", { headers }))).status, 200);
 * ```
 */
export function basic(user: string, password: string): Authorize {
  checkShape("user", "a text without a colon", user, typeof user === "string" && /^[^:]+$/.test(user));
  const isPassword = typeof password === "string" && password.length >= 8;
  checkShape("password", "a text of at least 8 characters", typeof password, isPassword);
  const isRight = secretly(`${user}:${password}`);
  return async (request) => {
    const [, given = ""] = /^Basic +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    if (await isRight(decoded(given))) return user;
    return unauthorized('Basic realm="supervisor", charset="UTF-8"', "a name and its password are needed");
  };
}

/**
 * Lets everything be read by anyone, and nothing be done.
 *
 * @returns For the option `authorize`.
 *
 * @example
 * ```ts
 * import { anyone, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const handle = inspect({ authorize: anyone() });
 * assertEquals((await handle(new Request("http://localhost/api/overview"))).status, 200);
 * assertEquals((await handle(new Request("http://localhost/api/pause", { method: "POST" }))).status, 403);
 * ```
 */
export function anyone(): Authorize {
  return (_request, { type }) => type === "read";
}

/** Digests have one length, and so tell nothing of that of the secret. */
function secretly(secret: string): (given: string) => Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const right = digest(secret);
  return async (given) => timingSafeEqual(await digest(given), await right);
}

function unauthorized(scheme: string, reason: string): Response {
  return new Problem(401, `Not authorized: ${reason}`, { headers: { "www-authenticate": scheme } }).toResponse();
}

function decoded(text: string): string {
  try {
    return new TextDecoder().decode(decodeBase64(text));
  } catch (_malformed) {
    return "";
  }
}
