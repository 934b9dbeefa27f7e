/**
 * The change log: which keys were set or deleted, in the order of their commits.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { isTableKey, type Keyspace, type KvRange, type KvTableKey } from "./keyspace.ts";
import { advance, type LogPosition, type Moment } from "./log_position.ts";
import type { KvStore } from "./store.ts";
import { isUnreadable } from "./unreadable.ts";

/** The most changes that are named at once: with more, a look at everything is cheaper. */
export const maxNamedChanges = 500;

/** The value of the generation: the version of the layout of all control records. */
const formatVersion = 1;

/** What a {@linkcode ChangeLog} needs besides the database. */
export interface ChangeLogOptions {
  /** Where the log lives. */
  readonly keys: Keyspace;
  /** Tells how long ago the log was read. */
  readonly clock: Clock;
  /** For how long changes are kept at least, in ms. */
  readonly retentionMs: number;
}

/** What is new in the log. */
export interface LogChanges {
  /** Where to continue. */
  readonly position: LogPosition;
  /** The changed keys, oldest first; `undefined` when they cannot all be named. */
  readonly keys: readonly KvTableKey[] | undefined;
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

  /** Adds the change of a key to the atomic operation that makes it. */
  append(operation: Deno.AtomicOperation, key: KvTableKey): Deno.AtomicOperation {
    const { keys, retentionMs } = this.#options;
    return operation
      .set(keys.log(this.#store.kv.commitVersionstamp()), key, { expireIn: retentionMs })
      .set(keys.generation, formatVersion);
  }

  /** Finds the end of the log: the position after everything that is committed. */
  async end(signal: AbortSignal): Promise<LogPosition> {
    const read = this.#now();
    return { versionstamp: await this.#generation(signal), read };
  }

  /**
   * Reads what is new since a position.
   *
   * @param told A generation after the position, if one is known: it needs not be read then.
   * @param signal Abandons the reading.
   * @returns What is new. If the position is behind the generation, the database was set back, and nothing can be named.
   */
  async read(position: LogPosition, told: string | undefined, signal: AbortSignal): Promise<LogChanges> {
    const begun = this.#now();
    // First the generation, then the log: what is committed in between is found now, and is nothing new next time.
    const generation = told ?? await this.#generation(signal);
    const reached = { versionstamp: generation, read: begun };
    if (generation === position.versionstamp) return { position: reached, keys: [] };
    if (generation < position.versionstamp) return { position: reached, keys: undefined };
    const { keys, retentionMs } = this.#options;
    // One more for the change at the position itself, and one more to see whether there are more.
    const limit = maxNamedChanges + 2;
    const rows = await this.#list(keys.logFrom(position.versionstamp), { limit, signal });
    if (!rows) return { position: reached, keys: undefined };
    const changed: KvTableKey[] = [];
    let last = "";
    for (const row of rows) {
      const versionstamp = keys.versionstampOf(row.key) ?? "";
      if (versionstamp <= position.versionstamp || !isTableKey(row.value)) continue;
      changed.push(row.value);
      last = versionstamp;
    }
    const next = advance(position, { begun, generation, last, isCut: rows.length === limit }, retentionMs);
    return { position: next.position, keys: next.hasGap ? undefined : changed };
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

  /** A generation that cannot be read counts as none: the next change writes another one. */
  async #generation(signal: AbortSignal): Promise<string> {
    const { generation } = this.#options.keys;
    try {
      const read = () => this.#store.kv.get(generation);
      const record = await this.#store.call("read the generation", read, { purpose: "generation", signal });
      return record.versionstamp ?? "";
    } catch (error) {
      if (isUnreadable(error)) return "";
      throw error;
    }
  }
}
