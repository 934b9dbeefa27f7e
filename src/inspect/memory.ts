/**
 * What a table remembers of keys that are paused or not well, read as rarely as possible. The cost depends on how many those
 * are, not on how many entries there are.
 *
 * @module
 */

import type { TroublesOptions } from "../kv/mod.ts";
import type { Pause } from "../pause.ts";
import type { Trouble } from "../table/trouble.ts";
import type { InspectSettings } from "./options.ts";

/** A key, and what is remembered of it. */
export interface Row<K> {
  readonly key: K;
  readonly pause?: Pause;
  readonly trouble?: Trouble;
}

/** All keys that are paused or not well, and the pause of the whole table. */
interface Remembered<K> {
  readonly rows: ReadonlyMap<K, Row<K>>;
  readonly whole?: Pause;
}

/** How old what is told may be, in ms: several requests share one look. */
const maxAgeMs = 2_000;
/** How often it is looked at whether the entries are still those that were not well, which costs a read unit a key, in ms. */
const checkMs = 300_000;

/** Reads what is remembered. */
export class Memory<K> {
  readonly #settings: InspectSettings<K>;
  #readMs = -Infinity;
  #reading: Promise<Remembered<K>> | undefined = undefined;
  #checkedMs = -Infinity;
  /** Troubles of entries that were gone, or replaced, when that was looked at: when they had last changed, by key. */
  #obsolete: ReadonlyMap<K, number> = new Map();

  constructor(settings: InspectSettings<K>) {
    this.#settings = settings;
  }

  /** Tells what is remembered. */
  all(): Promise<Remembered<K>> {
    const nowMs = this.#settings.clock.monotonic();
    if (this.#reading && nowMs - this.#readMs < maxAgeMs) return this.#reading;
    this.#readMs = nowMs;
    this.#reading = this.#read(nowMs);
    this.#reading.catch(() => this.forget());
    return this.#reading;
  }

  /** Has it read again: it has been changed here. */
  forget(): void {
    this.#readMs = -Infinity;
  }

  async #read(nowMs: number): Promise<Remembered<K>> {
    const { table, signal } = this.#settings, rows = new Map<K, Row<K>>();
    const troubles = await this.#troubles({ checked: false });
    if (nowMs - this.#checkedMs >= checkMs) {
      const checked = await this.#troubles({ checked: true }),
        gone = [...troubles].filter(([key]) => !checked.has(key));
      this.#obsolete = new Map(gone.map(([key, { changedAt }]) => [key, changedAt]));
      this.#checkedMs = nowMs;
    }
    for (const [key, trouble] of troubles) {
      if (this.#obsolete.get(key) !== trouble.changedAt) rows.set(key, { key, trouble });
    }
    let whole: Pause | undefined;
    for await (const { key, pause } of table?.pauses?.({ signal }) ?? []) {
      if (key === undefined) whole = pause;
      else rows.set(key, { ...rows.get(key), key, pause });
    }
    if (whole) { for (const [key, row] of rows) rows.set(key, { pause: whole, ...row }); }
    return { rows, whole };
  }

  async #troubles(options: TroublesOptions): Promise<Map<K, Trouble>> {
    const { table, signal } = this.#settings, all = new Map<K, Trouble>();
    for await (const { key, trouble } of table?.troubles?.({ ...options, signal }) ?? []) all.set(key, trouble);
    return all;
  }
}
