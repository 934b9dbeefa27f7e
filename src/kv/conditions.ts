/**
 * Reads what stands beside the entries of a table: which keys are paused, and which are not well.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { longerPause, type Pause, pauseAt, type PausedKey } from "../pause.ts";
import { liveTrouble, toldTrouble, type Trouble, type TroubledKey, type TroubleRecord } from "../table/trouble.ts";
import { toPause, toTrouble } from "./condition_records.ts";
import type { Keyspace, KvTableKey } from "./keyspace.ts";
import type { CallOptions, KvStore } from "./store.ts";
import { isUnreadable, type Position, readBatch } from "./unreadable.ts";

/** What stands beside an entry. */
export interface Condition {
  /** That of the key or of the whole table; `undefined` if neither is paused now. */
  readonly pause: Pause | undefined;
  /** What is wrong with this version. */
  readonly trouble: Trouble | undefined;
}

/** One for all: most entries have nothing beside them. */
const nothing: Condition = { pause: undefined, trouble: undefined };

/** An entry, which may be absent, and what stands beside it. */
export interface Look {
  readonly row: Deno.KvEntryMaybe<unknown>;
  readonly condition: Condition;
}

/** How many keys the database reads at once. */
const maxKeys = 10;

/** What {@linkcode Conditions} need. */
export interface ConditionsOptions {
  readonly keys: Keyspace;
  readonly clock: Clock;
  /** How many records are listed at once. */
  readonly batchSize: number;
}

/** A signal that ends a listing. */
interface Abortable {
  readonly signal?: AbortSignal;
}

/** Which keys that are not well to list. */
export interface TroublesOptions {
  /**
   * Whether those are listed too that were not well until a day ago.
   *
   * @default {false}
   */
  readonly ended?: boolean;
  /**
   * Whether each entry is looked at, which costs a read unit a key. Otherwise keys are listed too whose entries have been
   * replaced since, or deleted with `kv` directly.
   *
   * @default {true}
   */
  readonly checked?: boolean;
  /** Ends the listing. */
  readonly signal?: AbortSignal;
}

/** Reads pauses and troubles, of one key or of all. */
export class Conditions {
  readonly #store: KvStore;
  readonly #options: ConditionsOptions;

