/**
 * A listing of an in-memory Deno KV: batches, each a snapshot.
 *
 * @module
 */

import { settle } from "./settle.ts";
import { encodeCursor, type PackedSelector } from "./selector.ts";
import { entryOf, type MemoryRecord } from "./store.ts";

/** How a listing reads. */
export interface MemoryListing {
  /** Packs the selector. Called with the first batch, since its errors are those of a reading. */
  readonly selector: () => PackedSelector;
  /** How many entries at most. */
  readonly limit: number;
  /** How many entries at once. */
  readonly batchSize: number;
  /** From behind which entry. */
  readonly cursor: string | undefined;
  /** Reads a batch; throws when the handle is closed. */
  readonly read: (selector: PackedSelector, cursor: string | undefined) => MemoryRecord[];
}

/** Iterates over entries as the iterator of Deno KV does. */
export class MemoryListIterator<T> implements Deno.KvListIterator<T> {
  readonly #listing: MemoryListing;
  #selector: PackedSelector | undefined;
  #batch: MemoryRecord[] = [];
  #index = 0;
  #count = 0;
  #isLastBatch = false;
  #isDone = false;
  #last: MemoryRecord | undefined;

  /** Begins before the first entry, or behind the cursor. Reads nothing yet. */
  constructor(listing: MemoryListing) {
    this.#listing = listing;
  }

  /** The cursor that leads behind the last entry; "" at the end, from which a listing starts again. */
  get cursor(): string {
    if (this.#isDone) return "";
    if (this.#last) return encodeCursor(this.#selector!, this.#last.encoded);
    if (this.#listing.cursor) return this.#listing.cursor;
    throw new Error("Cannot get cursor before first iteration");
  }

  /** Hands out the next entry. */
  next(): Promise<IteratorResult<Deno.KvEntry<T>, undefined>> {
    return settle(() => this.#step());
  }

  /** Returns itself. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Deno.KvEntry<T>> {
    return this;
  }

  #step(): IteratorResult<Deno.KvEntry<T>, undefined> {
    if (this.#isDone || this.#count >= this.#listing.limit) return { done: true, value: undefined };
    if (this.#index === this.#batch.length && !this.#isLastBatch) this.#pull();
    const record = this.#batch[this.#index];
    if (!record) {
      this.#isDone = true;
      return { done: true, value: undefined };
    }
    this.#index++;
    this.#count++;
    this.#last = record;
    return { done: false, value: entryOf<T>(record) };
  }

  #pull(): void {
    const { selector, read, batchSize, cursor } = this.#listing;
    this.#selector ??= selector();
    this.#batch = read(this.#selector, this.#last ? this.cursor : cursor);
    this.#index = 0;
    this.#isLastBatch = this.#batch.length < batchSize;
  }
}

/**
 * Checks the options of a listing.
 *
 * @param options The options.
 * @returns How many entries are read at most, and at once.
 * @throws {Error} When one is no positive integer; the texts are those of Deno KV.
 */
export function listSizes(options: Deno.KvListOptions): { limit: number; batchSize: number } {
  const { limit } = options;
  if (limit !== undefined && !isPositive(limit)) throw new Error(`Limit must be a positive integer: received ${limit}`);
  const batchSize = options.batchSize ?? limit ?? 100;
  if (!isPositive(batchSize)) throw new Error(`batchSize must be a positive integer: received ${batchSize}`);
  return {
    limit: limit ?? Infinity,
    batchSize: options.batchSize === undefined ? Math.min(batchSize, 500) : batchSize,
  };
}

function isPositive(size: number): boolean {
  return Number.isInteger(size) && size > 0;
}
