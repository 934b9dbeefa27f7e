/**
 * Looks single keys up in the table, one look at a time per key.
 *
 * @module
 */

import { describeKey, describeValue } from "../errors.ts";
import type { Entry, Table } from "../table/table.ts";

/** What becomes of a look. */
export interface LookupHandler<K, P> {
  /** The table answered: the entry, or that there is none. */
  looked(key: K, entry: Entry<K, P> | undefined): void;
  /** The table failed. */
  lookFailed(key: K, error: unknown): void;
}

/**
 * A look asked for while one of the same key is under way is made after it, so that what is acted upon last was also read
 * last. For the same reason a pass over the whole table must not trust its row of a key that was looked at since the pass
 * began: that row may be older.
 */
export class Lookups<K, P> {
  readonly #table: Table<K, P>;
  readonly #handler: LookupHandler<K, P>;
  /** Keys being looked at, and what to do with the answer: act on it, then look again; or not even act on it. */
  readonly #flights: Map<K, "act" | "repeat" | "disregard"> = new Map();
  #lookedAt: Set<K> | undefined = undefined;
  readonly #options: { readonly signal: AbortSignal };
  #idle: PromiseWithResolvers<void> | undefined = undefined;

  /**
   * @param table Where to look.
   * @param handler Who is told.
   * @param signal Abandons all looks: nobody is told then.
   */
  constructor(table: Table<K, P>, handler: LookupHandler<K, P>, signal: AbortSignal) {
    this.#table = table;
    this.#handler = handler;
    this.#options = { signal };
  }

  /**
   * Looks a key up.
   *
   * @param key The key.
   * @returns A promise that resolves when the handler has been told; it never rejects.
   */
  async look(key: K): Promise<void> {
    this.#lookedAt?.add(key);
    if (this.#flights.has(key)) {
      this.#flights.set(key, "repeat");
      return;
    }
    do {
      this.#flights.set(key, "act");
      try {
        const entry = await this.#table.get(key, this.#options);
        if (this.#flights.get(key) !== "disregard") this.#answered(key, entry);
      } catch (error) {
        if (!this.#options.signal.aborted) this.#handler.lookFailed(key, error);
      }
    } while (this.#flights.get(key) === "repeat" && !this.#options.signal.aborted);
    this.#flights.delete(key);
    if (this.#flights.size === 0) this.#idle?.resolve();
  }

  /**
   * Does not act on the answer to a look under way, unless the key is looked at again.
   *
   * @param key The key.
   */
  disregard(key: K): void {
    if (this.#flights.has(key)) this.#flights.set(key, "disregard");
  }

  /** Starts to remember which keys are looked at, for one pass. */
  beginPass(): void {
    this.#lookedAt = new Set(this.#flights.keys());
  }

  /**
   * Tells whether a row that the pass read may be older than what is known of its key.
   *
   * @param key The key of the row.
   */
  hasLookedAt(key: K): boolean {
    return this.#lookedAt?.has(key) ?? false;
  }

  /** Ends what {@linkcode Lookups.beginPass} began. */
  endPass(): void {
    this.#lookedAt = undefined;
  }

  /** Resolves when no look is under way. */
  async idle(): Promise<void> {
    if (this.#flights.size === 0) return;
    await (this.#idle ??= Promise.withResolvers()).promise;
  }

  #answered(key: K, entry: Entry<K, P> | undefined): void {
    if (this.#options.signal.aborted) return;
    if (entry !== undefined && typeof entry?.get !== "function") {
      throw new TypeError(
        `Cannot use the entry of ${describeKey(key)}: it has no get method, current value is ${describeValue(entry)}`,
      );
    }
    this.#handler.looked(key, entry);
  }
}
