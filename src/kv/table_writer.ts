/**
 * Writes to a table in Deno KV: each change is committed together with its announcement.
 *
 * @module
 */

import { type Clock, pause } from "../clock.ts";
import { isInstance } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import { oneLine } from "../one_line.ts";
import type { ChangeFeed } from "./change_feed.ts";
import type { ChangeLog } from "./change_log.ts";
import type { Keyspace, KvTableKey } from "./keyspace.ts";
import type { KvStore } from "./store.ts";
import { isUnreadable, unreadableEntry } from "./unreadable.ts";

/** How many characters of the database's own message a message shows: it may quote a function that cannot be cloned. */
const maxShownRefusal = 200;

/** How Deno KV says that it will never take a key or a value: it throws the same class when a connection is lost. */
const refusal = /too large|could not be cloned|Invalid mutation/;

/** The longest pause before a change that has lost a race is made again, at first and at most, in ms. */
const minPauseMs = 5;
const maxPauseMs = 80;

/** Adds to an atomic operation. */
export type Change = (atomic: Deno.AtomicOperation) => Deno.AtomicOperation;

/** Commits one write, as often as the database is locked. An operation itself cannot be returned by a promise. */
export type Commit = () => Promise<Deno.KvCommitResult | Deno.KvCommitError>;

/** Rows that were read before a change, in the order in which they were asked for. */
export type Rows = readonly Deno.KvEntryMaybe<unknown>[];

/** What is written: an entry, or, without a key, something about the whole table. */
export interface Subject<K> {
  /** What is done, for example "pause". */
  readonly operation: string;
  readonly key?: K;
  readonly signal?: AbortSignal;
}

/** A change that depends on what was there before. */
export interface Revision<K> extends Subject<K> {
  /** What is read. The change is made only if none of that has changed meanwhile; otherwise all is done again. */
  readonly reads: readonly Deno.KvKey[];
  /** Makes the change; `undefined` leaves everything as it is. */
  readonly revise: (rows: Rows) => Change | undefined | Promise<Change | undefined>;
}

/** What a {@linkcode TableWriter} needs. */
export interface TableWriterOptions<K extends KvTableKey> {
  readonly store: KvStore;
  readonly log: ChangeLog;
  readonly keys: Keyspace;
  /** Those who are told at once. */
  readonly feeds: ReadonlySet<ChangeFeed<K>>;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Changes entries, and what stands beside them. */
export class TableWriter<K extends KvTableKey> {
  readonly #options: TableWriterOptions<K>;

  constructor(options: TableWriterOptions<K>) {
    this.#options = options;
  }

  /** Makes the operation of a write at once: what becomes of its values afterwards is not written. */
  prepare(key: K, change: Change): Promise<Commit> {
    const { store: { kv }, log } = this.#options;
    const prepared = Promise.try((): Commit => {
      const atomic = log.append(change(kv.atomic()), key);
      return () => atomic.commit();
    });
    prepared.catch(() => {}); // not awaited when the spec fails the schema
    return prepared;
  }

  /** Adds a change to an operation of the user's, with its announcement. */
  join(atomic: Deno.AtomicOperation, key: K, change: Change): Deno.AtomicOperation {
    return this.#options.log.join(change(atomic), key);
  }

  /** Commits, and tells the readers of changes. Returns the result. */
  async commit(subject: Subject<K>, prepared: Promise<Commit>): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const tells = Array.from(this.#options.feeds, (feed) => feed.writing(subject.key));
    let result: Deno.KvCommitResult | Deno.KvCommitError | undefined;
    try {
      return result = await this.call(subject, async () => await (await prepared)());
    } finally {
      // After a failure too: a write without an answer may have landed.
      for (const tell of tells) tell(result?.ok ? result.versionstamp : undefined);
    }
  }

  /** Makes a change that depends on what was there before, as often as something else comes between. Returns whether it was made. */
  async revise(revision: Revision<K>): Promise<boolean> {
    const { store: { kv }, log, keys, clock, random } = this.#options;
    const { reads, revise, ...subject } = revision;
    for (let pauseMs = minPauseMs;; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
      const [generation, ...rows] = await this.call(subject, () => kv.getMany<unknown[]>([keys.generation, ...reads]));
      const change = await revise(rows);
      if (change === undefined) return false;
      const name = crypto.randomUUID();
      const commit = Promise.try((): Commit => {
        const checked = kv.atomic().check(...rows.map(({ key, versionstamp }) => ({ key, versionstamp })));
        const atomic = log.append(change(checked), subject.key, name);
        return () => atomic.commit();
      });
      if ((await this.commit(subject, commit)).ok) return true;
      // A reply that was lost has the client send the change again, and that one is refused: the first has landed.
      if (await log.has(name, generation.versionstamp ?? "", subject.signal)) return true;
      await pause(clock, random() * pauseMs, ...subject.signal ? [subject.signal] : []);
      subject.signal?.throwIfAborted();
    }
  }

  /** Calls the database, and says of which entry, when that fails. */
  async call<T>({ operation, key, signal }: Subject<K>, attempt: () => Promise<T>): Promise<T> {
    const named = key === undefined ? "the table" : `entry ${describeKey(key)}`;
    try {
      const purpose = operation === "get" ? "look" : "write";
      return await this.#options.store.call(`${operation} ${named}`, attempt, { purpose, signal });
    } catch (error) {
      if (isUnreadable(error)) throw unreadableEntry(operation, key, error);
      if (!isInstance(error, TypeError) || !refusal.test(error.message)) throw error;
      throw new TypeError(
        `Cannot ${operation} ${named}: Deno KV takes keys up to 2 KiB and cloneable values up to 64 KiB, ` +
          `current value is refused with "${oneLine(error.message, maxShownRefusal)}"`,
        { cause: error },
      );
    }
  }
}
