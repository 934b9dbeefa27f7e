/**
 * The changes of a table, as soon as they are known.
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
  /** Where the changes are read. */
  readonly log: ChangeLog;
  /** What the polls are timed by. */
  readonly clock: Clock;
  /** How long after a look at the log the next one comes at the latest, in ms. */
  readonly pollMs: number;
  /** Ends the feed. */
  readonly signal: AbortSignal;
  /** The feeds in progress, which this one joins and leaves by itself. */
  readonly feeds: Set<ChangeFeed<K>>;
}

/**
 * Follows the change log from the first `next` on:
 *
 * ```text
 * next() -> find the end of the log -> wait for a poll, a watch, a write of our own -> read what is new -> wait …
 * ```
 *
 * The watch is a hint that may fail, since SQLite does not see other OS processes by it; the poll finds everything.
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

  /** @param options The database, the log and how to follow it. */
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

  /** Resolves when the feed is behind everything that was committed when it began, or has ended. */
  get established(): Promise<void> {
    return this.#established.promise;
  }

  /**
   * Tells of a write by the own table that begins now. It may land before the end of the log is found, behind which it
   * would not be seen.
   *
   * @param key The key that is written.
   * @returns What to call when the write is over.
   */
  writing(key: K): () => void {
    const isEarly = !this.#isEstablished;
    return () => isEarly ? this.stream.announce(key) : this.wake();
  }

  /** Has the log looked at now. */
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
      // The polls go on, and they report what is wrong with the database.
    }
  }
}
