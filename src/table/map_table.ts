/**
 * A table in memory that announces its changes.
 *
 * @module
 */

import { checkArgument, checkClock, isStrayPromise } from "../check.ts";
import { type Clock, systemClock } from "../clock.ts";
import { describeKey } from "../errors.ts";
import { isRunnable, type Runnable } from "../process/runnable.ts";
import { ChangeStream } from "./change_stream.ts";
import { Conditions } from "./conditions.ts";
import { checkEntryOptions, type EntryOptions } from "./entry_options.ts";
import type { Pause, PausedKey, PauseOptions } from "../pause.ts";
import { assertKey, type Entry, type Table } from "./table.ts";
import { checkTroubleState, type Trouble, type TroubledKey } from "./trouble.ts";

/** What a function in a table returns: a runnable. A function that does the work itself is no runnable: wrap it in `leaf`. */
export type LeafOrOtherRunnable<P extends Runnable> = P | Promise<P>;

/**
 * A runnable, which a restart runs again, or a function that builds a new one for every start. A bare
 * `async (signal) => {}` is neither: wrap it in `leaf`.
 */
export type MapTableValue<K, P extends Runnable> = P | ((key: NoInfer<K>) => LeafOrOtherRunnable<P>);

/** Options of {@linkcode MapTable}. */
export interface MapTableOptions {
  /**
   * Dates pauses and troubles, and tells when they are over.
   *
   * @default {systemClock}
   */
  readonly clock?: Clock;
}

