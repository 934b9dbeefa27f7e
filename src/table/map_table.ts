/**
 * A table in memory that announces its changes.
 *
 * @module
 */

import { checkArgument } from "../check.ts";
import { describeKey } from "../errors.ts";
import { isRunnable, type Runnable } from "../process/runnable.ts";
import { ChangeStream } from "./change_stream.ts";
import { checkEntryOptions, type EntryOptions } from "./entry_options.ts";
import { assertKey, type Entry, type Table } from "./table.ts";

/** What a function in a table returns: a runnable. A function that does the work itself is no runnable: wrap it in `leaf`. */
export type LeafOrOtherRunnable<P extends Runnable> = P | Promise<P>;

/**
 * A runnable, which a restart runs again, or a function that builds a new one for every start. A bare
 * `async (signal) => {}` is neither: wrap it in `leaf`.
 */
export type MapTableValue<K, P extends Runnable> = P | ((key: NoInfer<K>) => LeafOrOtherRunnable<P>);

/**
 * A live, observable table in memory. Setting a value, even an equal one, replaces the process of its key.
 *
 * An iteration sees what is set and deleted while it goes on, and yields a key once even if it is deleted and set again.
 *
 * @example What is set starts, what is deleted stops
 * ```ts
 * import { MapTable, nop, Supervisor } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const table = new MapTable([["a", nop], ["b", () => nop]]);
 * const supervisor = new Supervisor(table);
 * await supervisor.run(async () => {
 *   table.set("c", nop).delete("a");
 *   await supervisor.reconcile();
 *   assertEquals(supervisor.keys().sort(), ["b", "c"]);
 * });
 * ```
 */
export class MapTable<K, P extends Runnable> implements Table<K, P> {
  readonly #entries = new Map<K, MapEntry<K, P>>();
  readonly #iterations = new Set<MapIteration<K, P>>();
  readonly #streams = new Set<ChangeStream<K>>();
  #lastVersion = 0;

