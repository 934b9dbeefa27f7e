/**
 * A table as one instance of a cluster sees it: only the keys in its slots.
 *
 * @module
 */

import { pause } from "../clock.ts";
import type { Claim } from "../kv/context.ts";
import { Keyspace, type KvTableKey } from "../kv/keyspace.ts";
import type { KvEntry } from "../kv/kv_entry.ts";
import type { KvTable } from "../kv/kv_table.ts";
import type { Runnable } from "../process/runnable.ts";
import { defaultRestartPolicy, delayAfter } from "../restart.ts";
import { ChangeStream } from "../table/change_stream.ts";
import type { Entry, Lease, Table } from "../table/table.ts";
import type { SlotLease, SlotListener } from "./claims.ts";
import type { Instance } from "./instance.ts";

/**
 * The part of a table in Deno KV that this instance owns. Keys of other instances are absent from it; a slot that is handed
 * over makes its keys absent, and so the supervisor stops their processes gracefully.
 */
export class OwnedTable<K extends KvTableKey, Spec, P extends Runnable, Input> implements Table<K, P>, SlotListener {
  readonly #table: KvTable<K, Spec, P, Input>;
  readonly #keys: Keyspace;
  readonly #instance: Instance;
  readonly #streams: Set<ChangeStream<K>> = new Set();
  /** Aborts when slots are gained next. */
  #gained: AbortController = new AbortController();

  /**
   * @param table The whole table.
   * @param instance Knows which keys are ours.
   */
  constructor(table: KvTable<K, Spec, P, Input>, instance: Instance) {
    this.#table = table;
    this.#keys = new Keyspace(table.prefix);
    this.#instance = instance;
  }

  /** How often the whole table asks for a pass: its keys are announced here as they are there. */
  get sweepMs(): number {
    return this.#table.sweepMs;
  }

  /**
   * Looks one entry up.
   *
   * @param options A signal that abandons the look-up.
   * @returns The entry; `undefined` if there is none, or this instance does not own its slot.
   */
  async get(key: K, options?: { signal?: AbortSignal }): Promise<Entry<K, P> | undefined> {
    options?.signal?.throwIfAborted();
    this.#keys.entry(key); // refuses what can be no key of the table, wherever it would live
    this.#assertRunning();
    if (!this.#instance.holds(key)) return undefined;
    const entry = await this.#table.get(key, options);
    return entry && this.#instance.holds(key) ? this.#toOwned(entry) : undefined;
  }

  /** Yields the entries that are ours. What becomes ours meanwhile may be missing, and is announced by `changes`. */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, P>> {
    const iterator = this.#table[Symbol.asyncIterator]();
    return {
      next: async () => {
        this.#assertRunning();
        for (;;) {
          const { done, value } = await iterator.next();
          if (done) return { done, value: undefined };
          if (this.#instance.holds(value.key)) return { done, value: this.#toOwned(value) };
        }
      },
      return: async () => {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Tells which of our keys are set and deleted, and when slots become ours or are handed over.
   *
   * @param options A signal that ends the stream.
   * @returns The stream; `undefined` in it means "look at everything".
   */
  changes({ signal }: { signal: AbortSignal }): AsyncIterable<K | undefined> {
    const ending = new AbortController();
    const stream: ChangeStream<K> = new ChangeStream<K>({
      signal,
      begin: () => {
        this.#streams.add(stream);
        this.#instance.listeners.add(this);
        return this.#follow(stream, ending.signal);
      },
      release: () => {
        this.#streams.delete(stream);
        if (this.#streams.size === 0) this.#instance.listeners.delete(this);
        ending.abort();
      },
    });
    return stream;
  }

  /** Announces that slots are held that were not. */
  slotsGained(): void {
    this.#gained.abort();
    this.#gained = new AbortController();
    for (const stream of this.#streams) stream.announce(undefined);
  }

  /** Announces that a key is absent from now on. */
  mustEnd(key: unknown): void {
    for (const stream of this.#streams) stream.announce(key as K);
  }

  /**
   * News of slots, on the same stream, must not end with the news of entries: when those fail, they are followed again. The
   * delay grows as a supervisor's does, since each time everything is looked at. What shows that the database answers has
   * it grow from the beginning: news, a stream that lived for long, slots that are gained.
   */
  async #follow(stream: ChangeStream<K>, ending: AbortSignal): Promise<void> {
    const { clock, timing, settings: { random } } = this.#instance;
    let failures = 0, delayMs = 0;
    while (!ending.aborted) {
      const beganMs = clock.monotonic();
      try {
        for await (const key of this.#table.changes({ signal: ending })) {
          failures = 0;
          if (key === undefined || this.#instance.holds(key)) stream.announce(key);
        }
      } catch (error) {
        this.#instance.failed("changes", error);
        if (clock.monotonic() - beganMs > delayMs + timing.steadyMs) failures = 0;
        delayMs = delayAfter(defaultRestartPolicy, ++failures, random());
        const { signal } = this.#gained;
        await pause(clock, delayMs, ending, signal);
        if (signal.aborted) failures = 0;
        stream.announce(undefined);
      }
    }
  }

  #assertRunning(): void {
    if (this.#instance.isRunning) return;
    throw new Error("Cannot read the table: its cluster does not run; run chain(cluster, supervisor)");
  }

  #toOwned(entry: KvEntry<K, Spec, P>): Entry<K, P> {
    return new OwnedEntry(entry, () => this.#instance.lease(entry.key, this));
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
