/**
 * A key as one segment of a URL, and as text for people.
 *
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";

/** What can be a key. */
export type InspectKey = string | number | bigint | boolean;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Makes the id of a key: base64url of a letter for its type and of its text. Keys that a `Map` tells apart have different ids;
 * -0 has that of 0.
 *
 * @param key The key.
 * @returns Letters, digits, `-` and `_`.
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
  switch (typeof key) {
    case "string":
      // Lone surrogates have no bytes in UTF-8: such a text is written in units of 16 bits.
      return key.isWellFormed() ? encodeBase64Url(encoder.encode(`s${key}`)) : encodeBase64Url(unitsOf(key));
    case "bigint":
      return encodeBase64Url(`i${key}`);
    case "boolean":
      return encodeBase64Url(`b${key}`);
    default:
      return encodeBase64Url(`n${key}`);
  }
}

/**
 * Reads an id.
 *
 * @param id What stands in a URL.
 * @returns The key; `undefined` if no key has that id.
 */
export function keyOfId(id: string): InspectKey | undefined {
  try {
    const key = parse(decodeBase64Url(id));
    return key !== undefined && !Number.isNaN(key) && idOf(key) === id ? key : undefined;
  } catch (_malformed) {
    return undefined;
  }
}

/** Returns a key as text: that of a bigint ends with `n`. */
export function textOf(key: unknown): string {
  return typeof key === "bigint" ? `${key}n` : String(key);
}

/** Returns a key as JSON can hold it. */
export function shownKey(key: unknown): string | number | boolean {
  if (typeof key === "string" || typeof key === "boolean" || Number.isFinite(key)) return key as string;
  return textOf(key);
}

function parse(bytes: Uint8Array): InspectKey | undefined {
  if (bytes[0] === wide) return String.fromCharCode(...new Uint16Array(bytes.slice(2).buffer));
  const text = decoder.decode(bytes), rest = text.slice(1);
  switch (text[0]) {
    case "s":
      return rest;
    case "i":
      return BigInt(rest);
    case "b":
      return rest === "true";
    case "n":
      return Number(rest);
  }
}

/** The first byte of a text in units of 16 bits, and one that fills it up to a whole unit. */
const wide = "w".charCodeAt(0);

function unitsOf(text: string): Uint8Array {
  const units = Uint16Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  const bytes = new Uint8Array(2 + units.byteLength);
  bytes[0] = wide;
  bytes.set(new Uint8Array(units.buffer), 2);
  return bytes;
}
