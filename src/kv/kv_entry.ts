/**
 * An entry of a table in Deno KV and the pass over all of them.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { EntryOptions } from "../table/entry_options.ts";
import type { Pause } from "../pause.ts";
import type { Entry } from "../table/table.ts";
import type { Trouble } from "../table/trouble.ts";
import type { Condition, ConditionList, Conditions } from "./conditions.ts";
import type { KvTableContext } from "./context.ts";
import type { KvTableKey } from "./keyspace.ts";
import type { KvTableSettings } from "./options.ts";
import { validateSpec } from "./schema.ts";
import type { KvStore } from "./store.ts";
import { type Batch, type Position, readBatch, unreadableEntry } from "./unreadable.ts";
import type { ToldVersion, Versions } from "./versions.ts";

/** An entry of a table in Deno KV. */
export interface KvEntry<K, Spec, P> extends Entry<K, P> {
  /**
   * The versionstamp of the entry, as long as the database goes on in one history; then it is another text for what has
   * another value than before. "" if the database cannot read the entry.
   */
  readonly version: string;
  /**
   * Reads the stored value.
   *
   * @returns The spec that the schema makes of it.
   * @throws {InvalidSpecError} If the stored value fails the schema.
   * @throws {Error} If the database cannot read the stored value.
   * @throws {DOMException} A `TimeoutError` if the schema does not answer in time.
   */
  spec(): Promise<Spec>;
  /**
   * Validates the stored value and builds the runnable.
   *
   * @param context What the runnable is built with in addition to its spec and key.
   * @returns The runnable.
   * @throws {InvalidSpecError} If the stored value fails the schema.
   * @throws {Error} If the database cannot read the stored value.
   * @throws {DOMException} A `TimeoutError` if the schema does not answer in time.
   */
  get(context?: KvTableContext): Promise<P>;
}

/** What entries are made with, beside their rows. */
export interface EntrySource<K extends KvTableKey, Spec, P extends Runnable> {
  readonly settings: KvTableSettings<K, Spec, P>;
  readonly versions: Versions<K>;
}

/** A row of an entry as it was read. */
export interface ReadRow {
  readonly row: Deno.KvEntry<unknown>;
  /** What stands beside it. */
  readonly condition: Condition;
  /** The number that `Versions.reading` had before. */
  readonly reading: number;
  /** The version that was told of the entry last. */
  readonly told?: ToldVersion;
}

/** An entry as it was read; its value is validated only when the process is about to start. */
export class StoredEntry<K extends KvTableKey, Spec, P extends Runnable> implements KvEntry<K, Spec, P> {
  readonly key: K;
  readonly pause: Pause | undefined;
  readonly trouble: Trouble | undefined;
  readonly #row: Deno.KvEntry<unknown>;
  readonly #source: EntrySource<K, Spec, P>;
  readonly #reading: number;
  #told: ToldVersion | undefined;
  /** The spec that the options were asked with: it is not validated again for the start that they are for. */
  #spec?: Promise<Spec>;
  /** Declared and not initialised: entries of a table without options have no place for them. */
  declare options?: () => Promise<EntryOptions>;

  /** Makes an entry of a row that was read. */
  constructor(key: K, { row, condition, reading, told }: ReadRow, source: EntrySource<K, Spec, P>) {
    this.key = key;
    this.pause = condition.pause;
    this.trouble = condition.trouble;
    this.#row = row;
    this.#source = source;
    this.#reading = reading;
    this.#told = told;
    if (source.settings.options) this.options = this.#askOptions;
  }

  /** {@inheritDoc KvEntry.version} */
  get version(): string {
    this.#told = this.#source.versions.of(this.key, this.#row, this.#reading, this.#told);
    return this.#told.version;
  }

