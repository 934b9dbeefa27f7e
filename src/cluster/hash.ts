/**
 * A 32-bit hash that never changes: instances of different versions share claims on slots, and with another hash they would
 * not mean the same keys by them.
 *
 * @module
 */

/**
 * Hashes a text to 32 bits: FNV-1a (Fowler, Noll, Vo) over the UTF-16 code units, so over the bytes of an ASCII text, then
 * the finaliser of MurmurHash3 (Appleby), as FNV alone leaves texts that differ in their last character close together.
 * It is no defence against an attacker who looks for collisions.
 *
 * @param text Any string, lone surrogates included.
 * @returns A whole number from 0 up to 2^32, the same on every machine.
 *
 * @example It is the same everywhere
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hashOf } from "./hash.ts";
 *
 * assertEquals(hashOf("tenant-0"), 0x1bf7059d);
 * ```
 */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/**
 * Spreads the bits of a number: each bit of the input changes about half of the bits of the output (the finaliser of
 * MurmurHash3).
 *
 * @param bits A number, of which the low 32 bits count.
 * @returns A whole number from 0 up to 2^32; different inputs have different outputs.
 *
 * @example Neighbours end far apart
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mix } from "./hash.ts";
 *
 * assertEquals([mix(1), mix(2)], [0x514e28b7, 0x30f4c306]);
 * ```
 */
export function mix(bits: number): number {
  let mixed = bits ^ (bits >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
