/**
 * The desired set: which processes should run, and how to build each.
 *
 * @module
 */

/** A hold on the right to run one process, given by tables that share their entries between several supervisors. */
export interface Lease {
  /** Aborts when the right is lost: the process is then forced to end at once. */
  readonly signal: AbortSignal;
  /** Gives the right back. Called exactly once for every lease, after the process has ended. */
  release(): void | Promise<void>;
}

/** One row of a table. */
export interface Entry<K, P> {
  /** Identifies the process: a string, number, bigint or boolean. */
  readonly key: K;
  /** Compared with `Object.is`: when it differs, the process must be replaced. */
  readonly version?: unknown;
  /**
   * Builds the runnable. Called only when the process is about to start.
   *
   * @returns The runnable.
   * @throws {unknown} Anything: only this entry fails.
   */
  get(): P | Promise<P>;
  /**
   * Asks for the right to run the process, right before its start. A table without this method grants it always.
   *
   * @returns The lease, or `undefined` when the entry is not ours now: it is then skipped.
   */
  lease?(): Lease | undefined;
}

/**
 * The desired set of processes. It promises that:
 *
 * 1. `get` of an absent key is `undefined`, never an error;
 * 2. iteration yields each key at most once, is not a snapshot, and misses no entry that was there all along;
 * 3. an entry whose `get()` throws does not end the iteration;
 * 4. `return()` on the iterator frees what it holds;
 * 5. `version` differs exactly when the stored value was replaced;
 * 6. an entry's `get()` is only called when a process is about to start;
 * 7. `changes` may coalesce and repeat, never loses the last change, and ends on abort;
 * 8. an aborted signal rejects with its reason.
 *
 * `testTable` of `@pact/supervisor/testing` tests each of them on a table of your own.
 *
 * @example A table over an array
 * ```ts
 * import { type Entry, nop, type Runnable, Supervisor, type Table } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * class Names implements Table<string, Runnable> {
 *   constructor(readonly names: string[]) {}
 *   #entry = (key: string): Entry<string, Runnable> => ({ key, get: () => nop });
 *   get(key: string) {
 *     return Promise.resolve(this.names.includes(key) ? this.#entry(key) : undefined);
 *   }
 *   async *[Symbol.asyncIterator]() {
 *     for (const name of this.names) yield this.#entry(name);
 *   }
 * }
 *
 * const supervisor = new Supervisor(new Names(["a", "b"]));
 * await supervisor.run(() => assertEquals(supervisor.keys(), ["a", "b"]));
 * ```
 */
export interface Table<K, P> {
  /**
   * Looks one entry up.
   *
   * @param key The key of the entry.
   * @param options A signal that abandons the look-up.
   * @returns The entry, or `undefined` when there is none.
   */
  get(key: K, options?: { signal?: AbortSignal }): Promise<Entry<K, P> | undefined>;

  /** Yields every entry, each key at most once, in any order. A call that never answers ends all reconciling. */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, P>>;

  /** Does the same at once, for a table in memory: a pass over it is then several times cheaper. */
  [Symbol.iterator]?(): Iterator<Entry<K, P>>;

  /**
   * Tells that something changed. A hint: the listener looks the key up. `undefined` means: look at everything. What is
   * written after the first `next()` was called is announced; a table without this method is looked at periodically.
   *
   * @param options A signal that ends the stream.
   */
  changes?(options: { signal: AbortSignal }): AsyncIterable<K | undefined>;
}

/**
 * Checks that a value can be a key.
 *
 * @param key Any value.
 * @throws {TypeError} When it is not a string, number, bigint or boolean, or is `NaN`.
 */
export function assertKey(key: unknown): void {
  const type = typeof key;
  if (type === "string" || type === "bigint" || type === "boolean") return;
  if (type === "number" && !Number.isNaN(key)) return;
  const shown = type === "object" ? Object.prototype.toString.call(key) : String(key);
  throw new TypeError(
    `Cannot use ${shown} as a key: a key is a string, a number, a bigint or a boolean, current type is ${
      key === null ? "null" : type
    }`,
  );
}
