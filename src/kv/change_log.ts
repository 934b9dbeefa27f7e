/**
 * The change log: which keys were set or deleted, in the order of their commits.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { isTableKey, type Keyspace, type KvRange, type KvTableKey } from "./keyspace.ts";
import {
  advance,
  anotherHistory,
  type Change,
  isAt,
  type LoggedChange,
  type LogPosition,
  type LogReading,
  type Moment,
} from "./log_position.ts";
import { keyText } from "./key_parts.ts";
import type { KvStore } from "./store.ts";
import { isUnreadable } from "./unreadable.ts";

/** The most changes that are named at once: with more, a look at everything is cheaper. */
export const maxNamedChanges = 500;

/** Within how many changes one is searched for. */
const maxSearched = 1_000;

/** The version of the layout of all control records, which stands in the generation. */
const formatVersion = 1;

/** The value of the generation. */
interface GenerationRecord {
  readonly format: number;
  /** Random: no two changes have the same versionstamp and nonce, not even in another history of the database. */
  readonly nonce: number;
}

/** The value of a record in the log. */
interface LogRecord {
  /** The key that changed; null for the whole table. */
  readonly key: KvTableKey | null;
  /** Other keys that changed in the same commit. */
  readonly others?: readonly KvTableKey[];
  /** Tells the change from others when it is searched for. */
  readonly name?: string;
  /** That of the generation of the same commit. */
  readonly nonce: number;
  /** How long it is kept at least, in ms. */
  readonly keptMs: number;
}

/** Before the first change. */
const none: Change = { versionstamp: "", nonce: undefined };

/** What has been joined to an operation. */
interface Joined {
  /** All that is committed at once has one nonce, that of the generation: another one would be of another history. */
  readonly nonce: number;
  /** The keys so far, by the text of the prefix: of any tables, and several may be made for one prefix. */
  readonly keys: Map<string, readonly KvTableKey[]>;
}

const joinedTo: WeakMap<Deno.AtomicOperation, Joined> = new WeakMap();

/** How many more keys than one are named that are joined to one operation. A record has at most 64 KiB, and a key 2. */
const maxJoined = 30;

/** What a {@linkcode ChangeLog} needs besides the database. */
export interface ChangeLogOptions {
  /** Where the log lives. */
  readonly keys: Keyspace;
  /** Tells how long ago the log was read. */
  readonly clock: Clock;
  /** For how long changes are kept at least, in ms. */
  readonly retentionMs: number;
  /** Randomness for the nonces: returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
}

/** What is new in the log. */
export interface LogChanges {
  /** Where to continue. */
  readonly position: LogPosition;
  /** The changed keys, oldest first; `undefined` when they cannot all be named. */
  readonly keys: readonly KvTableKey[] | undefined;
  /** What shows that the database goes on in another history; `undefined` if nothing does. */
  readonly replaced?: string;
}

/**
 * The log of one table. A change is committed together with its entry, so none is ever inserted before the position of a
 * reader. It expires some time later, and a reader that comes too late notices.
 */
export class ChangeLog {
  readonly #store: KvStore;
  readonly #options: ChangeLogOptions;

  /** Makes the log of the table that lives under `options.keys`. */
  constructor(store: KvStore, options: ChangeLogOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Adds a change to the atomic operation that makes it.
   *
   * @param key The key that changes; without one, whatever is in the table may have changed.
   * @param name Lets the change be found.
   */
  append(operation: Deno.AtomicOperation, key: KvTableKey | undefined, name?: string): Deno.AtomicOperation {
    return this.#append(operation, {
      key: key ?? null,
      ...name !== undefined && { name },
      nonce: this.#options.random(),
    });
  }

