/**
 * Which keys a listing reads: selectors and cursors, in packed keys.
 *
 * @module
 */

import { encodeKey } from "./key.ts";

/** The keys from the first one to before the last one, packed. */
export interface KeyRange {
  /** The first key. */
  readonly start: string;
  /** Behind the last key. */
  readonly end: string;
}

/** A selector, packed. */
export interface PackedSelector extends KeyRange {
  /** What all keys begin with: a cursor leaves it out. */
  readonly common: string;
  /** Whether the start was given, so that no cursor may lead before it. */
  readonly hasStart: boolean;
  /** Whether the end was given, so that no cursor may lead behind it. */
  readonly hasEnd: boolean;
}

/**
 * Copies a selector, so that its owner may go on to change it.
 *
 * @param selector The selector.
 * @returns Its copy.
 * @throws {TypeError} When it has too many parts or too few.
 */
export function copySelector(selector: Deno.KvListSelector): Deno.KvListSelector {
  const { prefix, start, end } = selector as { prefix?: Deno.KvKey; start?: Deno.KvKey; end?: Deno.KvKey };
  if (prefix && start && end) {
    throw new TypeError("Selector can not specify both 'start' and 'end' key when specifying 'prefix'");
  }
  if (prefix && start) return { prefix: [...prefix], start: [...start] };
  if (prefix && end) return { prefix: [...prefix], end: [...end] };
  if (prefix) return { prefix: [...prefix] };
  if (start && end) return { start: [...start], end: [...end] };
  throw new TypeError("Selector must specify either 'prefix' or both 'start' and 'end' key");
}

/**
 * Packs a selector.
 *
 * @param selector The selector.
 * @returns It, packed.
 * @throws {TypeError} If a key in it cannot be a key, or is on the wrong side of another.
 *
 * @example A prefix is no key of its own
 * ```ts
 * import { packSelector } from "./selector.ts";
 * import { encodeKey } from "./key.ts";
 * import { assert } from "@std/assert";
 *
 * const { start, end } = packSelector({ prefix: ["a"] });
 * assert(encodeKey(["a"]) < start && start < encodeKey(["a", "b"]) && encodeKey(["a", true]) < end);
 * ```
 */
export function packSelector(selector: Deno.KvListSelector): PackedSelector {
  const start = "start" in selector ? encodeKey(selector.start) : undefined;
  const end = "end" in selector ? encodeKey(selector.end) : undefined;
  if ("prefix" in selector) return packPrefix(encodeKey(selector.prefix), start, end);
  if (start! > end!) throw new TypeError("Start key is greater than end key");
  return { start: start!, end: end!, common: commonStart(start!, end!), hasStart: true, hasEnd: true };
}

/**
 * Narrows a selector down to what is behind a cursor.
 *
 * @param selector The selector.
 * @param reverse Whether it is read from its end.
 * @param cursor The cursor; undefined is before everything, "" behind the key that all others begin with.
 * @returns The keys that are left.
 * @throws {TypeError} If it is not a cursor, or leads out of the selector.
 */
export function toRange(selector: PackedSelector, reverse: boolean, cursor: string | undefined): KeyRange {
  if (cursor === undefined) return selector;
  const key = selector.common + decodeCursor(cursor);
  const { start, end } = reverse ? { start: selector.start, end: key } : { start: key + "\0", end: selector.end };
  if ((selector.hasStart && start < selector.start) || (selector.hasEnd && end > selector.end)) {
    throw new TypeError("cursor out of bounds");
  }
  return { start, end };
}

/**
 * Makes the cursor that leads behind a key.
 *
 * @param selector The selector that it is for.
 * @param encoded The key, packed.
 * @returns The cursor.
 *
 * @example A cursor leads behind its key
 * ```ts
 * import { encodeCursor, packSelector, toRange } from "./selector.ts";
 * import { encodeKey } from "./key.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const selector = packSelector({ prefix: ["a"] });
 * const key = encodeKey(["a", "b"]);
 * assertEquals(toRange(selector, false, encodeCursor(selector, key)).start, key + "\0");
 * ```
 */
export function encodeCursor(selector: PackedSelector, encoded: string): string {
  return toBase64Url(encoded.slice(selector.common.length));
}

function packPrefix(prefix: string, start: string | undefined, end: string | undefined): PackedSelector {
  assertInside(prefix, start, "Start");
  assertInside(prefix, end, "End");
  return {
    start: start ?? prefix + "\0",
    end: end ?? prefix + "\xff",
    common: prefix,
    hasStart: start !== undefined,
    hasEnd: end !== undefined,
  };
}

function assertInside(prefix: string, key: string | undefined, name: string): void {
  if (key !== undefined && (!key.startsWith(prefix) || key.length === prefix.length)) {
    throw new TypeError(`${name} key is not in the keyspace defined by prefix`);
  }
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

function toBase64Url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_");
}

/** `atob` forgives what Deno KV does not, as missing padding. */
function decodeCursor(cursor: string): string {
  try {
    const text = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    if (toBase64Url(text) === cursor) return text;
  } catch {
    // Not base64 at all: the same error.
  }
  throw new TypeError("invalid cursor");
}
