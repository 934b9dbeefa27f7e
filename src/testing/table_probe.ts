/**
 * A table under test: opens it, changes it and counts what it builds.
 *
 * @module
 */

import { systemClock } from "../clock.ts";
import { describeKey } from "../errors.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Entry, Table } from "../table/table.ts";
import type { TableHandle, TableHarness } from "./table_harness.ts";

/** The flavour whose runnable cannot be built. */
export const broken = "broken";

/** A table under test and what it has built. */
export class TableProbe<K> {
  /** The keys to use. */
  readonly keys: readonly K[];
  /** What was built so far, as `key flavour`. */
  readonly built: string[] = [];
  readonly #timeoutMs: number;
  #handle!: TableHandle<K>;

  private constructor(harness: TableHarness<K>) {
    this.keys = [...new Set(harness.keys)];
    this.#timeoutMs = harness.timeoutMs ?? 10_000;
  }

  /** Opens a table. */
  static async open<K>(harness: TableHarness<K>): Promise<TableProbe<K>> {
    const probe = new TableProbe(harness);
    probe.#handle = await harness.open((key, flavour) => probe.#build(key, flavour));
    return probe;
  }

  /** The table. */
  get table(): Table<K, Runnable> {
    return this.#handle.table;
  }

  /** Adds an entry or replaces it. */
  async set(key: K, flavour: string): Promise<void> {
    await this.#handle.set(key, flavour);
  }

  /** Removes an entry. */
  async delete(key: K): Promise<void> {
    await this.#handle.delete(key);
  }

  /** Whether entries can be paused. */
  get hasPauses(): boolean {
    return this.#handle.pause !== undefined && this.#handle.resume !== undefined;
  }

  /** Pauses an entry. */
  async pause(key: K): Promise<void> {
    await this.#handle.pause?.(key);
  }

  /** Resumes an entry. */
  async resume(key: K): Promise<void> {
    await this.#handle.resume?.(key);
  }

  /** Looks an entry up that must be there, in both ways. */
  async bothOf(key: K): Promise<Entry<K, Runnable>[]> {
    const found = [await this.entry(key)];
    for await (const entry of this.table) if (entry.key === key) found.push(entry);
    return found;
  }

  /** Closes the table. */
  async close(): Promise<void> {
    await this.#handle.close?.();
  }

  /** Looks up an entry that must be there. */
  async entry(key: K): Promise<Entry<K, Runnable>> {
    const entry = await this.within(this.table.get(key), `get(${describeKey(key)})`);
    demand(entry !== undefined, `get(${describeKey(key)}) does not find the entry`);
    demand(entry.key === key, `get(${describeKey(key)}) finds the entry of ${describeKey(entry.key)}`);
    return entry;
  }

  /** Lists the keys that an iteration yields. */
  async list(): Promise<K[]> {
    const keys: K[] = [];
    for await (const { key } of this.table) keys.push(key);
    return keys;
  }

  /** Waits for a promise, but not for ever. */
  within<T>(promise: Promise<T>, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = new Error(`${what} takes longer than ${this.#timeoutMs} ms`);
      const timer = systemClock.timer(() => reject(late), this.#timeoutMs);
      promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  #build(key: K, flavour: string): Runnable {
    this.built.push(`${describeKey(key)} ${flavour}`);
    if (flavour === broken) throw new Error("this entry is broken on purpose");
    return { run: async (callback, { signal }) => void await callback(signal) };
  }
}

/** Fails the test unless a condition holds. */
export function demand(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Error(`The table breaks its promise: ${problem}`);
}