  constructor(store: KvStore, options: ConditionsOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Reads an entry and what stands beside it, in one call and at one moment. To be called within a call of the store. */
  async look(key: KvTableKey): Promise<Look> {
    const { keys } = this.#options, { kv } = this.#store;
    const beside = [keys.pause(key), keys.wholePause, keys.trouble(key)];
    try {
      return this.#toLook(await kv.getMany<unknown[]>([keys.entry(key), ...beside]));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
    }
    // The entry itself decides whether the look fails; a record beside it that cannot be read counts as none.
    const row = await kv.get(keys.entry(key));
    return this.#toLook([row, ...await Promise.all(beside.map((each) => kv.get(each).catch(readAsNone)))]);
  }

  /** Lists all that stands beside the entries. */
  async all(signal: AbortSignal): Promise<ConditionList> {
    const list = new ConditionList(this.#options.clock);
    const readPauses = async () => {
      for await (const rows of this.#pauseRows({ signal })) for (const row of rows) list.addPause(row.key, row.value);
    };
    const readTroubles = async () => {
      for await (const rows of this.#troubleRows({ signal })) {
        for (const row of rows) list.addTrouble(row.key, row.value);
      }
    };
    await Promise.all([readPauses(), readTroubles()]);
    return list;
  }

  /** Yields what is paused, the whole table first. */
  async *pauses(options: Abortable): AsyncGenerator<PausedKey<KvTableKey>, undefined> {
    for await (const rows of this.#pauseRows(options)) {
      for (const { key, value } of rows) {
        const pause = pauseAt(toPause(value), this.#options.clock.now());
        if (pause) yield key === undefined ? { pause } : { key, pause };
      }
    }
  }

  /** Yields what is wrong with each key, or was within the last day. */
  async *troubles({ checked = true, signal }: TroublesOptions): AsyncGenerator<TroubledKey<KvTableKey>, undefined> {
    const { clock } = this.#options;
    for await (const rows of this.#troubleRows({ signal })) {
      const versions = checked ? await this.#versionsOf(rows.map(({ key }) => key), { signal }) : undefined;
      for (const { key, value } of rows) {
        const record = toTrouble(value), version = versions ? versions.get(key) : record?.version;
        const trouble = toldTrouble(record, version, clock.now());
        if (trouble) yield { key, trouble };
      }
    }
  }

  /** Reads the versions of entries, which tell whether a trouble is of a version that is gone. */
  async #versionsOf(all: readonly KvTableKey[], { signal }: Abortable): Promise<Map<KvTableKey, string | null>> {
    const { keys } = this.#options, options: CallOptions = { purpose: "listing", signal };
    const versions = new Map<KvTableKey, string | null>();
    for (let index = 0; index < all.length; index += maxKeys) {
      const some = all.slice(index, index + maxKeys);
      const read = () => this.#store.kv.getMany<unknown[]>(some.map((key) => keys.entry(key)));
      const rows = await this.#store.call("read the entries of troubles", read, options).catch(noneIfUnreadable);
      some.forEach((key, index) => versions.set(key, rows[index]?.versionstamp ?? null));
    }
    return versions;
  }

  #toLook([row, own, whole, trouble]: readonly Deno.KvEntryMaybe<unknown>[]): Look {
    const now = this.#options.clock.now();
    const pause = longerPause(pauseAt(toPause(own.value), now), pauseAt(toPause(whole.value), now));
    return { row, condition: { pause, trouble: liveTrouble(toTrouble(trouble.value), row.versionstamp) } };
  }

  async *#pauseRows(options: Abortable): AsyncGenerator<{ key: KvTableKey | undefined; value: unknown }[], undefined> {
    const { keys } = this.#options;
    for await (const rows of this.#batches("list the pauses", keys.pauses, options)) {
      yield rows.map(({ key, value }) => ({ key: keys.keyBeside(key), value }));
    }
  }

  async *#troubleRows(options: Abortable): AsyncGenerator<{ key: KvTableKey; value: unknown }[], undefined> {
    const { keys } = this.#options;
    for await (const rows of this.#batches("list the troubles", keys.troubles, options)) {
      yield rows.flatMap(({ key: recordKey, value }) => {
        const key = keys.keyBeside(recordKey);
        return key === undefined ? [] : [{ key, value }];
      });
    }
  }

  async *#batches(
    operation: string,
    prefix: Deno.KvKey,
    { signal }: Abortable,
  ): AsyncGenerator<readonly Deno.KvEntry<unknown>[], undefined> {
    const options = { purpose: "listing", limit: this.#options.batchSize, signal } as const;
    let position: Position | undefined = { prefix, cursor: "" };
    while (position) {
      const { rows, next } = await readBatch(this.#store, operation, position, options);
      yield rows;
      position = next;
    }
  }
}

/** What stands beside all entries, as it was listed. */
export class ConditionList {
  readonly #clock: Clock;
  #wholePause: Pause | undefined = undefined;
  readonly #pauses: Map<KvTableKey, Pause> = new Map();
  readonly #troubles: Map<KvTableKey, TroubleRecord> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addPause(key: KvTableKey | undefined, record: unknown): void {
    const pause = toPause(record);
    if (pause && key !== undefined) this.#pauses.set(key, pause);
    else if (pause?.isWholeTable) this.#wholePause = pause;
  }

  addTrouble(key: KvTableKey, record: unknown): void {
    const trouble = toTrouble(record);
    if (trouble) this.#troubles.set(key, trouble);
  }

  /** Returns what stands beside a version of an entry. Every row of every pass is asked for. */
  of(key: KvTableKey, version: string): Condition {
    if (this.#isEmpty) return nothing;
    const now = this.#clock.now();
    const pause = longerPause(pauseAt(this.#pauses.get(key), now), pauseAt(this.#wholePause, now));
    return { pause, trouble: liveTrouble(this.#troubles.get(key), version) };
  }

  get #isEmpty(): boolean {
    return this.#pauses.size === 0 && this.#troubles.size === 0 && this.#wholePause === undefined;
  }
}

function readAsNone(error: unknown): { readonly value: null } & Deno.KvEntryMaybe<unknown> {
  if (isUnreadable(error)) return { key: [], value: null, versionstamp: null };
  throw error;
}

function noneIfUnreadable(error: unknown): Deno.KvEntryMaybe<unknown>[] {
  if (isUnreadable(error)) return [];
  throw error;
}
