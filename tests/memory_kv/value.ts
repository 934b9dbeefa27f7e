/**
 * Values as they are kept: copies of their own.
 *
 * @module
 */

import { serialize } from "node:v8";

/** A value as it is kept. */
export interface StoredValue {
  /** The copy that is kept. */
  readonly value: unknown;
  /** Whether it is made of nothing but primitives, plain objects and arrays, none of them twice. */
  readonly isPlain: boolean;
  /** No less than its size in the database, in bytes. */
  readonly maxSize: number;
}

/**
 * Copies a value to be kept. A small record is copied by hand: `structuredClone` takes 20 times as long.
 *
 * @param value Any value.
 * @returns What is kept.
 * @throws {TypeError} When it cannot be cloned, as a function.
 *
 * @example The copy does not change with the original
 * ```ts
 * import { loadValue, storeValue } from "./value.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const original = { list: [1] };
 * const stored = storeValue(original);
 * original.list.push(2);
 * assertEquals(loadValue(stored), { list: [1] });
 * ```
 */
export function storeValue(value: unknown): StoredValue {
  if (value instanceof Uint8Array) return { value: Uint8Array.from(value), isPlain: false, maxSize: value.length };
  if (value instanceof Deno.KvU64) return { value, isPlain: true, maxSize: 8 };
  const maxSize = plainSize(value, []);
  if (maxSize < Infinity) return { value: copyPlain(value), isPlain: true, maxSize };
  return { value: clone(value), isPlain: false, maxSize };
}

/**
 * Copies a kept value for a reader.
 *
 * @param stored What is kept.
 * @returns Its copy.
 */
export function loadValue({ value, isPlain }: StoredValue): unknown {
  return isPlain ? copyPlain(value) : structuredClone(value);
}

/**
 * Measures a value as the database does.
 *
 * @param stored What is kept.
 * @returns Its size, in bytes.
 */
export function sizeOf({ value, maxSize }: StoredValue): number {
  const isMeasured = value instanceof Uint8Array || value instanceof Deno.KvU64;
  return isMeasured ? maxSize : serialize(value).byteLength;
}

function clone(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch (cause) {
    throw new TypeError((cause as Error).message, { cause });
  }
}

/** How many objects a value is searched for: one that occurs twice must occur twice in the copy too. */
const maxObjects = 64;

/** No less than the size of a value; infinite when it cannot be copied by hand. */
function plainSize(value: unknown, seen: object[]): number {
  switch (typeof value) {
    case "string":
      return 8 + 2 * value.length;
    case "number":
    case "boolean":
    case "undefined":
      return 12;
    case "object":
      return value === null ? 12 : plainObjectSize(value as Record<string, unknown>, seen);
  }
  return Infinity;
}

function plainObjectSize(value: Record<string, unknown>, seen: object[]): number {
  const keys = Object.keys(value);
  if (!(Array.isArray(value) ? isDense(value, keys) : isRecord(value))) return Infinity;
  if (seen.length === maxObjects || seen.includes(value)) return Infinity;
  seen.push(value);
  let size = 20;
  for (const key of keys) size += 8 + 2 * key.length + plainSize(value[key], seen);
  return size;
}

/** Indices come first among the keys: an array with as many keys as elements has no hole, or another key at the end. */
function isDense(value: unknown[], keys: string[]): boolean {
  return keys.length === value.length && (keys.length === 0 || keys.at(-1) === String(value.length - 1));
}

function isRecord(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.getOwnPropertySymbols(value).length === 0;
}

function copyPlain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Deno.KvU64) return value;
  if (Array.isArray(value)) return value.map(copyPlain);
  const copy: Record<string, unknown> = { ...value };
  for (const key in copy) if (typeof copy[key] === "object") copy[key] = copyPlain(copy[key]);
  return copy;
}
