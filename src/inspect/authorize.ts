/**
 * Who may see, and who may act.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { encodeBase64 } from "@std/encoding/base64";
import { checkShape } from "../check.ts";
import { printError } from "../error_data.ts";
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

/** Decides whether a request may do what it wants to. What it throws is a 500, and only printed. It can read the body of a clone. */
export type Authorize = (request: Request, action: InspectAction) => Authorization | Promise<Authorization>;

/** How many characters of a name are kept. */
const maxNameLength = 200;

/** Returns who it is, if that is known, or the response to send instead. */
export async function ask(
  authorize: Authorize,
  request: Request,
  action: InspectAction,
): Promise<Response | { readonly by?: string }> {
  const answer = await Promise.try(authorize, request, action).catch((error) => {
    printError("inspect: authorize has failed", error);
    throw new Problem(500, "The request cannot be authorized; the program has printed why");
  });
  if (answer instanceof Response) return answer;
  if (answer === true) return {};
  if (typeof answer === "string" && answer !== "") return { by: answer.slice(0, maxNameLength) };
  throw new Problem(403, `This request may not ${action.type === "read" ? "read" : `${action.type} processes`}`);
}

/**
 * Lets everything be done by who has a token, in the header `Authorization: Bearer <token>`.
 *
 * @param token The secret: printable ASCII without spaces, hard to guess.
 * @throws {TypeError} If the token is not such a text.
 *
 * @example
 * ```ts
 * import { bearer, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const handle = inspect({ authorize: bearer("a-long-and-secret-token") });
 * assertEquals((await handle(new Request("http://localhost/api/overview"))).status, 401);
 * ```
 */
export function bearer(token: string): Authorize {
  const isToken = typeof token === "string" && /^[!-~]+$/.test(token);
  checkShape("token", "printable ASCII without spaces, and not empty", typeof token, isToken);
  return bySecret("Bearer", token, true);
}

/**
 * Lets everything be done by who knows a name and a password (HTTP Basic), for which browsers ask. What is done bears the name.
 *
 * @param user The name, without a colon.
 * @param password The secret, not empty.
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
  const isPassword = typeof password === "string" && password !== "";
  checkShape("password", "a text that is not empty", typeof password, isPassword);
  return bySecret("Basic", encodeBase64(`${user}:${password}`), user, ' realm="supervisor", charset="UTF-8"');
}

/**
 * Lets everything be read by anyone, and nothing be done.
 *
 * @example
 * ```ts
 * import { anyone, inspect } from "@pact/supervisor/inspect";
 * import { assertEquals } from "@std/assert";
 *
 * const handle = inspect({ authorize: anyone() });
 * assertEquals((await handle(new Request("http://localhost/api/pause", { method: "POST" }))).status, 403);
 * ```
 */
export function anyone(): Authorize {
  return (_request, { type }) => type === "read";
}

/** Compares digests, which have one length, in a time that does not depend on where they differ. */
function bySecret(scheme: string, secret: string, permit: true | string, parameters = ""): Authorize {
  const digest = (text: string) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const credentials = new RegExp(`^${scheme} +(\\S+)$`, "i");
  const challenge = { "www-authenticate": scheme + parameters };
  let right: Promise<ArrayBuffer> | undefined; // made by the first request: a test in which none comes leaves no call behind
  return async ({ headers }) => {
    const [, given = ""] = credentials.exec(headers.get("authorization") ?? "") ?? [];
    if (timingSafeEqual(await digest(given), await (right ??= digest(secret)))) return permit;
    const text = `Not authorized: the ${scheme} credentials are ${given === "" ? "missing" : "wrong"}`;
    return new Problem(401, text, { headers: challenge }).toResponse();
  };
}
