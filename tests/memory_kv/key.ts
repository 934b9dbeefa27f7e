/**
 * The order of keys: as in Deno KV, which packs a key as FoundationDB's tuple layer does
 * (https://github.com/apple/foundationdb/blob/main/design/tuple.md).
 *
 * @module
 */

/**
 * Packs a key into a string of bytes whose order is that of the database: Uint8Array, string (by its UTF-8), bigint,
 * number, false, true.
 *
 * @param key The key.
 * @returns One character per byte, so that its length is the size of the key.
 * @throws {TypeError} When a part is of another type, or a bigint has more than 255 bytes.
 *
 * @example A bigint sorts before a number
 * ```ts
 * import { encodeKey } from "./key.ts";
 * import { assert } from "@std/assert";
 *
 * assert(encodeKey(["a", 2n]) < encodeKey(["a", 1]));
 * ```
 */
export function encodeKey(key: Deno.KvKey): string {
  let encoded = "";
  for (const part of key) encoded += encodePart(part);
  return encoded;
}

/**
 * Copies a key as it comes back from the database: bytes are copied, lone surrogates replaced.
 *
 * @param key The key.
 * @returns Its copy.
 *
 * @example
 * ```ts
 * import { copyKey } from "./key.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(copyKey(["a", "\ud800"]), ["a", "\ufffd"]);
 * ```
 */
export function copyKey(key: Deno.KvKey): Deno.KvKeyPart[] {
  return key.map((part) => {
    if (typeof part === "string") return part.toWellFormed();
    return ArrayBuffer.isView(part) ? bytesOf(part).slice() : part;
  });
}

function encodePart(part: unknown): string {
  switch (typeof part) {
    case "string":
      return `\x02${encodeString(part)}\0`;
    case "number":
      return `\x21${encodeNumber(part)}`;
    case "bigint":
      return encodeBigint(part);
    case "boolean":
      return part ? "\x27" : "\x26";
  }
  if (ArrayBuffer.isView(part)) return `\x01${escapeZeros(toText(bytesOf(part)))}\0`;
  throw new TypeError("expected string, number, bigint, ArrayBufferView, boolean");
}

const encoder = new TextEncoder();

function encodeString(part: string): string {
  return /[^ -~]/.test(part) ? escapeZeros(toText(encoder.encode(part))) : part;
}

/** A part ends with a zero byte: one inside it is marked, and still sorts first. */
function escapeZeros(text: string): string {
  return text.replaceAll("\0", "\0\xff");
}

const eightBytes = new DataView(new ArrayBuffer(8));

/** IEEE 754 sorts as unsigned bytes when the sign bit is turned around, or all bits of a negative number. */
function encodeNumber(part: number): string {
  eightBytes.setFloat64(0, Number.isNaN(part) ? NaN : part);
  const high = eightBytes.getUint32(0);
  const isNegative = high >= 2 ** 31;
  eightBytes.setUint32(0, isNegative ? ~high : high ^ 2 ** 31);
  if (isNegative) eightBytes.setUint32(4, ~eightBytes.getUint32(4));
  return toText(bytesOf(eightBytes));
}

/** The size comes first, so that it decides; of a negative number everything is turned around. */
function encodeBigint(part: bigint): string {
  const hex = (part < 0n ? -part : part).toString(16);
  const bytes = part === 0n ? new Uint8Array() : Uint8Array.fromHex(hex.length % 2 ? `0${hex}` : hex);
  const size = bytes.length;
  if (size > 255) throw new TypeError("BigUint requires more than 255 bytes to be represented");
  if (part < 0n) {
    const head = size <= 8 ? [0x14 - size] : [0x0b, size ^ 0xff];
    return String.fromCharCode(...head, ...bytes.map((byte) => byte ^ 0xff));
  }
  return String.fromCharCode(...size <= 8 ? [0x14 + size] : [0x1d, size], ...bytes);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function toText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
