/**
 * A table as one instance of a cluster sees it: only the keys in its slots.
 *
 * @module
 */

import type { Claim } from "../kv/context.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import type { KvEntry } from "../kv/kv_entry.ts";
import type { KvTable } from "../kv/kv_table.ts";
import type { Runnable } from "../process/runnable.ts";
import type { ChangeStream } from "../table/change_stream.ts";
import { assertKey, type Entry, type Lease, type Table } from "../table/table.ts";
import type { SlotAudience, SlotLease } from "./claims.ts";
import { ownedChanges } from "./owned_changes.ts";

/** Who owns slots: the cluster. */
export interface SlotOwner {
  /** Who is told of new slots. */
  readonly audiences: Set<SlotAudience>;
  /**
   * Checks that there can be an owner at all.
   *
   * @throws {Error} When the cluster does not run.
   */
  assertRunning(): void;
  /** Tells whether processes of a key may be started here now. */
  holds(key: KvTableKey): boolean;
  /** Is told that the changes of a table cannot be followed. Resolves when that may be tried again. */
  changesFailed(error: unknown, ending: AbortSignal): Promise<void>;
  /** Grants the right to run a process, if it may be started here now. */
  lease(key: KvTableKey, audience: SlotAudience): SlotLease | undefined;
}

/**
 * The part of a table in Deno KV that this instance owns. Keys of other instances are absent from it; a slot that is handed
 * over makes its keys absent, and so the supervisor stops their processes gracefully.
 */
export class OwnedTable<K extends KvTableKey, Spec, P extends Runnable> implements Table<K, P>, SlotAudience {
  readonly #table: KvTable<K, Spec, P>;
  readonly #owner: SlotOwner;
  readonly #streams: Set<ChangeStream<K>> = new Set();

  /**
   * @param table The whole table.
   * @param owner Who knows which keys are ours.
   */
  constructor(table: KvTable<K, Spec, P>, owner: SlotOwner) {
    this.#table = table;
    this.#owner = owner;
  }

  /**
   * Looks one entry up.
   *
   * @param key The key.
   * @param options A signal that abandons the look-up.
   * @returns The entry, or `undefined` when there is none or it is not ours.
   */
  async get(key: K, options?: { signal?: AbortSignal }): Promise<Entry<K, P> | undefined> {
    options?.signal?.throwIfAborted();
    assertKey(key);
    this.#owner.assertRunning();
    if (!this.#owner.holds(key)) return undefined;
    const entry = await this.#table.get(key, options);
    return entry && this.#owner.holds(key) ? this.#toOwned(entry) : undefined;
  }

  /** Yields the entries that are ours. What becomes ours meanwhile may be missing, and is announced by `changes`. */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, P>> {
    const iterator = this.#table[Symbol.asyncIterator]();
    return {
      next: async () => {
        this.#owner.assertRunning();
        for (;;) {
          const { done, value } = await iterator.next();
          if (done) return { done, value: undefined };
          if (this.#owner.holds(value.key)) return { done, value: this.#toOwned(value) };
        }
      },
      return: () => iterator.return!(),
    };
  }

  /**
   * Tells which of our keys are set and deleted, and when slots become ours or are handed over.
   *
   * @param options A signal that ends the stream.
   * @returns The stream; `undefined` in it means "look at everything".
   */
  changes({ signal }: { signal: AbortSignal }): AsyncIterable<K | undefined> {
    return ownedChanges<K>({
      signal,
      opened: (stream) => this.#opened(stream),
      closed: (stream) => this.#closed(stream),
      follow: (ending) => this.#table.changes({ signal: ending }),
      failed: (error, ending) => this.#owner.changesFailed(error, ending),
      isOurs: (key) => this.#owner.holds(key),
    });
  }

  /** Announces that slots are held that were not. */
  slotsGained(): void {
    for (const stream of this.#streams) stream.announce(undefined);
  }

  /** Announces that a key is absent from now on. */
  mustEnd(key: unknown): void {
    for (const stream of this.#streams) stream.announce(key as K);
  }

  #opened(stream: ChangeStream<K>): void {
    this.#streams.add(stream);
    this.#owner.audiences.add(this);
  }

  #closed(stream: ChangeStream<K>): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#owner.audiences.delete(this);
  }

  #toOwned(entry: KvEntry<K, Spec, P>): Entry<K, P> {
    return new OwnedEntry(entry, () => this.#owner.lease(entry.key, this));
  }
}

/** An entry whose process runs under a claim. */
class OwnedEntry<K, Spec, P extends Runnable> implements Entry<K, P> {
  readonly #entry: KvEntry<K, Spec, P>;
  readonly #ask: () => SlotLease | undefined;
  #claim: Claim | undefined = undefined;

  constructor(entry: KvEntry<K, Spec, P>, ask: () => SlotLease | undefined) {
    this.#entry = entry;
    this.#ask = ask;
  }

  get key(): K {
    return this.#entry.key;
  }

  get version(): string {
    return this.#entry.version;
  }

  lease(): Lease | undefined {
    const lease = this.#ask();
    this.#claim = lease?.claim;
    return lease;
  }

  get(): Promise<P> {
    return this.#entry.get(this.#claim && { claim: this.#claim });
  }
}