  /** {@inheritDoc KvEntry.spec} */
  async spec(): Promise<Spec> {
    const { settings } = this.#source;
    if (!settings.schema) return this.#row.value as Spec;
    return await validateSpec(settings.schema, this.key, this.#row.value, settings);
  }

  /** {@inheritDoc KvEntry.get} */
  async get(context: KvTableContext = {}): Promise<P> {
    const spec = this.#spec ?? this.spec();
    this.#spec = undefined;
    return await this.#source.settings.create(await spec, this.key, context);
  }

  /** Returns an entry of the same row, with what stands beside it by a later listing. */
  beside(list: ConditionList): StoredEntry<K, Spec, P> {
    const row = this.#row, condition = list.of(this.key, row.versionstamp);
    return new StoredEntry(this.key, { row, condition, reading: this.#reading }, this.#source);
  }

  async #askOptions(): Promise<EntryOptions> {
    this.#spec = this.spec();
    return await this.#source.settings.options?.(await this.#spec, this.key) ?? {};
  }
}

/** An entry that the database cannot read: it fails by name, and the others run. */
class UnreadableEntry<K, Spec, P> implements KvEntry<K, Spec, P> {
  readonly key: K;
  readonly version = "";
  readonly pause: Pause | undefined;
  readonly #error: unknown;

  constructor(key: K, error: unknown, { pause }: Condition) {
    this.key = key;
    this.pause = pause;
    this.#error = error;
  }

  spec(): Promise<Spec> {
    return Promise.reject(unreadableEntry("use", this.key, this.#error));
  }

  get(): Promise<P> {
    return Promise.reject(unreadableEntry("use", this.key, this.#error));
  }
}

/** What a {@linkcode KvIteration} needs. */
export interface KvIterationOptions<K extends KvTableKey, Spec, P extends Runnable> {
  readonly store: KvStore;
  readonly source: EntrySource<K, Spec, P>;
  readonly conditions: Conditions;
  /** Resolves when the first batch may be read. */
  readonly ready: () => Promise<unknown>;
}

/**
 * A pass over all entries, batch by batch: one call and one deadline for each batch, nothing per entry. What stands beside
 * the entries is listed once, with the first batch.
 *
 * Every batch is one consistent state, the whole is not. An entry that is deleted meanwhile is left out, and one that is
 * added may be.
 */
export class KvIteration<K extends KvTableKey, Spec, P extends Runnable> implements AsyncIterator<KvEntry<K, Spec, P>> {
  readonly #options: KvIterationOptions<K, Spec, P>;
  readonly #pass: number;
  readonly #ending = new AbortController();
  #entries: KvEntry<K, Spec, P>[] = [];
  #index = 0;
  #position: Position | undefined;
  #list?: ConditionList;
  #filling?: Promise<void>;

  /** Begins a pass. */
  constructor(options: KvIterationOptions<K, Spec, P>) {
    const { settings, versions } = options.source;
    this.#options = options;
    this.#pass = versions.beginPass();
    this.#position = { prefix: settings.keys.prefix, cursor: "" };
  }

  /** Yields the next entry. */
  next(): Promise<IteratorResult<KvEntry<K, Spec, P>, undefined>> {
    if (this.#index < this.#entries.length) {
      return Promise.resolve({ done: false, value: this.#entries[this.#index++] });
    }
    if (this.#position === undefined) return Promise.resolve({ done: true, value: undefined });
    return this.#nextBatch();
  }

  /** Ends the pass and frees what it holds, even while a batch is being read. */
  return(): Promise<IteratorResult<KvEntry<K, Spec, P>, undefined>> {
    this.#ending.abort();
    this.#entries = [];
    this.#position = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  async #nextBatch(): Promise<IteratorResult<KvEntry<K, Spec, P>, undefined>> {
    try {
      // Several calls of next share one batch, then take their turns.
      await (this.#filling ??= this.#fill());
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    }
    return this.next();
  }

  async #fill(): Promise<void> {
    const { store, source, conditions, ready } = this.#options, { settings, versions } = source;
    const { signal } = this.#ending;
    try {
      await ready();
      if (this.#position === undefined) return;
      const { reading } = versions;
      const options = { purpose: "listing", limit: settings.batchSize, signal } as const;
      const [list, batch] = await Promise.all([
        this.#list ?? conditions.all(signal),
        readBatch(store, "list the entries", this.#position, options),
      ]);
      // return() may have been called between the answer and this line.
      signal.throwIfAborted();
      this.#list = list;
      this.#entries = entriesOf(batch, { list, reading, told: (key) => versions.passed(key) }, source);
      this.#index = 0;
      this.#position = batch.next;
      if (batch.next === undefined) versions.endPass(this.#pass);
    } finally {
      this.#filling = undefined;
    }
  }
}

/** What is known beside rows that were read. */
export interface Beside<K> {
  readonly list: ConditionList;
  /** The number that `Versions.reading` had before. */
  readonly reading: number;
  /** Returns the version that was told of an entry last. */
  readonly told?: (key: K) => ToldVersion | undefined;
}

/** Makes the entries of rows, without what lies deeper or can be no key. */
export function entriesOf<K extends KvTableKey, Spec, P extends Runnable>(
  { rows, unreadable }: Batch,
  { list, reading, told }: Beside<K>,
  source: EntrySource<K, Spec, P>,
): KvEntry<K, Spec, P>[] {
  const keyOf = ({ key }: { readonly key: Deno.KvKey }) => source.settings.keys.keyOf(key) as K | undefined;
  const entries: KvEntry<K, Spec, P>[] = [];
  for (const row of rows) {
    const key = keyOf(row);
    if (key === undefined) continue;
    const condition = list.of(key, row.versionstamp);
    entries.push(new StoredEntry(key, { row, condition, reading, told: told?.(key) }, source));
  }
  const key = unreadable && keyOf(unreadable);
  if (key !== undefined) entries.push(new UnreadableEntry(key, unreadable?.error, list.of(key, "")));
  return entries;
}
