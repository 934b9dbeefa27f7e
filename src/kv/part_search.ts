/**
 * Finds the first part of a key at which there is something, only by asking whether there is anything between two parts.
 *
 * The order of parts is that of the database: bytes, texts by their code points, bigints, numbers, false, true.
 *
 * @module
 */

import type { KeyPart } from "./key_parts.ts";

/** Tells whether there is anything from one part on, and what lies below it, up to another one; without that, to the end. */
export type IsAny = (from: KeyPart, to?: KeyPart) => Promise<boolean>;

/** The greatest bigint that can be a part; its negative is the least. */
const maxBigint = 2n ** 2_040n - 1n;

/** The first part that can stand behind all texts. */
export const firstAfterTexts: KeyPart = -maxBigint;

/**
 * Finds the first part at or below which there is something. Bytes are passed over, as they can be no key of a table.
 *
 * @param from Where to begin.
 * @returns The part; of numbers that are none (`NaN`), the number next to them; `undefined` if there is nothing.
 *
 * @example Ask for a text in a list
 * ```ts
 * import { firstPart } from "./part_search.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const isAny = (from: unknown, to?: unknown) => Promise.resolve(`${from}` <= "acme" && (typeof to !== "string" || to > "acme"));
 * assertEquals(await firstPart("", isAny), "acme");
 * ```
 */
export async function firstPart(from: KeyPart, isAny: IsAny): Promise<KeyPart | undefined> {
  let part = from instanceof Uint8Array ? "" : from;
  if (typeof part === "string") {
    if (await isAny(part, -maxBigint)) return await firstText(part, isAny);
    part = -maxBigint;
  }
  if (typeof part === "bigint") {
    if (await isAny(part, -Infinity)) return await firstBigint(part, isAny);
    part = -Infinity;
  }
  if (typeof part === "number") {
    if (await isAny(part, false)) return await firstNumber(part, isAny);
    part = false;
  }
  if (!part && await isAny(false, true)) return false;
  return await isAny(true) ? true : undefined;
}

/** Returns the part behind a part and all that lies below it; `undefined` if there is none. */
export function partAfter(part: KeyPart): KeyPart | undefined {
  switch (typeof part) {
    case "string":
      return `${part}\0`;
    case "bigint":
      return part === maxBigint ? -Infinity : part + 1n;
    case "number":
      return part < Infinity ? numberAt(placeOf(part) + 1n) : false;
    case "boolean":
      return part ? undefined : true;
    default:
      return "";
  }
}

/** The places of code points without surrogates, which are no characters of their own. */
const lastPlace = 0x10_ffffn - 0x800n;
const lastAscii = 0x7fn;

/** Character by character, those of ASCII first. */
async function firstText(from: string, isAny: IsAny): Promise<string> {
  let text = "";
  for (;;) {
    const rest = from.startsWith(text) ? from.slice(text.length) : "";
    const begin = rest === "" ? text : from;
    if (rest === "" && await isAny(text, `${text}\0`)) return text;
    const least = placeOfCharacter(rest);
    const isUpTo = (place: bigint) => isAny(begin, text + characterAt(place + 1n));
    text += characterAt(
      await bisect(least, lastPlace, isUpTo, (low, high) => {
        return low < lastAscii && lastAscii < high ? lastAscii : middle(low, high);
      }),
    );
  }
}

function placeOfCharacter(text: string): bigint {
  const codePoint = BigInt(text.codePointAt(0) ?? 0);
  return codePoint < 0xd800n ? codePoint : codePoint - 0x800n;
}

function characterAt(place: bigint): string {
  return String.fromCodePoint(Number(place < 0xd800n ? place : place + 0x800n));
}

function firstBigint(from: bigint, isAny: IsAny): Promise<bigint> {
  return bisect(from, maxBigint, (value) => isAny(from, value + 1n), middleByLength);
}

async function firstNumber(from: number, isAny: IsAny): Promise<number> {
  const isUpTo = (place: bigint) => isAny(from, numberAt(place + 1n));
  return numberAt(await bisect(placeOf(from), placeOf(Infinity), isUpTo, middle));
}

const eightBytes = new DataView(new ArrayBuffer(8));

/** The place of a number in the order of all: IEEE 754 sorts as whole numbers, the negative ones backwards. */
function placeOf(value: number): bigint {
  eightBytes.setFloat64(0, value);
  const bits = eightBytes.getBigInt64(0);
  return bits < 0n ? -(2n ** 63n) - bits - 1n : bits;
}

function numberAt(place: bigint): number {
  eightBytes.setBigInt64(0, place < 0n ? -(2n ** 63n) - place - 1n : place);
  return eightBytes.getFloat64(0);
}

/** Finds the least value for which the answer is yes; the last one if it is for none before it. */
async function bisect(
  low: bigint,
  high: bigint,
  isUpTo: (value: bigint) => Promise<boolean>,
  pivot: (low: bigint, high: bigint) => bigint,
): Promise<bigint> {
  while (low < high) {
    const value = pivot(low, high);
    if (await isUpTo(value)) high = value;
    else low = value + 1n;
  }
  return low;
}

function middle(low: bigint, high: bigint): bigint {
  return low + (high - low) / 2n;
}

/** Halves the lengths of values that are far apart: most bigints are short, and the longest have 2 040 bits. */
function middleByLength(low: bigint, high: bigint): bigint {
  if (low < 0n && high >= 0n) return -1n;
  if (low < 0n) return -middleByLength(-high, -low) - 1n;
  const [least, most] = [lengthOf(low), lengthOf(high)];
  return most - least < 2 ? middle(low, high) : 2n ** BigInt((least + most) >> 1) - 1n;
}

function lengthOf(value: bigint): number {
  return value.toString(2).length;
}
