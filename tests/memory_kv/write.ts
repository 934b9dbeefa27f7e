/**
 * What an atomic operation writes, and the limits of it: a rule.
 *
 * @module
 */

import { encodeKey } from "./key.ts";
import type { NumberMutation } from "./number.ts";
import { sizeOf, type StoredValue } from "./value.ts";

/** A mutation as it was asked for. */
export interface PlannedMutation {
  /** What to do. */
  readonly type: "set" | "delete" | NumberMutation;
  /** The key; in a set it may end with the symbol of `commitVersionstamp`. */
  readonly key: Deno.KvKey;
  /** The value; none in a delete. */
  readonly value?: StoredValue;
  /** How long the entry is kept at least, in ms. */
  readonly expireIn?: number;
}

/** A check, its key packed. */
export interface PackedCheck {
  /** The key, packed. */
  readonly encoded: string;
  /** The versionstamp that must be there; null when there must be none. */
  readonly versionstamp: string | null;
}

/** A mutation, its key packed. */
export interface PackedMutation extends PlannedMutation {
  /** The key, packed. */
  readonly encoded: string;
  /** Whether the versionstamp of the commit becomes the last part of the key. */
  readonly isVersioned: boolean;
}

/** All that is written at once. */
export interface PackedWrite {
  /** What must hold for anything to be written. */
  readonly checks: readonly PackedCheck[];
  /** What is written, in this order. */
  readonly mutations: readonly PackedMutation[];
}

/** The last part of a key that stands for the versionstamp of the commit; one for all databases, as the real one. */
export const versionstampSymbol: symbol = Symbol("KvCommitVersionstamp");

/**
 * Packs a write. Keys are read now, not when the operation was put together, as Deno KV does.
 *
 * @param checks The checks.
 * @param mutations The mutations.
 * @returns The write.
 * @throws {TypeError} If a key cannot be a key.
 */
export function packWrite(
  checks: readonly Deno.AtomicCheck[],
  mutations: readonly PlannedMutation[],
): PackedWrite {
  return {
    checks: checks.map(({ key, versionstamp }) => ({ encoded: encodeKey(key), versionstamp: versionstamp ?? null })),
    mutations: mutations.map(packMutation),
  };
}

/**
 * Checks a write against the limits of Deno KV.
 *
 * @param write The write.
 * @throws {TypeError} When it is over one, or a check has no versionstamp; the texts are those of Deno KV.
 *
 * @example An empty key
 * ```ts
 * import { assertWithinLimits } from "./write.ts";
 * import { assertThrows } from "@std/assert";
 *
 * const check = { encoded: "", versionstamp: null };
 * assertThrows(() => assertWithinLimits({ checks: [check], mutations: [] }), TypeError, "key cannot be empty");
 * ```
 */
export function assertWithinLimits({ checks, mutations }: PackedWrite): void {
  if (checks.length > 100) throw new TypeError("Too many checks (max 100)");
  if (mutations.length > 1_000) throw new TypeError("Too many mutations (max 1000)");
  if (!checks.every(isWellFormed)) throw new TypeError("Invalid check");
  for (const { encoded } of checks) assertKeySize(encoded);
  for (const { encoded } of mutations) assertKeySize(encoded);
  for (const { value } of mutations) assertValueSize(value);
  assertTotalSizes(checks, mutations);
}

const maxValueSize = 65_536;
const maxTotalSize = 819_200;
const maxTotalKeySize = 81_920;

function packMutation(mutation: PlannedMutation): PackedMutation {
  const { type, value, expireIn } = mutation;
  const isVersioned = type === "set" && (mutation.key.at(-1) as unknown) === versionstampSymbol;
  const key = isVersioned ? mutation.key.slice(0, -1) : mutation.key;
  return { type, key, value, expireIn, isVersioned, encoded: encodeKey(key) };
}

function isWellFormed({ versionstamp }: PackedCheck): boolean {
  return versionstamp === null || /^[\da-f]{20}$/i.test(versionstamp);
}

function assertKeySize(encoded: string): void {
  if (encoded.length === 0) throw new TypeError("key cannot be empty");
  if (encoded.length > 2_048) throw new TypeError("Key too large for write (max 2048 bytes)");
}

function assertValueSize(value: StoredValue | undefined): void {
  if (value && value.maxSize > maxValueSize && sizeOf(value) > maxValueSize) {
    throw new TypeError(`Value too large (max ${maxValueSize} bytes)`);
  }
}

/** The keys of written values count twice, as they do in Deno KV. */
function assertTotalSizes(checks: readonly PackedCheck[], mutations: readonly PackedMutation[]): void {
  const withValue = mutations.filter(({ value }) => value !== undefined);
  const keySize = sumOf(withValue, ({ encoded }) => encoded.length);
  const otherSize = keySize + sumOf([...checks, ...mutations], ({ encoded }) => encoded.length);
  const isOver = (measure: (value: StoredValue) => number) =>
    otherSize + sumOf(withValue, ({ value }) => measure(value!)) > maxTotalSize;
  if (isOver(({ maxSize }) => maxSize) && isOver(sizeOf)) {
    throw new TypeError(`Total mutation size too large (max ${maxTotalSize} bytes)`);
  }
  if (keySize > maxTotalKeySize) throw new TypeError(`Total key size too large (max ${maxTotalKeySize} bytes)`);
}

function sumOf<T>(values: readonly T[], measure: (value: T) => number): number {
  return values.reduce((sum, value) => sum + measure(value), 0);
}
