/**
 * A key as text for people, and as one segment of a URL.
 *
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";

/** Returns a key as text: that of a bigint ends with `n`. */
export function textOf(key: unknown): string {
  return typeof key === "bigint" ? `${key}n` : String(key);
}

/**
 * Makes the id of a key: base64url of what would stand for it in code, which tells its type. As in a `Map`, -0 is 0.
 *
 * @example Keys that no URL could hold
 * ```ts
 * import { idOf, keyOfId } from "./key_id.ts";
 * import { assertEquals } from "@std/assert";
 *
 * for (const key of ["", "..", "a/b", "\0", 5n, 0.1, true]) assertEquals(keyOfId(idOf(key)), key);
 * ```
 */
export function idOf(key: unknown): string {
  return encodeBase64Url(typeof key === "string" ? JSON.stringify(key) : textOf(key));
}

/** Returns the key that has an id; `undefined` if none has it. */
export function keyOfId(id: string): unknown {
  try {
    const key = parse(new TextDecoder().decode(decodeBase64Url(id)));
    return idOf(key) === id && !Number.isNaN(key) ? key : undefined;
  } catch (_malformed) {
    return undefined;
  }
}

function parse(text: string): unknown {
  if (text.startsWith('"')) return JSON.parse(text);
  if (text === "true" || text === "false") return text === "true";
  return text.endsWith("n") ? BigInt(text.slice(0, -1)) : Number(text);
}
