/**
 * A table in Deno KV.
 *
 * @module
 */

import { isInstance } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import { oneLine } from "../one_line.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Table } from "../table/table.ts";
import { ChangeFeed } from "./change_feed.ts";
import { ChangeLog } from "./change_log.ts";
import { copyKey } from "./key_parts.ts";
import type { KvTableKey } from "./keyspace.ts";
import { type History, historyOf } from "./history.ts";
import { type EntrySource, type KvEntry, KvIteration, StoredEntry } from "./kv_entry.ts";
import { assertKv, checkOptions, type KvTableOptions, type KvTableSettings } from "./options.ts";
import { validateSpec } from "./schema.ts";
import { KvStore } from "./store.ts";
import { isUnreadable, unreadableEntry } from "./unreadable.ts";
import { Versions } from "./versions.ts";

/** How many characters of the database's own message a message shows: it may quote a function that cannot be cloned. */
const maxShownRefusal = 200;

/** How Deno KV says that it will never take a key or a value: it throws the same class when a connection is lost. */
const refusal = /too large|could not be cloned|Invalid mutation/;

/** Commits one write, as often as the database is locked. */
type Commit = () => Promise<Deno.KvCommitResult | Deno.KvCommitError>;

/** Gives the change log of a table to the views of it in a cluster. */
export let logOf: <K extends KvTableKey, Spec, P extends Runnable, Input>(
  table: KvTable<K, Spec, P, Input>,
) => ChangeLog;

/**
 * A table in a Deno KV that the caller opens and closes. Several instances of a program can share it.
 *
 * An entry lives at `[...prefix, key]`, one part below the prefix, with the spec as a plain value; everything else below
 * the prefix is skipped. A write is one atomic operation without checks: the entry, its record in the change log and the
 * generation, so it is harmless to repeat one that may have landed. What is written with `kv.set` directly is seen by the
 * next iteration, and by `changes` once it is announced with `touch`.
 *
 * Every call to the database has a deadline. While calls of one kind go unanswered no more of them are made, so that they
 * do not pile up in Deno, which repeats each for ever. Only Deno KV may touch the database file.
 *
 * @example Specs that survive the program
 * ```ts
 * import { nop } from "@pact/supervisor";
 * import { KvTable } from "@pact/supervisor/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const built: string[] = [];
 * const table = new KvTable(kv, {
 *   prefix: ["bots"],
 *   create: (spec: { url: string }, key: string) => {
 *     built.push(`${key} at ${spec.url}`);
 *     return nop;
 *   },
 * });
 * await table.set("acme", { url: "https://acme.example" });
 * for await (const entry of table) await entry.get();
 * assertEquals(built, ["acme at https://acme.example"]);
 * ```
 */
export class KvTable<K extends KvTableKey, Spec, P extends Runnable = Runnable, Input = Spec> implements Table<K, P> {
  /** The database. */
  readonly kv: Deno.Kv;
  /** How often a supervisor without an `intervalMs` passes over the whole table, in ms. */
  readonly sweepMs: number;
  readonly #settings: KvTableSettings<K, Spec, P>;
  readonly #store: KvStore;
  readonly #log: ChangeLog;
  readonly #history: History;
  readonly #source: EntrySource<K, Spec, P>;
  readonly #feeds = new Set<ChangeFeed<K>>();

  static {
    logOf = (table) => table.#log;
  }