  /**
   * Makes a table.
   *
   * @param iterable The first keys and values.
   * @throws {TypeError} If a key cannot be a key, or a value is neither a runnable nor a function.
   */
  constructor(iterable: Iterable<readonly [K, MapTableValue<K, P>]> = []) {
    for (const [key, value] of iterable) this.set(key, value);
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Adds an entry or replaces it.
   *
   * @param key The key.
   * @param value A runnable or a function that builds one.
   * @param options How the process of this key is treated where that differs from the options of the supervisor. They are
   * copied; without them the key has none, whatever it had before.
   * @returns The table, for the next call.
   * @throws {TypeError} If `key` cannot be a key, `value` is neither, or an option has a wrong shape or is unknown; nothing
   * changes then.
   * @throws {RangeError} If an option is out of range; nothing changes then.
   */
  set(key: K, value: MapTableValue<K, P>, options?: EntryOptions): this {
    assertKey(key);
    if (!isRunnable(value)) {
      const rule = "a value is a runnable or a function that builds one";
      checkArgument(`set entry ${describeKey(key)}`, rule, value, typeof value === "function");
    }
    const own = options === undefined ? undefined : checkEntryOptions(options);
    const version = ++this.#lastVersion;
    // A Map keeps the place of a key that is set again.
    const place = this.#entries.get(key)?.place ?? version;
    const entry = new MapEntry(key, value, version, place);
    if (own) entry.options = () => own;
    this.#entries.set(key, entry);
    this.#announce(key);
    return this;
  }

  /**
   * Removes an entry.
   *
   * @param key The key.
   * @returns Whether there was one.
   */
  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#entries.delete(key);
    for (const iteration of this.#iterations) iteration.removed(entry);
    this.#announce(key);
    return true;
  }

  /** Removes every entry. */
  clear(): void {
    if (this.#entries.size === 0) return;
    for (const iteration of this.#iterations) this.#entries.forEach((entry) => iteration.removed(entry));
    this.#entries.clear();
    this.#announce(undefined);
  }

  /**
   * Tells whether there is an entry.
   *
   * @param key The key.
   * @returns Whether there is one.
   */
  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /**
   * Lists the keys.
   *
   * @returns An iterator over the keys, in the order in which they were first set.
   */
  keys(): MapIterator<K> {
    return this.#entries.keys();
  }

  /**
   * Looks up one entry.
   *
   * @param key The key.
   * @param options A signal that abandons the look-up.
   * @returns The entry, or `undefined` if there is none.
   * @throws {TypeError} If `key` cannot be a key.
   */
  // deno-lint-ignore require-await -- what is thrown has to become a rejection
  async get(key: K, options?: { signal?: AbortSignal }): Promise<Entry<K, P> | undefined> {
    options?.signal?.throwIfAborted();
    assertKey(key);
    return this.#entries.get(key);
  }

  /** Yields every entry without promises; it sees what is set and deleted between two steps. */
  [Symbol.iterator](): IterableIterator<Entry<K, P>> {
    const iteration = new MapIteration(this.#entries, this.#iterations);
    return {
      [Symbol.iterator]() {
        return this;
      },
      next: () => iteration.step(),
      return: () => iteration.end(),
    };
  }

  /** Yields every entry, each key at most once, including those that are added meanwhile. */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, P>> {
    return new MapIteration(this.#entries, this.#iterations);
  }

  /**
   * Announces the keys that are set and deleted from now on, each once while the reader is busy.
   *
   * @param options A signal that ends the stream.
   * @returns The stream; `undefined` in it means that the table was cleared.
   */
  changes({ signal }: { signal: AbortSignal }): AsyncIterable<K | undefined> {
    const stream: ChangeStream<K> = new ChangeStream<K>({ signal, release: () => void this.#streams.delete(stream) });
    if (!stream.ended) this.#streams.add(stream);
    return stream;
  }

  #announce(key: K | undefined): void {
    for (const stream of this.#streams) stream.announce(key);
  }
}

/** One entry, made when it is set, so that an iteration makes no objects. */
class MapEntry<K, P extends Runnable> implements Entry<K, P> {
  /** Declared and not initialised: a key without options has no place for them. */
  declare options?: () => EntryOptions;

  constructor(
    readonly key: K,
    readonly value: MapTableValue<K, P>,
    readonly version: number,
    /** Its place in the order of the Map; it grows with every insertion. */
    readonly place: number,
  ) {}

  get(): P | Promise<P> {
    const { value } = this;
    return isRunnable(value) ? value : value(this.key);
  }
}

/**
 * A pass over the Map. A key that is deleted and set again moves to the end of a Map and would come up twice, so an
 * iteration in progress is told what is removed and remembers the keys that it has already yielded.
 */
class MapIteration<K, P extends Runnable> implements AsyncIterator<Entry<K, P>> {
  readonly #entries: ReadonlyMap<K, MapEntry<K, P>>;
  readonly #iterations: Set<MapIteration<K, P>>;
  #source?: Iterator<MapEntry<K, P>>;
  #place = 0;
  #removed?: Set<K>;
  #ended = false;

  constructor(entries: ReadonlyMap<K, MapEntry<K, P>>, iterations: Set<MapIteration<K, P>>) {
    this.#entries = entries;
    this.#iterations = iterations;
  }

  next(): Promise<IteratorResult<Entry<K, P>, undefined>> {
    return Promise.resolve(this.step());
  }

  return(): Promise<IteratorResult<Entry<K, P>, undefined>> {
    return Promise.resolve(this.end());
  }

  step(): IteratorResult<MapEntry<K, P>, undefined> {
    if (this.#ended) return this.end();
    this.#source ??= this.#begin();
    for (;;) {
      const result = this.#source.next();
      if (result.done) return this.end();
      if (this.#removed?.has(result.value.key)) continue;
      this.#place = result.value.place;
      return result;
    }
  }

  end(): IteratorResult<MapEntry<K, P>, undefined> {
    this.#ended = true;
    this.#source = this.#removed = undefined;
    this.#iterations.delete(this);
    return { done: true, value: undefined };
  }

  removed(entry: MapEntry<K, P>): void {
    if (entry.place <= this.#place) (this.#removed ??= new Set()).add(entry.key);
  }

  #begin(): Iterator<MapEntry<K, P>> {
    this.#iterations.add(this);
    return this.#entries.values();
  }
}
