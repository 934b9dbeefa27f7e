/**
 * The changes of a table as they happen.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { ChangeStream } from "../table/change_stream.ts";
import { type ChangeLog, maxNamedChanges } from "./change_log.ts";
import type { KvTableKey } from "./keyspace.ts";
import { watchKey } from "./watch_key.ts";

/** What a {@linkcode ChangeFeed} needs. */
export interface ChangeFeedOptions<K extends KvTableKey> {
  /** The database, to watch. */
  readonly kv: Deno.Kv;
  /** The record that changes with every change. */
  readonly generation: Deno.KvKey;
  /** The log to read. */
  readonly log: ChangeLog;
  /** Times the polls. */
  readonly clock: Clock;
  /** The longest time between two readings of the log, in ms. */
  readonly pollMs: number;
  /** Ends the feed. */
  readonly signal: AbortSignal;
  /** The feeds in progress: this one adds and removes itself. */
  readonly feeds: Set<ChangeFeed<K>>;
}

/**
 * Follows the change log from the first `next` on:
 *
 * ```text
 * next() -> find the end of the log -> wait for the poll, the watch, a write by this table -> read what is new -> wait …
 * ```
 *
 * The watch is a hint that may fail, as it does not see other OS processes on SQLite; the poll finds everything.
 */
export class ChangeFeed<K extends KvTableKey> {
  /** The changes. */
  readonly stream: ChangeStream<K>;
  readonly #options: ChangeFeedOptions<K>;
  readonly #ending = new AbortController();
  readonly #established = Promise.withResolvers<void>();
  #isEstablished = false;
  #isWoken = false;
  #wake?: () => void;

  /** Makes a feed that begins with the first `next` of its stream. */
  constructor(options: ChangeFeedOptions<K>) {
    this.#options = options;
    this.stream = new ChangeStream<K>({
      signal: options.signal,
      maxPending: maxNamedChanges,
      begin: () => this.#follow(),
      release: () => {
        this.#ending.abort();
        this.wake();
      },
    });
  }

  /** Resolves when the feed has found the end of the log, or has ended. */
  get established(): Promise<void> {
    return this.#established.promise;
  }

  /**
   * Tells of a write by this table that begins now. It may land before the end of the log is found, and would then be
   * missed.
   *
   * @returns The function to call when the write is over.
   */
  writing(key: K): () => void {
    const isEarly = !this.#isEstablished;
    return () => isEarly ? this.stream.announce(key) : this.wake();
  }

  /** Has the log read now. */
  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  async #follow(): Promise<void> {
    const { log, feeds } = this.#options;
    const { signal } = this.#ending;
    feeds.add(this);
    const watching = this.#watch();
    try {
      let position = await log.end(signal);
      this.#isEstablished = true;
      this.#established.resolve();
      while (!signal.aborted) {
        await this.#wait();
        const changes = await log.read(position, signal);
        position = changes.position;
        for (const key of changes.keys ?? [undefined]) this.stream.announce(key as K | undefined);
      }
    } catch (error) {
      this.stream.fail(error);
    }
    feeds.delete(this);
    this.#established.resolve();
    await watching;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        timer.cancel();
        this.#wake = undefined;
        this.#isWoken = false;
        resolve();
      };
      const timer = this.#options.clock.timer(this.#wake, this.#options.pollMs);
      if (this.#isWoken) this.#wake();
    });
  }

  async #watch(): Promise<void> {
    try {
      const { kv, generation } = this.#options;
      await watchKey(kv, generation, this.#ending.signal, () => this.wake());
    } catch {
      // The polls go on and report what is wrong with the database.
    }
  }
}
