/**
 * The change log: which keys were set or deleted, in the order of their commits.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { isTableKey, type Keyspace, type KvRange, type KvTableKey } from "./keyspace.ts";
import { advance, type LogPosition } from "./log_position.ts";
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
    const readAt = this.#options.clock.now();
    return { versionstamp: await this.#generation(signal), readAt };
  }

  /** Reads what is new since a position. */
  async read(position: LogPosition, signal: AbortSignal): Promise<LogChanges> {
    const { keys, clock, retentionMs } = this.#options;
    const at = clock.now();
    // First the generation, then the log: what is committed in between is found now, and is nothing new next time.
    const generation = await this.#generation(signal);
    if (generation === position.versionstamp) return { position: { versionstamp: generation, readAt: at }, keys: [] };
    const selector = keys.logFrom(position.versionstamp);
    // One more for the change at the position itself, and one more to see whether there are more.
    const limit = maxNamedChanges + 2;
    const rows = await this.#list(selector, { limit, signal });
    if (!rows) return { position: { versionstamp: generation, readAt: at }, keys: undefined };
    const changed: KvTableKey[] = [];
    let last = "";
    for (const row of rows) {
      const versionstamp = keys.versionstampOf(row.key) ?? "";
      if (versionstamp <= position.versionstamp || !isTableKey(row.value)) continue;
      changed.push(row.value);
      last = versionstamp;
    }
    const reading = { at, generation, last, isCut: rows.length === limit };
    const next = advance(position, reading, retentionMs);
    return { position: next.position, keys: next.hasGap ? undefined : changed };
  }

  /** Returns nothing if one of the changes cannot be read. */
  async #list(
    selector: KvRange,
    options: { limit: number; signal: AbortSignal },
  ): Promise<readonly Deno.KvEntry<unknown>[] | undefined> {
    try {
      return (await this.#store.list("read the change log", selector, options)).rows;
    } catch (error) {
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }

  /** A generation that cannot be read counts as none: the next change writes another one. */
  async #generation(signal: AbortSignal): Promise<string> {
    const { generation } = this.#options.keys;
    try {
      const record = await this.#store.call("read the generation", () => this.#store.kv.get(generation), signal);
      return record.versionstamp ?? "";
    } catch (error) {
      if (isUnreadable(error)) return "";
      throw error;
    }
  }
}
