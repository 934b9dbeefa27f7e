/**
 * The change log: which keys were set or deleted, in the order of their commits.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { generationKey, isTableKey, type KvTableKey, logKey, logTail, versionstampOf } from "./keys.ts";
import { advance, type LogPosition } from "./log_position.ts";
import type { KvStore } from "./store.ts";

/** More changes than this at once are not named: a look at everything is then cheaper. */
export const maxNamedChanges = 500;

/** The value of the generation: the version of the layout of all control records. */
const formatVersion = 1;

/** What a {@linkcode ChangeLog} needs beside the database. */
export interface ChangeLogOptions {
  /** Where the entries live. */
  readonly prefix: Deno.KvKey;
  /** What tells how long ago the log was read. */
  readonly clock: Clock;
  /** How long changes are kept at least, in ms. */
  readonly retentionMs: number;
}

/** What is new in the log. */
export interface LogChanges {
  /** Where to go on reading. */
  readonly position: LogPosition;
  /** The changed keys, oldest first; `undefined` when they cannot all be named. */
  readonly keys: readonly KvTableKey[] | undefined;
}

/**
 * The log of one table. A change is committed together with its entry, so nothing is ever inserted behind the position of
 * a reader; it expires some time later, and a reader that comes too late knows that it does.
 */
export class ChangeLog {
  readonly #store: KvStore;
  readonly #options: ChangeLogOptions;

  /**
   * @param store The database.
   * @param options Prefix, clock and retention.
   */
  constructor(store: KvStore, options: ChangeLogOptions) {
    this.#store = store;
    this.#options = options;
  }

  /**
   * Adds a change to the atomic operation that makes it.
   *
   * @param operation The operation.
   * @param key The key that it sets or deletes.
   * @returns The operation.
   */
  append(operation: Deno.AtomicOperation, key: KvTableKey): Deno.AtomicOperation {
    const { prefix, retentionMs } = this.#options;
    return operation
      .set(logKey(prefix, this.#store.kv.commitVersionstamp()), key, { expireIn: retentionMs })
      .set(generationKey(prefix), formatVersion);
  }

  /**
   * Finds the end of the log.
   *
   * @param signal Abandons the call.
   * @returns The position behind everything that is committed.
   */
  async end(signal: AbortSignal): Promise<LogPosition> {
    const readAt = this.#options.clock.now();
    return { versionstamp: await this.#generation(signal), readAt };
  }

  /**
   * Reads what is new.
   *
   * @param position Where the reading before ended.
   * @param signal Abandons the call.
   * @returns The changes and the new position.
   */
  async read(position: LogPosition, signal: AbortSignal): Promise<LogChanges> {
    const { prefix, clock, retentionMs } = this.#options;
    const at = clock.now();
    // First the generation, then the log: what is committed in between is found, and then found to be nothing new.
    const generation = await this.#generation(signal);
    if (generation === position.versionstamp) return { position: { versionstamp: generation, readAt: at }, keys: [] };
    const selector = logTail(prefix, position.versionstamp);
    // One more for the change at the position itself, and one more to see that there are more.
    const limit = maxNamedChanges + 2;
    const { rows } = await this.#store.list("read the change log", selector, { limit, signal });
    const keys: KvTableKey[] = [];
    let last = "";
    for (const row of rows) {
      const versionstamp = versionstampOf(prefix, row.key) ?? "";
      if (versionstamp <= position.versionstamp || !isTableKey(row.value)) continue;
      keys.push(row.value);
      last = versionstamp;
    }
    const reading = { at, generation, last, isCut: rows.length === limit };
    const next = advance(position, reading, retentionMs);
    return { position: next.position, keys: next.hasGap ? undefined : keys };
  }

  async #generation(signal: AbortSignal): Promise<string> {
    const key = generationKey(this.#options.prefix);
    const record = await this.#store.call("read the generation", () => this.#store.kv.get(key), signal);
    return record.versionstamp ?? "";
  }
}