/**
 * A live, observable table in memory. Setting a value, even an equal one, replaces the process of its key.
 *
 * A key can be paused: it is wanted, but does not run until it is resumed. What is wrong with a key is remembered from one
 * `run` of a supervisor to the next.
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
  readonly #conditions: Conditions<K>;
  #lastVersion = 0;

  /**
   * Makes a table.
   *
   * @param iterable The first keys and values.
   * @param options See {@linkcode MapTableOptions}.
   * @throws {TypeError} If a key cannot be a key, a value is neither a runnable nor a function, or an option has a wrong shape.
   */
  constructor(iterable: Iterable<readonly [K, MapTableValue<K, P>]> = [], options: MapTableOptions = {}) {
    const { clock = systemClock } = options;
    checkClock(clock);
    this.#conditions = new Conditions(clock);
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
    const entry = new MapEntry(key, value, version, place, this.#conditions);
    if (own) entry.options = () => own;
    this.#entries.set(key, entry);
    this.#announce(key);
    return this;
  }

  /**
   * Removes an entry, with its pause and what is remembered of it.
   *
   * @param key The key.
   * @returns Whether there was one.
   */
  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#entries.delete(key);
    this.#conditions.drop(key);
    for (const iteration of this.#iterations) iteration.removed(entry);
    this.#announce(key);
    return true;
  }

  /** Removes every entry. A pause of the whole table goes on. */
  clear(): void {
    if (this.#entries.size === 0) return;
    for (const iteration of this.#iterations) this.#entries.forEach((entry) => iteration.removed(entry));
    for (const key of this.#entries.keys()) this.#conditions.drop(key);
    this.#entries.clear();
    this.#announce(undefined);
  }

  /**
   * Replaces an entry by what a function makes of it; its options stay.
   *
   * @param key The key.
   * @param change Is given the value, `undefined` if there is no such key; returns the new one, or `undefined` to leave it.
   * @returns Whether the function has returned a value.
   * @throws {TypeError} If `key` cannot be a key, `change` is no function, or returns a promise or what else can be no value;
   * nothing changes then.
   * @throws {unknown} What the function throws; nothing changes then.
   */
  update(
    key: K,
    change: (value: MapTableValue<K, P> | undefined) => MapTableValue<K, P> | undefined,
  ): boolean {
    assertKey(key);
    const operation = `update entry ${describeKey(key)}`;
    checkArgument(operation, "the change is a function", change, typeof change === "function");
    const before = this.#entries.get(key), value = change(before?.value);
    if (value === undefined) return false;
    checkArgument(operation, "the change must not wait", value, !isStrayPromise(value));
    this.set(key, value, before?.options?.());
    return true;
  }

  /**
   * Gives an entry a new version, and so replaces its process, parked or not.
   *
   * @param key The key.
   * @returns Whether there is such an entry.
   * @throws {TypeError} If `key` cannot be a key.
   */
  restart(key: K): boolean {
    return this.update(key, (value) => value);
  }

  /**
   * Restarts every key that is in a state of trouble: the way back when what they all need has been away.
   *
   * @param options Which keys.
   * @returns How many there were.
   * @throws {TypeError} If `state` is not one of those.
   */
  restartAll({ state }: { readonly state: Trouble["state"] }): number {
    checkTroubleState(state);
    const keys = Array.from(this.troubles()).filter(({ trouble }) => trouble.state === state).map(({ key }) => key);
    return keys.filter((key) => this.restart(key)).length;
  }

  /**
   * Pauses a key: its process is stopped, and not started again before {@linkcode MapTable.resume}. A second pause
   * changes the reason, the author and the end; the pause counts from the first one.
   *
   * @param key The key.
   * @param options Why, by whom, and until when.
   * @returns Whether something changed; `false` if there is no such entry.
   * @throws {TypeError} If `key` cannot be a key, or an option has a wrong shape.
   * @throws {RangeError} If a text is too long, or `untilAt` is not after now.
   *
   * @example A tenant that has to wait
   * ```ts
   * import { MapTable, nop, Supervisor } from "@pact/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const table = new MapTable([["acme", nop], ["beta", nop]]);
   * const supervisor = new Supervisor(table);
   * await supervisor.run(async () => {
   *   table.pause("acme", { reason: "invoice 7 is open", by: "billing" });
   *   await supervisor.reconcile();
   *   assertEquals(supervisor.keys(), ["beta"]);
   *   assertEquals(supervisor.status("acme")?.state, "paused");
   *   table.resume("acme");
   *   await supervisor.reconcile();
   *   assertEquals(supervisor.keys().sort(), ["acme", "beta"]);
   * });
   * ```
   */
  pause(key: K, options: PauseOptions = {}): boolean {
    assertKey(key);
    const isChanged = this.#conditions.pause(key, options, this.#entries.has(key));
    if (isChanged) this.#announce(key);
    return isChanged;
  }

  /**
   * Ends the pause of a key, and forgets what was wrong with it: it starts at once. A pause of the whole table goes on.
   *
   * @param key The key.
   * @returns Whether it was paused.
   * @throws {TypeError} If `key` cannot be a key.
   */
  resume(key: K): boolean {
    assertKey(key);
    const isChanged = this.#conditions.resume(key);
    if (isChanged) this.#announce(key);
    return isChanged;
  }

  /**
   * Pauses the whole table: every process is stopped, and none is started before {@linkcode MapTable.resumeAll}.
   *
   * @param options Why, by whom, and until when.
   * @returns Whether something changed.
   * @throws {TypeError} If an option has a wrong shape.
   * @throws {RangeError} If a text is too long, or `untilAt` is not after now.
   */
  pauseAll(options: PauseOptions = {}): boolean {
    const isChanged = this.#conditions.pauseAll(options);
    if (isChanged) this.#announce(undefined);
    return isChanged;
  }

  /**
   * Ends the pause of the whole table. Keys that are paused themselves stay so, and nothing is forgotten: what waited for a
   * retry goes on waiting, and what was parked stays parked.
   *
   * @returns Whether it was paused.
   */
  resumeAll(): boolean {
    const isChanged = this.#conditions.resumeAll();
    if (isChanged) this.#announce(undefined);
    return isChanged;
  }

  /**
   * Lists what is paused.
   *
   * @returns Every key that is paused, and its pause; without a key, the pause of the whole table.
   */
  pauses(): Iterable<PausedKey<K>> {
    return this.#conditions.pauses();
  }

  /**
   * Tells what is wrong with a key, or was within the last day.
   *
   * @param key The key.
   * @returns `undefined` if all is well, and has been for a day.
   * @throws {TypeError} If `key` cannot be a key.
   */
  trouble(key: K): Trouble | undefined {
    assertKey(key);
    return this.#conditions.troubleOf(key, this.#entries.get(key)?.version);
  }

  /**
   * Lists the keys that are not well.
   *
   * @param options With `ended`, also those that were in trouble within the last day.
   * @returns The keys, and what is wrong with each.
   *
   * @example Which tenants are down, and why
   * ```ts
   * import { leaf, MapTable, Supervisor, UnrecoverableError } from "@pact/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const table = new MapTable([["acme", leaf(() => Promise.reject(new Error("401 unauthorized")))]]);
   * const supervisor = new Supervisor(table, { restart: { limit: 1 } });
   * supervisor.subscribe(() => {});
   * await supervisor.run(() => {
   *   for (const { key, trouble } of table.troubles()) {
   *     assertEquals([key, trouble.state, trouble.lastError?.message], ["acme", "parked", "401 unauthorized"]);
   *   }
   * });
   * ```
   */
  *troubles({ ended = false }: { readonly ended?: boolean } = {}): Iterable<TroubledKey<K>> {
    for (const each of this.#conditions.troubles((key) => this.#entries.get(key)?.version)) {
      if (ended || each.trouble.endedAt === undefined) yield each;
    }
  }

  /**
   * Remembers what is wrong with a key: supervisors call it.
   *
   * @param entry The key and its version; if that is gone, nothing is remembered.
   * @param trouble What is wrong; `undefined` when that has ended.
   */
  report({ key, version }: Pick<Entry<K, P>, "key" | "version">, trouble: Trouble | undefined): void {
    if (this.#entries.get(key)?.version === version) this.#conditions.report(key, version, trouble);
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
    readonly conditions: Conditions<K>,
  ) {}

  get pause(): Pause | undefined {
    return this.conditions.pauseOf(this.key);
  }

  get trouble(): Trouble | undefined {
    return this.conditions.liveTroubleOf(this.key, this.version);
  }

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
