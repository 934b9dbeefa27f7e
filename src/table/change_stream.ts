/**
 * The reader's end of a table's changes: what was announced and not yet taken, each key once. A supervisor reads it
 * in `run.ts`.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";

/** Options of {@linkcode ChangeStream}. */
export interface ChangeStreamOptions {
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** The first `next` calls it, and the end awaits it. It must not reject. */
  readonly begin?: () => Promise<void>;
  /** The end calls it once, unless the signal had aborted before the beginning. It must not reject. */
  readonly release: () => void | Promise<void>;
  /**
   * The most keys that are kept for the reader: with more, the stream says "look at everything" instead.
   *
   * @default {Infinity}
   */
  readonly maxPending?: number;
}

/**
 * A stream of changed keys that coalesces: while the reader is busy a key is kept once, and "look at everything" replaces
 * all of them. It promises that an announcement made after a key was taken is delivered again, so the last change is
 * never lost; it does not promise an order.
 *
 * @example A key that is announced twice is read once
 * ```ts
 * import { ChangeStream } from "./change_stream.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const controller = new AbortController();
 * const stream: ChangeStream<string> = new ChangeStream({ signal: controller.signal, release: () => {} });
 * stream.announce("a");
 * stream.announce("a");
 * stream.announce("b");
 * assertEquals(await stream.next(), { done: false, value: "a" });
 * assertEquals(await stream.next(), { done: false, value: "b" });
 * controller.abort();
 * assertEquals(await stream.next(), { done: true, value: undefined });
 * ```
 */
export class ChangeStream<K> implements AsyncIterableIterator<K | undefined> {
  readonly #listening: Disposable;
  readonly #begin: (() => Promise<void>) | undefined;
  #begun?: Promise<void>;
  readonly #release: () => void | Promise<void>;
  readonly #maxPending: number;
  readonly #pending = new Set<K | undefined>();
  #wake?: PromiseWithResolvers<void>;
  #failure?: { readonly error: unknown };
  #ended?: Promise<void>;

  /** Makes a stream that has not begun yet. */
  constructor(options: ChangeStreamOptions) {
    this.#begin = options.begin;
    this.#release = options.release;
    this.#maxPending = options.maxPending ?? Infinity;
    if (options.signal.aborted) this.#ended = Promise.resolve();
    this.#listening = onAbort(options.signal, this.#drop);
  }

  /** Whether nothing more can be announced. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Announces a change. Does nothing after the end.
   *
   * @param key The key that changed; `undefined` means "look at everything" and covers every key until it is taken.
   */
  announce(key: K | undefined): void {
    if (this.#ended || this.#pending.has(undefined)) return;
    if (key === undefined || this.#pending.size >= this.#maxPending && !this.#pending.has(key)) {
      this.#pending.clear();
      this.#pending.add(undefined);
    } else {
      this.#pending.add(key);
    }
    this.#notify();
  }

  /**
   * Ends the stream with an error, which the reader gets after what is pending.
   *
   * @param error What the reader's `next` rejects with, once.
   */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#failure = { error };
    this.#end();
  }

  /**
   * Takes a changed key, or waits for one.
   *
   * @returns The key, or the end, which comes once everything is freed.
   * @throws {unknown} What the stream failed with.
   */
  async next(): Promise<IteratorResult<K | undefined, undefined>> {
    if (!this.#ended) this.#begun ??= this.#begin?.();
    for (;;) {
      for (const key of this.#pending) {
        this.#pending.delete(key);
        return { done: false, value: key };
      }
      if (this.#ended) break;
      await (this.#wake ??= Promise.withResolvers<void>()).promise;
    }
    await this.#ended;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
    return { done: true, value: undefined };
  }

  /**
   * Ends the stream, even while a `next` is waiting.
   *
   * @returns The end, once everything is freed.
   */
  async return(): Promise<IteratorResult<K | undefined, undefined>> {
    this.#drop();
    await this.#ended;
    return { done: true, value: undefined };
  }

  /** Returns the stream itself: there is one reader. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #drop = (): void => {
    this.#end();
    this.#pending.clear();
    this.#failure = undefined;
  };

  #end(): void {
    if (this.#ended) return;
    this.#listening[Symbol.dispose]();
    this.#ended = Promise.all([this.#release(), this.#begun]).then(() => {});
    this.#notify();
  }

  #notify(): void {
    this.#wake?.resolve();
    this.#wake = undefined;
  }
}
