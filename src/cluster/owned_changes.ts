/**
 * The changes of the part of a table that one instance owns.
 *
 * @module
 */

import { ChangeStream } from "../table/change_stream.ts";

/** What {@linkcode OwnedChanges} needs. */
export interface OwnedChangesOptions<K> {
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** The streams of the same table in progress, which this one joins and leaves by itself. */
  readonly streams: Set<ChangeStream<K>>;
  /** Follows the whole table until a signal aborts. */
  follow(ending: AbortSignal): AsyncIterable<K | undefined>;
  /** Is told that following failed. Resolves when it may be tried again. */
  failed(error: unknown, ending: AbortSignal): Promise<void>;
  /** Tells which changes are handed on. */
  isOurs(key: K): boolean;
}

/** What changes in the table, as far as it is ours, and what changes about which part of it is ours. */
export class OwnedChanges<K> implements AsyncIterableIterator<K | undefined> {
  readonly #options: OwnedChangesOptions<K>;
  readonly #stream: ChangeStream<K>;
  readonly #ending: AbortController = new AbortController();
  #following: Promise<void> | undefined = undefined;

  /** @param options What to follow and how to filter it. */
  constructor(options: OwnedChangesOptions<K>) {
    this.#options = options;
    this.#stream = new ChangeStream<K>({
      signal: options.signal,
      release: () => {
        options.streams.delete(this.#stream);
        this.#ending.abort();
        return this.#following;
      },
    });
  }

  /**
   * Takes a changed key, or waits for one.
   *
   * @returns The key, or the end, which comes when everything is freed.
   * @throws {unknown} What the changes of the whole table failed with.
   */
  next(): Promise<IteratorResult<K | undefined, undefined>> {
    if (!this.#stream.ended) this.#following ??= this.#follow();
    return this.#stream.next();
  }

  /** Ends the stream, even while a `next` is waiting. */
  return(): Promise<IteratorResult<K | undefined, undefined>> {
    return this.#stream.return();
  }

  /** Returns the stream itself: there is one reader. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The news of slots must not end with the news of entries: when those fail, they are followed anew. */
  async #follow(): Promise<void> {
    const { streams, follow, isOurs, failed } = this.#options;
    const { signal } = this.#ending;
    streams.add(this.#stream);
    while (!signal.aborted) {
      try {
        for await (const key of follow(signal)) if (key === undefined || isOurs(key)) this.#stream.announce(key);
      } catch (error) {
        await failed(error, signal);
        this.#stream.announce(undefined);
      }
    }
  }
}
