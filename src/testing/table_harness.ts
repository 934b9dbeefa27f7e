/**
 * What the suite for tables needs to know about a table.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { Table } from "../table/table.ts";

/** Builds the runnable of an entry, on behalf of the suite: it counts, and sometimes throws. */
export type TableBuild<K> = (key: K, flavour: string) => Runnable;

/** A table that was opened for one test, and how to change it. */
export interface TableHandle<K> {
  /** The table, empty at first. */
  readonly table: Table<K, Runnable>;
  /**
   * Adds an entry or replaces it, as the maintainer of the table would. The entry's `get()` must call the `build` that
   * `open` was given, with this key and flavour, and return its result.
   *
   * @param key The key of the entry.
   * @param flavour The value to store: another flavour is another value.
   */
  set(key: K, flavour: string): unknown;
  /**
   * Removes an entry.
   *
   * @param key The key of the entry.
   */
  delete(key: K): unknown;
  /**
   * Pauses an entry that is there, as an operator would. Left out for a table without pauses.
   *
   * @param key The key of the entry.
   */
  pause?(key: K): unknown;
  /**
   * Resumes it. Left out for a table without pauses.
   *
   * @param key The key of the entry.
   */
  resume?(key: K): unknown;
  /** Frees what `open` opened. */
  close?(): unknown;
}

/** What the suite needs to know about a table. */
export interface TableHarness<K> {
  /** At least three different keys that the table can hold. */
  readonly keys: readonly K[];
  /**
   * Opens a new, empty table for one test.
   *
   * @param build The function that an entry's `get()` must call.
   * @returns The table and how to change it.
   */
  open(build: TableBuild<K>): TableHandle<K> | Promise<TableHandle<K>>;
  /**
   * How long to wait for something that should happen.
   *
   * @default {10_000}
   */
  readonly timeoutMs?: number;
}