  /**
   * Makes a table.
   *
   * @param kv The database, opened and closed by the caller.
   * @param options Where the entries live and how to build their runnables.
   * @throws {TypeError} If `kv` or an option has the wrong shape.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(kv: Deno.Kv, options: KvTableOptions<K, Spec, P, Input>) {
    assertKv(kv, "a table");
    this.#settings = checkOptions(options);
    const { keys, clock, logRetentionMs, sweepMs, random } = this.#settings;
    this.kv = kv;
    this.sweepMs = sweepMs;
    this.#store = new KvStore(kv, this.#settings);
    this.#log = new ChangeLog(this.#store, { keys, clock, retentionMs: logRetentionMs, random });
    this.#history = historyOf(kv);
    this.#source = { settings: this.#settings, versions: new Versions(this.#history) };
  }

  /** Where the entries live: a copy, which may be changed. */
  get prefix(): Deno.KvKey {
    return copyKey(this.#settings.keys.prefix);
  }

  /**
   * Adds an entry or replaces it, and with it the process, even if the spec is equal to the stored one. The value is
   * stored as it is given, at the moment of the call; the schema transforms it again when it is read.
   *
   * @param key The key.
   * @param spec The spec, a structured-cloneable value of at most 64 KiB; with a schema, what that takes.
   * @param options A signal that abandons the write, which may still land.
   * @throws {InvalidSpecError} If the spec fails the schema; nothing is written then.
   * @throws {DOMException} A `TimeoutError` if the schema does not answer in time; nothing is written then.
   * @throws {TypeError} If the key or the spec cannot be stored; nothing is written then.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async set(key: K, spec: Input, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const entryKey = this.#settings.keys.entry(key);
    const { schema } = this.#settings;
    // Serialised here and now: what becomes of the spec while the write waits is not written.
    const change = this.#change(key, (atomic) => atomic.set(entryKey, spec));
    if (schema) await validateSpec(schema, key, spec, { ...this.#settings, signal });
    await this.#write("set", key, change, signal);
  }

  /**
   * Removes an entry. Does not fail if there is none.
   *
   * @param key The key.
   * @param options A signal that abandons the write, which may still land.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async delete(key: K, options?: { signal?: AbortSignal }): Promise<void> {
    const entryKey = this.#settings.keys.entry(key);
    await this.#write("delete", key, this.#change(key, (atomic) => atomic.delete(entryKey)), options?.signal);
  }

  /**
   * Announces an entry that was written or deleted with `kv` directly. Otherwise the next pass of a supervisor finds that, up
   * to `sweepMs` later. The entry itself is neither read nor written.
   *
   * @param key The key.
   * @param options A signal that abandons the announcement, which may still land.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time; the announcement may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   *
   * @example A write that is part of a transaction
   * ```ts
   * import { nop, Supervisor } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { delay } from "@std/async/delay";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * const supervisor = new Supervisor(table);
   * await supervisor.run(async () => {
   *   await kv.atomic().set(["bots", "acme"], "free").set(["customers", "acme"], "Acme Inc.").commit();
   *   await table.touch("acme");
   *   while (!supervisor.keys().includes("acme")) await delay(1);
   * });
   * ```
   */
  async touch(key: K, options?: { signal?: AbortSignal }): Promise<void> {
    this.#settings.keys.entry(key); // refuses what can be no key
    await this.#write("touch", key, this.#change(key, (atomic) => atomic), options?.signal);
  }

  /**
   * Looks up one entry. Its value is validated only when its runnable is built.
   *
   * @param key The key.
   * @param options A signal that abandons the look-up.
   * @returns The entry, or `undefined` if there is none.
   * @throws {Error} If there is one whose value the database cannot read.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier look-ups for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   */
  async get(key: K, options?: { signal?: AbortSignal }): Promise<KvEntry<K, Spec, P> | undefined> {
    const entryKey = this.#settings.keys.entry(key);
    const { versions } = this.#source, { reading } = versions;
    const row = await this.#call("get", key, () => this.kv.get(entryKey), options?.signal);
    const tableKey = entryKey.at(-1) as K;
    if (row.versionstamp !== null) return new StoredEntry(tableKey, row, this.#source, reading);
    if (reading === versions.reading) versions.forget(tableKey);
    return undefined;
  }

  /**
   * Yields every entry, each key once. What lies deeper below the prefix, or at a part that cannot be a key (a
   * `Uint8Array`, `NaN`, -0), is skipped. An entry whose value the database cannot read is yielded, and fails when it is built.
   *
   * @throws {KvTimeoutError} If the database did not answer in time; counted for each batch.
   * @throws {KvUnavailableError} If the database has not answered earlier listings for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   */
  [Symbol.asyncIterator](): AsyncIterator<KvEntry<K, Spec, P>> {
    // What is written while a feed looks for the end of the log must be in the feed or in this iteration.
    const ready = () => Promise.all(Array.from(this.#feeds, (feed) => feed.established));
    return new KvIteration(this.#store, this.#source, ready);
  }

  /**
   * Announces the keys that are set, deleted and touched: by this table at once, by others when the watch tells of it, and
   * within `pollMs` in any case. A change by another
   * instance that lands while the first `next` is still finding the end of the log is not announced: an iteration that
   * begins after that call sees it.
   *
   * @param options A signal that ends the stream.
   * @returns The stream; `undefined` in it means "look at everything". Its `next` rejects if the database fails, and with
   * {@linkcode DatabaseReplacedError} when the database was set back to an earlier copy, emptied or replaced by another one:
   * from then on an entry has another version exactly if it has another value.
   */
  changes({ signal }: { signal: AbortSignal }): AsyncIterable<K | undefined> {
    const { keys: { generation }, clock, watchSees, pollMs, random } = this.#settings;
    const { kv } = this;
    const { versions } = this.#source;
    const source = {
      kv,
      generation,
      log: this.#log,
      history: this.#history,
      versions,
      clock,
      watchSees,
      pollMs,
      random,
    };
    return new ChangeFeed<K>({ ...source, signal, feeds: this.#feeds }).stream;
  }

  /** Makes the atomic operation of a write, and returns what commits it: an operation itself cannot be awaited. */
  #change(key: K, change: (atomic: Deno.AtomicOperation) => Deno.AtomicOperation): Promise<Commit> {
    const made = Promise.try((): Commit => {
      const atomic = this.#log.append(change(this.kv.atomic()), key);
      return () => atomic.commit();
    });
    made.catch(() => {}); // not awaited when the spec fails the schema
    return made;
  }

  async #write(operation: string, key: K, change: Promise<Commit>, signal?: AbortSignal): Promise<void> {
    const written = Array.from(this.#feeds, (feed) => feed.writing(key));
    let commit: Deno.KvCommitResult | Deno.KvCommitError | undefined;
    try {
      commit = await this.#call(operation, key, async () => await (await change)(), signal);
    } finally {
      // After a failure too: a write without an answer may have landed.
      for (const tell of written) tell(commit?.ok ? commit.versionstamp : undefined);
    }
  }

  async #call<T>(operation: string, key: K, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const subject = `entry ${describeKey(key)}`;
    try {
      return await this.#store.call(`${operation} ${subject}`, attempt, {
        purpose: operation === "get" ? "look" : "write",
        signal,
      });
    } catch (error) {
      if (isUnreadable(error)) throw unreadableEntry(operation, key, error);
      if (!isInstance(error, TypeError) || !refusal.test(error.message)) throw error;
      throw new TypeError(
        `Cannot ${operation} ${subject}: Deno KV takes keys up to 2 KiB and cloneable values up to 64 KiB, ` +
          `current value is refused with "${oneLine(error.message, maxShownRefusal)}"`,
        { cause: error },
      );
    }
  }
}
