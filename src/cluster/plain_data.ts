/**
 * Plain data that an instance shows to others: what JSON can say, copied once and never changed.
 *
 * @module
 */

import { describeValue } from "../errors.ts";
import { oneLine } from "../one_line.ts";

/** How deep lists and objects may stand in each other: a value that contains itself is refused, too. */
const maxDepth = 16;

/** How many characters of the place of a wrong value a message shows. */
const maxShownPath = 100;

/**
 * Copies plain data: `null`, booleans, finite numbers, strings, and lists and plain objects of these. A property that is
 * `undefined` is left out.
 *
 * @param name The option that it is given as.
 * @param value What the user gave.
 * @param maxBytes How long it may be as JSON, in bytes of UTF-8.
 * @returns A copy that cannot be changed; `undefined` for `undefined`.
 * @throws {TypeError} If it is not plain data, or longer than that.
 */
export function copyPlainData(name: string, value: unknown, maxBytes: number): unknown {
  if (value === undefined) return undefined;
  const copy = copyAt(name, name, value, 0);
  const bytes = new TextEncoder().encode(JSON.stringify(copy)).length;
  if (bytes <= maxBytes) return copy;
  throw new TypeError(
    `Cannot use the option ${name}: it must be at most ${maxBytes} bytes long as JSON, current length is ${bytes} bytes`,
  );
}

function copyAt(name: string, path: string, value: unknown, depth: number): unknown {
  if (value === null || ["boolean", "string"].includes(typeof value) || Number.isFinite(value)) return value;
  if (depth < maxDepth && Array.isArray(value)) {
    return Object.freeze(Array.from(value, (each, index) => copyAt(name, `${path}[${index}]`, each, depth + 1)));
  }
  if (depth < maxDepth && isPlainObject(value)) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return Object.freeze(
      Object.fromEntries(entries.map(([key, each]) => [key, copyAt(name, `${path}.${key}`, each, depth + 1)])),
    );
  }
  throw new TypeError(
    `Cannot use the option ${name}: it must be plain data, as JSON can say it, at most ${maxDepth} levels deep, ` +
      `current value at ${oneLine(path, maxShownPath)} is ${describeValue(value)}`,
  );
}

/** An object of another realm is plain, too. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty"));
}
