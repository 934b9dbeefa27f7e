/**
 * The changes of a table as they happen.
 *
 * @module
 */

import { type Clock, jittered, type Timer } from "../clock.ts";
import { ChangeStream } from "../table/change_stream.ts";
import { type ChangeLog, maxNamedChanges } from "./change_log.ts";
import { DatabaseReplacedError, type History } from "./history.ts";
import type { KvTableKey } from "./keyspace.ts";
import type { LogPosition } from "./log_position.ts";
import { isUnreadable } from "./unreadable.ts";
import type { Versions } from "./versions.ts";
import { watchKey } from "./watch_key.ts";
import type { WatchSees } from "./watch_sees.ts";

/** How far the feeds of a table have come, those that have ended among them. */
export interface Progress {
  /** The last change seen; `undefined` before the first feed has found the end of the log. */
  position: LogPosition | undefined;
  /** In which history of the database that was. */
  history: number;
}

/** What a {@linkcode ChangeFeed} needs. */
export interface ChangeFeedOptions<K extends KvTableKey> {
  /** The database, to watch. */
  readonly kv: Deno.Kv;
  /** The record that changes with every change. */
  readonly generation: Deno.KvKey;
  /** The log to read. */
  readonly log: ChangeLog;
  /** The history of the database: when another one is noticed, by whomever, the feed fails. */
  readonly history: History;
  /** Is told when the values are to be compared too. */
  readonly versions: Versions<K>;
  /** Times the polls. */
  readonly clock: Clock;
  /** Whose changes the watch sees. */
  readonly watchSees: WatchSees;
  /** How often the generation is read, in ms; where the watch sees everybody, a tenth more or less. */
  readonly pollMs: number;
  /** Randomness for the polls: returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Ends the feed. */
  readonly signal: AbortSignal;
  /** The feeds in progress: this one adds and removes itself. */
  readonly feeds: Set<ChangeFeed<K>>;
  /** What feeds leave to later ones: this one goes on from there. */
  readonly progress: Progress;
}

/**
 * Follows the change log from the first `next` on:
 *
 * ```text
 * next() -> find the end of the log -> wait for the poll, the watch, a write by this table -> read what is new -> wait …
 * ```
 *
 * The watch is a hint that may fail, or see only this OS process, as on SQLite; the poll finds everything. Where the watch
 * should see everybody and a poll finds what it has not told of, it is opened again: a watch that has gone blind neither
 * fails nor ends. One that goes back may be late, or the database was set back: the generation is read to see which.
 *
 * A feed that fails is followed by another one, after a while in which the database may have been set back: so the next one
 * begins at the last change that was seen.
 */
export class ChangeFeed<K extends KvTableKey> {
  /** The changes. */
  readonly stream: ChangeStream<K>;
  readonly #options: ChangeFeedOptions<K>;
  readonly #ending = new AbortController();
  readonly #established = Promise.withResolvers<void>();
  /** How far the log was read; `undefined` until its end is found. */
  #position: LogPosition | undefined = undefined;
  /** The generation that the watch told of last, and the last commit of this table itself. */
  #watched = "";
  #watchedNonce: unknown = undefined;
  #written = "";
  #poll: Timer | undefined = undefined;
  /** Why the generation must be read: by the clock, or because a write by this table may have landed, or the watch went back. */
  #readingDue: "poll" | "doubt" | undefined = undefined;
  #wake: (() => void) | undefined = undefined;
  #watching: Promise<unknown> = Promise.resolve();
  #closeWatch = new AbortController();
  #hasWatchFailed = false;
  #reopenings = 0;

  /** Makes a feed that begins with the first `next` of its stream. */
  constructor(options: ChangeFeedOptions<K>) {
    this.#options = options;
    this.stream = new ChangeStream<K>({
      signal: options.signal,
      maxPending: maxNamedChanges,
      begin: () => this.#follow(),
      release: () => {
        this.#ending.abort();
        this.#closeWatch.abort();
        this.#wake?.();
      },
    });
  }

  /** Resolves when the feed has found the end of the log, or has ended. */
  get established(): Promise<void> {
    return this.#established.promise;
  }

  /** How many times the watch was opened again: it had gone blind, failed or ended. */
  get reopenings(): number {
    return this.#reopenings;
  }

