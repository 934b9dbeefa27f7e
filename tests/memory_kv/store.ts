/**
 * The data of an in-memory Deno KV: what all its handles share.
 *
 * @module
 */

import { copyKey } from "./key.ts";
import { compute } from "./number.ts";
import type { KeyRange } from "./selector.ts";
import { loadValue, type StoredValue, storeValue } from "./value.ts";
import type { PackedCheck, PackedMutation, PackedWrite } from "./write.ts";

/** An entry. It never changes: another one takes its place. */
export interface MemoryRecord {
  /** The key, packed. */
  readonly encoded: string;
  /** The key. */
  readonly key: Deno.KvKey;
  /** The value. */
  readonly value: StoredValue;
  /** Which commit wrote it. */
  readonly versionstamp: string;
  /** From when on it may be swept, epoch ms. */
  readonly expireAt: number;
}

/** All that stood in a database at one moment. */
export interface MemoryCopy {
  readonly records: readonly MemoryRecord[];
  /** The number of the last commit. */
  readonly version: number;
}

/** Entries in the order of their keys, a counter of commits, and who watches. */
export class MemoryStore {
  /** Tells the time, in epoch ms. */
  readonly now: () => number;
  readonly #records = new Map<string, MemoryRecord>();
  readonly #order: string[] = [];
  readonly #watchers = new Map<string, Set<() => void>>();
  #version = 0;

  /** Makes an empty database. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** Looks an entry up. */
  get(encoded: string): MemoryRecord | undefined {
    return this.#records.get(encoded);
  }

  /** Reads the first entries of a range, or its last ones. */
  read({ start, end }: KeyRange, limit: number, reverse: boolean): MemoryRecord[] {
    const first = lowerBound(this.#order, start);
    const behind = Math.max(first, lowerBound(this.#order, end));
    const keys = reverse
      ? this.#order.slice(Math.max(first, behind - limit), behind).reverse()
      : this.#order.slice(first, Math.min(behind, first + limit));
    return keys.map((encoded) => this.#records.get(encoded)!);
  }

  /**
   * Writes, if all checks hold.
   *
   * @returns The versionstamp; null when a check does not hold.
   * @throws {TypeError} When a mutation is not possible. Those before it stay written, as in Deno KV on SQLite.
   */
  commit({ checks, mutations }: PackedWrite): string | null {
    if (!checks.every((check) => this.#holds(check))) return null;
    const versionstamp = toVersionstamp(++this.#version);
    for (const mutation of mutations) this.#apply(mutation, versionstamp);
    for (const { encoded } of mutations) this.#wake(encoded);
    return versionstamp;
  }

  /** Deletes what has expired and says how many entries that were. */
  sweep(nowMs: number): number {
    const expired = this.#records.values().filter(({ expireAt }) => expireAt < Infinity && expireAt <= nowMs).toArray();
    for (const { encoded } of expired) this.#delete(encoded);
    if (expired.length > 0) this.#version++;
    for (const { encoded } of expired) this.#wake(encoded);
    return expired.length;
  }

  /** Copies all that stands here. */
  copy(): MemoryCopy {
    return { records: this.#order.map((encoded) => this.#records.get(encoded)!), version: this.#version };
  }

  /** Puts a copy in the place of all that stands here. Commits are counted on from there, and all that is watched is read. */
  restore({ records, version }: MemoryCopy): void {
    this.#records.clear();
    this.#order.length = 0;
    for (const record of records) this.#put(record);
    this.#version = version;
    for (const watched of this.#watchers.keys()) this.#wake(watched);
  }

  /** Calls back after every commit that touches one of the keys, until the returned function is called. */
  watch(encodedKeys: readonly string[], wake: () => void): () => void {
    for (const encoded of encodedKeys) {
      const watchers = this.#watchers.get(encoded) ?? new Set();
      this.#watchers.set(encoded, watchers.add(wake));
    }
    return () => {
      for (const encoded of encodedKeys) {
        const watchers = this.#watchers.get(encoded);
        if (watchers?.delete(wake) && watchers.size === 0) this.#watchers.delete(encoded);
      }
    };
  }

  #wake(encoded: string): void {
    this.#watchers.get(encoded)?.forEach((wake) => wake());
  }

  #holds({ encoded, versionstamp }: PackedCheck): boolean {
    return (this.#records.get(encoded)?.versionstamp ?? null) === (versionstamp && versionstamp.toLowerCase());
  }

  #apply({ type, encoded, key, value, expireIn, isVersioned }: PackedMutation, versionstamp: string): void {
    if (type === "delete") return this.#delete(encoded);
    if (type === "set") {
      return this.#put({
        encoded: isVersioned ? `${encoded}\x02${versionstamp}\0` : encoded,
        key: copyKey(isVersioned ? [...key, versionstamp] : key),
        value: value!,
        versionstamp,
        expireAt: expireIn === undefined ? Infinity : this.now() + expireIn,
      });
    }
    const computed = storeValue(compute(type, value!.value, this.#records.get(encoded)?.value ?? null));
    this.#put({ encoded, key: copyKey(key), value: computed, versionstamp, expireAt: Infinity });
  }

  #put(record: MemoryRecord): void {
    const { encoded } = record;
    if (!this.#records.has(encoded)) this.#order.splice(lowerBound(this.#order, encoded), 0, encoded);
    this.#records.set(encoded, record);
  }

  #delete(encoded: string): void {
    if (this.#records.delete(encoded)) this.#order.splice(lowerBound(this.#order, encoded), 1);
  }
}

/**
 * Makes what a reader gets.
 *
 * @param record The record; undefined when there is none.
 * @param key The key that was asked for.
 * @returns The entry, all of it copied.
 */
export function toEntry<T>(record: MemoryRecord | undefined, key: Deno.KvKey): Deno.KvEntryMaybe<T> {
  return record ? entryOf<T>(record) : { key, value: null, versionstamp: null };
}

/**
 * Makes what a reader gets of a record that is there.
 *
 * @param record The record.
 * @returns The entry, all of it copied.
 */
export function entryOf<T>({ key, value, versionstamp }: MemoryRecord): Deno.KvEntry<T> {
  return { key: copyKey(key), value: loadValue(value) as T, versionstamp };
}

function toVersionstamp(version: number): string {
  return `${version.toString(16).padStart(16, "0")}0000`;
}

/** Where the first key is that is not before the given one. Most keys of a log go to the end. */
function lowerBound(order: readonly string[], encoded: string): number {
  let low = 0;
  let high = order.length;
  if (high > 0 && order[high - 1] < encoded) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order[middle] < encoded) low = middle + 1;
    else high = middle;
  }
  return low;
}
