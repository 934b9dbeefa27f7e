/**
 * An entry of a table in Deno KV and the pass over all of them.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { Entry } from "../table/table.ts";
import type { KvTableContext } from "./context.ts";
import type { KvTableKey } from "./keyspace.ts";
import type { KvTableSettings } from "./options.ts";
import { validateSpec } from "./schema.ts";
import type { KvStore } from "./store.ts";
import { type Batch, type Position, readBatch, unreadableEntry } from "./unreadable.ts";
import type { Versions } from "./versions.ts";

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

/** An entry as it was read; its value is validated only when the process is about to start. */
export class StoredEntry<K extends KvTableKey, Spec, P extends Runnable> implements KvEntry<K, Spec, P> {
  readonly key: K;
  readonly #row: Deno.KvEntry<unknown>;
  readonly #source: EntrySource<K, Spec, P>;
  readonly #reading: number;

  /**
   * Makes an entry of a row that was read.
   *
   * @param reading The number that `Versions.reading` had before.
   */
  constructor(key: K, row: Deno.KvEntry<unknown>, source: EntrySource<K, Spec, P>, reading: number) {
    this.key = key;
    this.#row = row;
    this.#source = source;
    this.#reading = reading;
  }

  /** {@inheritDoc KvEntry.version} */
  get version(): string {
    return this.#source.versions.of(this.key, this.#row, this.#reading);
  }

  /** {@inheritDoc KvEntry.spec} */
  async spec(): Promise<Spec> {
    const { settings } = this.#source;
    if (!settings.schema) return this.#row.value as Spec;
    return await validateSpec(settings.schema, this.key, this.#row.value, settings);
  }

  /** {@inheritDoc KvEntry.get} */
  async get(context: KvTableContext = {}): Promise<P> {
    return await this.#source.settings.create(await this.spec(), this.key, context);
  }
}

/** An entry that the database cannot read: it fails by name, and the others run. */
class UnreadableEntry<K, Spec, P> implements KvEntry<K, Spec, P> {
  readonly key: K;
  readonly version = "";
  readonly #error: unknown;

  constructor(key: K, error: unknown) {
    this.key = key;
    this.#error = error;
  }

  spec(): Promise<Spec> {
    return Promise.reject(unreadableEntry("use", this.key, this.#error));
  }

  get(): Promise<P> {
    return Promise.reject(unreadableEntry("use", this.key, this.#error));
  }
}

/**
 * A pass over all entries, batch by batch: one call and one deadline for each batch, nothing per entry.
 *
 * Every batch is one consistent state, the whole is not. An entry that is deleted meanwhile is left out, and one that is
 * added may be.
 */
export class KvIteration<K extends KvTableKey, Spec, P extends Runnable> implements AsyncIterator<KvEntry<K, Spec, P>> {
  readonly #store: KvStore;
  readonly #source: EntrySource<K, Spec, P>;
  readonly #ready: () => Promise<unknown>;
  readonly #pass: number;
  readonly #ending = new AbortController();
  #entries: KvEntry<K, Spec, P>[] = [];
  #index = 0;
  #position: Position | undefined;
  #filling?: Promise<void>;

  /**
   * Begins a pass.
   *
   * @param ready Resolves when the first batch may be read.
   */
  constructor(store: KvStore, source: EntrySource<K, Spec, P>, ready: () => Promise<unknown>) {
    this.#store = store;
    this.#source = source;
    this.#ready = ready;
    this.#pass = source.versions.beginPass();
    this.#position = { prefix: source.settings.keys.prefix, cursor: "" };
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
    const { signal } = this.#ending;
    try {
      await this.#ready();
      if (this.#position === undefined) return;
      const { settings, versions } = this.#source, { reading } = versions;
      const options = { purpose: "listing", limit: settings.batchSize, signal } as const;
      const batch = await readBatch(this.#store, "list the entries", this.#position, options);
      // return() may have been called between the answer and this line.
      signal.throwIfAborted();
      this.#entries = this.#entriesOf(batch, reading);
      this.#index = 0;
      this.#position = batch.next;
      if (batch.next === undefined) versions.endPass(this.#pass);
    } finally {
      this.#filling = undefined;
    }
  }

  #entriesOf({ rows, unreadable }: Batch, reading: number): KvEntry<K, Spec, P>[] {
    const entries: KvEntry<K, Spec, P>[] = [];
    for (const row of rows) {
      const key = this.#keyOf(row);
      if (key === undefined) continue;
      this.#source.versions.passed(key);
      entries.push(new StoredEntry(key, row, this.#source, reading));
    }
    const key = unreadable && this.#keyOf(unreadable);
    if (key !== undefined) entries.push(new UnreadableEntry(key, unreadable?.error));
    return entries;
  }

  #keyOf({ key }: { readonly key: Deno.KvKey }): K | undefined {
    return this.#source.settings.keys.keyOf(key) as K | undefined;
  }
}
