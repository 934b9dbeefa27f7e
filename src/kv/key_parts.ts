/**
 * The parts of a key in Deno KV: copied, measured, and written as text.
 *
 * @module
 */

/** A part of a key that stands in the database: not the symbol that it replaces with a versionstamp. */
export type KeyPart = Exclude<Deno.KvKeyPart, symbol>;

/** Tells whether a value can be a part of a key. Lone surrogates cannot: the database does not tell them apart. */
export function isKeyPart(part: unknown): part is KeyPart {
  if (typeof part === "string") return part.isWellFormed();
  if (typeof part === "bigint") return bytesOf(part) <= maxBigintBytes;
  return part instanceof Uint8Array || typeof part === "number" || typeof part === "boolean";
}

/** Copies a key so that nothing changes it afterwards: its bytes too, and `NaN` is the one that calculations give. */
export function copyKey<T>(key: readonly T[]): (T | Uint8Array | number)[] {
  return Array.from(key, (part) => {
    if (part instanceof Uint8Array) return new Uint8Array(part);
    return Number.isNaN(part) ? NaN : part;
  });
}

/**
 * Returns how many bytes a key takes in the database, which packs it as FoundationDB's tuple layer does
 * (https://github.com/apple/foundationdb/blob/main/design/tuple.md).
 */
export function keySize(key: readonly KeyPart[]): number {
  return key.reduce((size: number, part) => size + partSize(part), 0);
}

/**
 * Writes a key as one text, as in code. Keys that the database tells apart have different texts.
 *
 * @example Texts in quotes, bytes in hexadecimal
 * ```ts
 * import { keyText } from "./key_parts.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(keyText(["bots", "eu"]), '["bots","eu"]');
 * assertEquals(keyText([-0, 1n, true, new Uint8Array([1, 255])]), "[-0,1n,true,0x01ff]");
 * ```
 */
export function keyText(key: readonly KeyPart[]): string {
  return `[${key.map(partText).join(",")}]`;
}

/** The most bytes that the database takes of a bigint. */
const maxBigintBytes = 255;

const encoder = new TextEncoder();

/** A text and bytes have a mark at each end, and a mark at each zero byte within. */
function partSize(part: KeyPart): number {
  switch (typeof part) {
    case "string":
      return 2 + markedSize(encoder.encode(part));
    case "number":
      return 1 + 8;
    case "bigint":
      return bytesOf(part) <= 8 ? 1 + bytesOf(part) : 2 + bytesOf(part);
    case "boolean":
      return 1;
    default:
      return 2 + markedSize(part);
  }
}

function markedSize(bytes: Uint8Array): number {
  return bytes.reduce((size, byte) => byte === 0 ? size + 2 : size + 1, 0);
}

function bytesOf(part: bigint): number {
  const digits = (part < 0n ? -part : part).toString(16);
  return part === 0n ? 0 : Math.ceil(digits.length / 2);
}

function partText(part: KeyPart): string {
  switch (typeof part) {
    case "string":
      return JSON.stringify(part);
    case "number":
      return Object.is(part, -0) ? "-0" : String(part);
    case "bigint":
      return `${part}n`;
    case "boolean":
      return String(part);
    default:
      return `0x${Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
}