  /** Adds a change to an operation that may have more of them. */
  join(operation: Deno.AtomicOperation, key: KvTableKey): Deno.AtomicOperation {
    const joined = joinedTo.get(operation) ?? { nonce: this.#options.random(), keys: new Map() };
    joinedTo.set(operation, joined);
    const { nonce } = joined, log = keyText(this.#options.keys.prefix);
    const [first, ...others] = [...joined.keys.get(log) ?? [], key];
    joined.keys.set(log, [first, ...others]);
    // The record takes the place of the one that the key before was logged in: an operation has one place in the log.
    const isLong = others.length >= maxJoined;
    return this.#append(operation, isLong ? { key: null, nonce } : { key: first, others, nonce });
  }

  /** Tells whether a change with this name has been committed after a generation: its reply may have been lost. */
  async has(name: string, after: string, signal?: AbortSignal): Promise<boolean> {
    const { keys } = this.#options;
    const options = { purpose: "log", limit: maxSearched, signal } as const;
    const { rows } = await this.#store.list("search the change log", keys.logFrom(after), options);
    return rows.some(({ value }) => (value as Partial<LogRecord> | null)?.name === name);
  }

  /** Finds the end of the log: the position after everything that is committed. */
  async end(signal: AbortSignal): Promise<LogPosition> {
    const read = this.#now();
    return { ...await this.#generation(signal) ?? none, read };
  }

  /**
   * Reads what is new since a position.
   *
   * @param told A generation after the position, if one is known: it needs not be read then.
   * @param signal Abandons the reading.
   * @returns What is new. If the database goes on in another history, nothing can be named.
   */
  async read(position: LogPosition, told: string | undefined, signal: AbortSignal): Promise<LogChanges> {
    const begun = this.#now();
    // First the generation, then the log: what is committed in between is found now, and is nothing new next time.
    const generation = told === undefined ? await this.#generation(signal) : { versionstamp: told, nonce: undefined };
    if (!generation) {
      return { position: { ...none, read: begun }, keys: position.versionstamp === "" ? [] : undefined };
    }
    const { keys, retentionMs } = this.#options;
    const nothing: LogReading = { begun, generation, first: undefined, last: undefined, isCut: false };
    if (isAt(position, generation)) {
      return { position: advance(position, nothing, retentionMs).position, keys: [] };
    }
    // One more for the change at the position itself, and one more to see whether there are more.
    const limit = maxNamedChanges + 2;
    const rows = await this.#list(keys.logFrom(position.versionstamp), { limit, signal });
    if (!rows) return { position: { ...generation, read: begun }, keys: undefined };
    const { first, changes } = this.#sorted(rows, position);
    const last = changes.at(-1);
    // Told of what is not in the log: it has expired, or a watch is late and tells of another history. The generation says which.
    const isUnknown = told !== undefined && rows.length < limit && (last?.versionstamp ?? "") < told;
    if (isUnknown) return await this.read(position, undefined, signal);
    const reading: LogReading = { ...nothing, first, last, isCut: rows.length === limit };
    const replaced = anotherHistory(position, reading);
    if (replaced !== undefined) return { position: { ...generation, read: begun }, keys: undefined, replaced };
    const isBehind = generation.versionstamp < position.versionstamp; // the record of the generation was deleted
    const next = advance(position, reading, retentionMs);
    const isAll = next.hasGap || isBehind || changes.some(({ keys }) => keys === undefined);
    return { position: next.position, keys: isAll ? undefined : changes.flatMap(({ keys = [] }) => keys) };
  }

  /** Tells the record at the position from those behind it, and passes over what is none. */
  #sorted(rows: readonly Deno.KvEntry<unknown>[], position: LogPosition) {
    const changes: (LoggedChange & { readonly keys: readonly KvTableKey[] | undefined })[] = [];
    let first: Change | undefined;
    for (const row of rows) {
      const versionstamp = this.#options.keys.versionstampOf(row.key) ?? "";
      const { key, others = [], nonce, keptMs = 0 } = (row.value ?? {}) as Partial<LogRecord>;
      if (versionstamp === "" || versionstamp < position.versionstamp) continue;
      if (key !== null && !isTableKey(key)) continue;
      if (versionstamp === position.versionstamp) first = { versionstamp, nonce };
      else changes.push({ keys: key === null ? undefined : [key, ...others], versionstamp, nonce, keptMs });
    }
    return { first, changes };
  }

  #append(operation: Deno.AtomicOperation, record: Omit<LogRecord, "keptMs">): Deno.AtomicOperation {
    const { keys, retentionMs } = this.#options;
    const kept: LogRecord = { ...record, keptMs: retentionMs };
    const generation: GenerationRecord = { format: formatVersion, nonce: record.nonce };
    return operation
      .set(keys.log(this.#store.kv.commitVersionstamp()), kept, { expireIn: retentionMs })
      .set(keys.generation, generation);
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { at: clock.now(), monotonicMs: clock.monotonic() };
  }

  /** Returns nothing if one of the changes cannot be read. */
  async #list(
    selector: KvRange,
    options: { limit: number; signal: AbortSignal },
  ): Promise<readonly Deno.KvEntry<unknown>[] | undefined> {
    try {
      return (await this.#store.list("read the change log", selector, { purpose: "log", ...options })).rows;
    } catch (error) {
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }

  /** Returns nothing if the generation cannot be read: the next change writes another one. */
  async #generation(signal: AbortSignal): Promise<Change | undefined> {
    const { generation } = this.#options.keys;
    try {
      const read = () => this.#store.kv.get<Partial<GenerationRecord>>(generation);
      const { value, versionstamp } = await this.#store.call("read the generation", read, {
        purpose: "generation",
        signal,
      });
      return { versionstamp: versionstamp ?? "", nonce: value?.nonce };
    } catch (error) {
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }
}
