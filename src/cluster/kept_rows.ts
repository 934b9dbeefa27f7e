/**
 * Rows of a table that were read before they are needed.
 *
 * ```text
 *   open ──▶ keep, keep, … ──▶ complete ──▶ take
 *     ╰───────────┴───────────────┴── the change log marks what is out of date; a gap in it voids everything
 * ```
 *
 * A row that is taken is as the table has it at some moment after it was asked for: the change log, which misses nothing, is
 * read from the end that it had before the rows were.
 *
 * @module
 */

import { turn } from "../clock.ts";
import type { ChangeLog } from "../kv/change_log.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import type { LogPosition } from "../kv/log_position.ts";

/** The rows of one slot; `undefined` for a key that has changed since, or that was added. */
type SlotRows<K, Row> = Map<K, Row | undefined>;

/** Rows that are being read. */
export interface Reading<K, Row> {
  /** Keeps a row, unless the log has named its key since the reading began, or nothing is kept of its slot. */
  keep(slot: number, key: K, row: Row): void;
  /** The table was read to its end: all rows of these slots are kept, unless they were voided meanwhile. */
  complete(slots: Iterable<number>): void;
}

/** Rows by slot, and how far the change log was read since. */
export class KeptRows<K extends KvTableKey, Row> {
  readonly #log: ChangeLog;
  readonly #slotOf: (key: KvTableKey) => number;
  readonly #signal: AbortSignal;
  #slots: Map<number, SlotRows<K, Row>> = new Map();
  /** Slots of which all rows are kept. */
  #whole: Set<number> = new Set();
  /** Everything before it has been marked; `undefined` while nothing is kept. */
  #position: LogPosition | undefined = undefined;
  /** The last reading of the log that has begun, and the one that has not. */
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | undefined = undefined;

  /** An abort of the signal abandons readings of the log. */
  constructor(log: ChangeLog, slotOf: (key: KvTableKey) => number, signal: AbortSignal) {
    this.#log = log;
    this.#slotOf = slotOf;
    this.#signal = signal;
  }

  /** Begins to keep the rows of slots, which are to be read from now on. */
  async open(slots: Iterable<number>): Promise<Reading<K, Row>> {
    const opened: Map<number, SlotRows<K, Row>> = new Map();
    for (const slot of slots) {
      opened.set(slot, new Map());
      this.#whole.delete(slot);
    }
    if (!this.#position) {
      const end = await this.#log.end(this.#signal);
      this.#position ??= end; // another reading may have begun meanwhile: what has changed since then is to be marked
    }
    for (const [slot, rows] of opened) this.#slots.set(slot, rows);
    return {
      keep: (slot, key, row) => {
        const rows = opened.get(slot);
        if (rows && !rows.has(key)) rows.set(key, row);
      },
      complete: (slots) => {
        for (const slot of slots) if (this.#slots.get(slot) === opened.get(slot)) this.#whole.add(slot);
      },
    };
  }

  /** Whether all rows of a slot are kept. */
  isWhole(slot: number): boolean {
    return this.#whole.has(slot);
  }

  /** Gives the keys of a slot away: after this, not all of its rows are kept any more. */
  keysOf(slot: number): Iterable<K> {
    this.#whole.delete(slot);
    return this.#slots.get(slot)?.keys() ?? [];
  }

  /** Whether there is a row of the key, which may be out of date. */
  has(key: K): boolean {
    return this.#slots.get(this.#slotOf(key))?.get(key) !== undefined;
  }

  /** Takes a row away that is up to date; `undefined` if it is not. */
  async take(key: K): Promise<Row | undefined> {
    await this.catchUp();
    const slot = this.#slotOf(key), rows = this.#slots.get(slot), row = rows?.get(key);
    if (row === undefined) return undefined; // the mark of one that has changed stays: an older row may still be on its way
    rows?.delete(key);
    this.#whole.delete(slot);
    return row;
  }

  /**
   * Marks what has changed up to now, in a reading of the log that begins after the call. All calls before it begins share it:
   * it waits for a turn of the event loop, as thousands of keys are asked for at the same time.
   *
   * @returns Whether everything is still kept that was.
   * @throws {unknown} What the log fails with.
   */
  catchUp(): Promise<boolean> {
    return this.#next ??= this.#current.then(turn).then(() => {
      this.#next = undefined;
      const reading = this.#catchUp();
      this.#current = reading.catch(() => {});
      return reading;
    });
  }

  /** Drops the rows of all slots but some. */
  retain(isRetained: (slot: number) => boolean): void {
    for (const slot of [...this.#slots.keys()].filter((slot) => !isRetained(slot))) {
      this.#slots.delete(slot);
      this.#whole.delete(slot);
    }
  }

  /** Drops everything. */
  clear(): void {
    this.#slots = new Map();
    this.#whole = new Set();
    this.#position = undefined;
  }

  async #catchUp(): Promise<boolean> {
    if (!this.#position) return false;
    const { position, keys } = await this.#log.read(this.#position, undefined, this.#signal);
    if (!this.#position) return false;
    if (!keys) {
      this.clear();
      return false;
    }
    this.#position = position;
    for (const key of keys) this.#slots.get(this.#slotOf(key))?.set(key as K, undefined);
    return true;
  }
}
