/**
 * The desired set: which processes should run, and how to build each.
 *
 * @module
 */

import { checkArgument, isStrayPromise } from "../check.ts";
import { describeKey } from "../errors.ts";
import type { EntryOptions } from "./entry_options.ts";
import type { Pause } from "../pause.ts";
import type { Trouble } from "./trouble.ts";

/** A hold on the right to run one process, given by tables that share their entries between several supervisors. */
export interface Lease {
  /** Aborts when the right is lost: the process is then forced to end at once. */
  readonly signal: AbortSignal;
  /**
   * Gives the right back. It is called exactly once for every lease, after the process has ended, or after `revoke` if it was
   * abandoned.
   */
  release(): void | Promise<void>;
  /**
   * Ends the right of this process alone, which was abandoned and goes on: whatever it does under the lease from now on must be
   * refused. A lease without this method cannot be taken from a process that goes on.
   *
   * @param reason Why, an error.
   */
  revoke?(reason: unknown): void;
}

/** Why a table that several supervisors share does not have an entry for this one. */
export interface Absence {
  /** The entry may well exist: it belongs to another supervisor. */
  readonly cause: "moved";
  /** What a call that would start the process rejects with. */
  readonly error: Error;
}

/** One row of a table. */
export interface Entry<K, P> {
  /** Identifies the process: a string, number, bigint or boolean. */
  readonly key: K;
  /** Compared with `Object.is`: if it differs, the process must be replaced. */
  readonly version?: unknown;
  /**
   * Builds the runnable. It is called only when the process is about to start.
   *
   * @returns The runnable.
   * @throws {unknown} Anything: only this entry fails.
   */
  get(): P | Promise<P>;
  /**
   * Says how the process is to be treated where that differs from the options of the supervisor. It is asked at each start,
   * within the budget of the start-up, and what it says holds for that life and its exit. An entry without this method is
   * treated like all others.
   *
   * @returns The options.
   * @throws {unknown} Anything, and options that are wrong: only this entry fails.
   */
  options?(): EntryOptions | Promise<EntryOptions>;
  /**
   * Asks for the right to run the process, right before its start. An entry without this method always grants it.
   *
   * @returns The lease, or `undefined` if this instance does not own the entry: it is then skipped.
   */
  lease?(): Lease | undefined;
  /** Present if the entry is wanted, but not to run for now. One that is over counts as absent. */
  readonly pause?: Pause;
  /** What the table remembers of the key, if that is not well: its next process goes on from it. */
  readonly trouble?: Trouble;
}

/**
 * The desired set of processes. It promises that:
 *
 * 1. `get` of an absent key is `undefined`, never an error; `absence`, if there is one, tells of keys that live elsewhere only;
 * 2. iteration yields each key at most once, is not a snapshot, and misses no entry that was there all along;
 * 3. an entry whose `get()` throws does not end the iteration;
 * 4. `return()` on the iterator frees what it holds;
 * 5. `version` differs exactly when the stored value was replaced; pauses and reports change none;
 * 6. an entry's `get()` is only called when a process is about to start;
 * 7. `changes` may coalesce and repeat, never loses the last change, and ends on abort; a table with `sweepMs` has it; a pause
 *    is a change, a report is none;
 * 8. an aborted signal rejects with its reason.
 *
 * `testTable` of `@pact/supervisor/testing` tests each promise on a table of your own.
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
   * Looks up one entry.
   *
   * @param key The key of the entry.
   * @param options A signal that abandons the look-up.
   * @returns The entry, or `undefined` if there is none.
   */
  get(key: K, options?: { signal?: AbortSignal }): Promise<Entry<K, P> | undefined>;

  /** Yields every entry, each key at most once, in any order. A call that never settles ends all reconciling. */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, P>>;

  /** Does the same without promises, for a table in memory: a pass over it is then several times cheaper. */
  [Symbol.iterator]?(): Iterator<Entry<K, P>>;

  /**
   * Announces changes. A key is a hint: the reader looks it up. `undefined` means "look at everything". What is written
   * after the first call of `next()` is announced. A table without this method is only read periodically.
   *
   * @param options A signal that ends the stream.
   */
  changes?(options: { signal: AbortSignal }): AsyncIterable<K | undefined>;

  /**
   * Tells why an entry is absent, right after `get` has said `undefined`. A table without this method has no entry then. What
   * it throws counts as a failure of that `get`.
   *
   * @param key The key of the entry.
   * @returns Where the entry belongs; `undefined` if there is none.
   */
  absence?(key: K): Absence | undefined;

  /**
   * How often a pass over the whole table is needed, in ms, because `changes` misses nothing that is done as it should be. A
   * supervisor reads it once, when it is made. It counts as long as `changes` is followed; otherwise, and for a table
   * without it, there is a pass every 60 s. An explicit `intervalMs` of the supervisor takes its place.
   */
  readonly sweepMs?: number;

  /**
   * Remembers what is wrong with a key, so that its next owner goes on from it: the `trouble` of its entry. A supervisor
   * reports when that begins, changes and ends, at most once in 10 s for a key, but at once when the key is parked and when the
   * trouble ends. Healthy keys are not reported. A report about a version that is gone is dropped. A table without this
   * method remembers nothing.
   *
   * @param entry What is not well: its key and its version.
   * @param trouble What is wrong; `undefined` when that has ended.
   * @throws {unknown} Anything: it is announced, and changes nothing else.
   */
  report?(entry: Pick<Entry<K, P>, "key" | "version">, trouble: Trouble | undefined): void | Promise<void>;
}

/**
 * Asks a table why it does not have an entry.
 *
 * @throws {TypeError} If it answers with a promise.
 * @throws {unknown} What the table throws.
 */
export function askAbsence<K>(table: Pick<Table<K, unknown>, "absence">, key: K): Absence | undefined {
  const absence = table.absence?.(key);
  if (absence === undefined) return undefined;
  checkArgument(
    `use the absence of ${describeKey(key)}`,
    "it must not be a promise",
    absence,
    !isStrayPromise(absence),
  );
  return absence;
}

/**
 * Checks that a value can be a key.
 *
 * @throws {TypeError} If it is not a string, number, bigint or boolean, or is `NaN`.
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
