/**
 * A number that stands for a stored value: equal values have equal ones.
 *
 * @module
 */

/**
 * Digests a value to 53 bits, as `cyrb53` (bryc) does with texts: two lanes of a multiplicative hash, mixed at the end. Of
 * everything that the database can store, values that differ have different digests, but for chance: one pair in 2^53. What
 * lies deeper than 200 objects in each other does not count.
 *
 * The order of properties counts, as it does for what the database stores.
 *
 * @param value What was read from the database.
 * @returns A whole number from 0 up to 2^53.
 *
 * @example Two readings of one value
 * ```ts
 * import { digestOf } from "./digest.ts";
 * import { assertEquals, assertNotEquals } from "@std/assert";
 *
 * assertEquals(digestOf({ url: "u", at: [1, 2n] }), digestOf({ url: "u", at: [1, 2n] }));
 * assertNotEquals(digestOf({ url: "u" }), digestOf({ url: "v" }));
 * ```
 */
export function digestOf(value: unknown): number {
  high = 0xdeadbeef;
  low = 0x41c6ce57;
  addValue(value);
  root = others = undefined;
  return 0x1_0000_0000 * (0x1f_ffff & mixed(low, high)) + (mixed(high, low) >>> 0);
}

// The digest that is being made. Nothing here waits, so there is one at a time; fields of an object take twice as long.
let high = 0;
let low = 0;
/** The first object, and all others with their numbers: a value may contain itself, or one object many times. */
let root: object | undefined;
let others: Map<object, number> | undefined;

let depth = 0;
/** How deep objects are looked into: the stack ends somewhere. */
const maxDepth = 200;

const eightBytes = new DataView(new ArrayBuffer(8));

function mixed(lane: number, other: number): number {
  return Math.imul(lane ^ (lane >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909);
}

function add(bits: number): void {
  high = Math.imul(high ^ bits, 2_654_435_761);
  low = Math.imul(low ^ bits, 1_597_334_677);
}

/** Each kind begins with a letter of its own, so that no two values have the same bits. */
function addValue(value: unknown): void {
  switch (typeof value) {
    case "string":
      return addText("s", value);
    case "number":
      addKind("n");
      return addNumber(value);
    case "object":
      if (value === null) return addKind("0");
      if (depth < maxDepth) {
        depth++;
        addObject(value);
        depth--;
      }
      return;
    default:
      return addText(typeof value, String(value)); // a bigint, a boolean, undefined
  }
}

function addObject(value: object): void {
  if (isRepeated(value)) return;
  if (Array.isArray(value)) return addAll("a", value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) {
    if (value instanceof Map) return addAll("m", [...value].flat(1));
    if (value instanceof Set) return addAll("u", [...value]);
    if (value instanceof RegExp) return addText("r", String(value));
    if (value instanceof ArrayBuffer) return addBytes("b", new Uint8Array(value));
    if (ArrayBuffer.isView(value)) {
      return addBytes(value.constructor.name, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    }
    if (value instanceof Error) return addAll("e", [value.name, value.message, value.cause]);
    const plain: unknown = value.valueOf(); // of a moment, of a wrapped primitive, as `Deno.KvU64` is
    if (plain !== value) return addAll(value.constructor.name, [plain]);
  }
  const keys = Object.keys(value);
  addKind("o");
  addNumber(keys.length);
  for (const key of keys) {
    addText("k", key);
    addValue((value as Record<string, unknown>)[key]);
  }
}

function addAll(kind: string, values: readonly unknown[]): void {
  addKind(kind);
  addNumber(values.length);
  for (const each of values) addValue(each);
}

function isRepeated(value: object): boolean {
  if (root === undefined) {
    root = value;
    return false;
  }
  others ??= new Map([[root, 0]]);
  const number = others.get(value);
  if (number === undefined) others.set(value, others.size);
  else addAll("^", [number]);
  return number !== undefined;
}

function addKind(kind: string): void {
  for (let index = 0; index < kind.length; index++) add(kind.charCodeAt(index));
}

/** Texts are most of what is stored. */
function addText(kind: string, text: string): void {
  addKind(kind);
  addNumber(text.length);
  let one = high, other = low; // for the length of the loop: they are faster than what the module keeps
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 2_654_435_761);
    other = Math.imul(other ^ code, 1_597_334_677);
  }
  high = one;
  low = other;
}

function addBytes(kind: string, bytes: Uint8Array): void {
  addKind(kind);
  addNumber(bytes.length);
  for (const byte of bytes) add(byte);
}

function addNumber(value: number): void {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31 && !Object.is(value, -0)) return add(value);
  eightBytes.setFloat64(0, value);
  add(eightBytes.getInt32(0));
  add(eightBytes.getInt32(4));
}