  /**
   * Tells of a write by this table that begins now. It may land before the end of the log is found, and would then be
   * missed.
   *
   * @returns The function to call when the write is over, with its commit; without one if it may or may not have landed.
   */
  writing(key: K | undefined): (versionstamp?: string) => void {
    if (!this.#position) return () => this.stream.announce(key);
    return (versionstamp) => {
      if (versionstamp === undefined) return this.#readNow("doubt");
      if (versionstamp > this.#written) this.#written = versionstamp;
      if (this.#news !== undefined) this.#wake?.();
    };
  }

  async #follow(): Promise<void> {
    const { feeds, history, progress } = this.#options;
    const { signal } = this.#ending;
    using _listening = history.listen((evidence) => this.stream.fail(new DatabaseReplacedError(evidence)));
    feeds.add(this);
    this.#openWatch();
    try {
      this.#position = await this.#begin();
      this.#established.resolve();
      while (!signal.aborted) {
        Object.assign(progress, { position: this.#position, history: history.number });
        await this.#wait();
        if (!signal.aborted) this.#position = await this.#look(this.#position);
      }
    } catch (error) {
      this.stream.fail(error);
    }
    feeds.delete(this);
    this.#poll?.cancel();
    this.#established.resolve();
    await this.#watching;
  }

  /** Finds the end of the log. */
  async #begin(): Promise<LogPosition> {
    const { log, history, versions, progress } = this.#options;
    const { signal } = this.#ending;
    if (progress.position === undefined || progress.history !== history.number) return await log.end(signal);
    const { position, replaced } = await log.read(progress.position, undefined, signal);
    signal.throwIfAborted();
    if (replaced !== undefined) {
      history.changed(replaced);
      throw new DatabaseReplacedError(replaced);
    }
    // Entries may have been read since whose changes were lost before a feed saw them.
    versions.doubt();
    return position;
  }

  /** Waits until the generation must be read, or for news. */
  #wait(): Promise<void> {
    this.#poll ??= this.#options.clock.timer(() => {
      this.#poll = undefined;
      this.#readNow("poll");
    }, this.#pollDelayMs());
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
      if (this.#readingDue || this.#news !== undefined) this.#wake();
    });
  }

  /** Polls that are billed are spread over the instances. */
  #pollDelayMs(): number {
    const { watchSees, pollMs, random } = this.#options;
    return watchSees === "everybody" ? jittered(pollMs, random()) : pollMs;
  }

  #readNow(due: "poll" | "doubt"): void {
    if (this.#readingDue !== "poll") this.#readingDue = due;
    this.#wake?.();
  }

  /** The generation that was told of, if it is after the position; one before it is no news, a watch may be late. */
  get #news(): string | undefined {
    const told = this.#watched > this.#written ? this.#watched : this.#written;
    return this.#position && told > this.#position.versionstamp ? told : undefined;
  }

  /** Reads and announces what is new. */
  async #look(position: LogPosition): Promise<LogPosition> {
    const { signal } = this.#ending;
    const due = this.#readingDue;
    this.#readingDue = undefined;
    const { log, history, versions } = this.#options;
    const told = this.#news;
    const changes = await log.read(position, told, signal);
    signal.throwIfAborted();
    if (changes.replaced !== undefined) {
      history.changed(changes.replaced); // which fails the stream
      return position;
    }
    const { versionstamp } = changes.position;
    // What is told of is ahead: of a generation that was deleted, or of another history.
    const isAhead = versionstamp < position.versionstamp || (told !== undefined && versionstamp < told);
    if (isAhead) this.#watched = this.#written = "";
    for (const key of (changes.keys ?? [undefined]) as readonly (K | undefined)[]) {
      versions.doubt(key);
      this.stream.announce(key);
    }
    if (due === "poll" && (this.#hasWatchFailed || this.#watched < versionstamp)) this.#reopenWatch();
    return changes.position;
  }

  #reopenWatch(): void {
    if (this.#options.watchSees !== "everybody") return;
    this.#reopenings++;
    this.#closeWatch.abort();
    this.#openWatch();
  }

  #openWatch(): void {
    this.#hasWatchFailed = false;
    this.#closeWatch = new AbortController();
    this.#watching = Promise.all([this.#watching, this.#watch(this.#closeWatch.signal)]);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { kv, generation } = this.#options;
    try {
      await watchKey(kv, generation, signal, ({ versionstamp, value }) => {
        const { nonce } = (value ?? {}) as { readonly nonce?: unknown };
        const before = this.#watched;
        this.#watched = versionstamp ?? "";
        const isBack = this.#watched < before || (this.#watched === before && nonce !== this.#watchedNonce);
        this.#watchedNonce = nonce;
        if (isBack) this.#readNow("doubt");
        else if (this.#news !== undefined) this.#wake?.();
      });
      this.#hasWatchFailed ||= !signal.aborted;
    } catch (error) {
      // The polls go on and report what is wrong with the database. Deno keeps each watch of a value that it cannot read, for
      // ever: there is no second one until the value has changed.
      this.#hasWatchFailed ||= !signal.aborted && !isUnreadable(error);
    }
  }
}
