/**
 * A suite for tables of your own: one test for each promise of a table.
 *
 * @module
 */

import type { TableHarness } from "./table_harness.ts";
import { TableProbe } from "./table_probe.ts";
import { promises } from "./table_promises.ts";

/** The test of one promise. */
export interface TableCheck {
  /** The number of the promise and what it says. */
  readonly name: string;
  /**
   * Opens a table and tests the promise.
   *
   * @returns A promise that rejects if the table breaks its own.
   */
  check(): Promise<void>;
}

/** Options of {@linkcode testTable}. */
export interface TestTableOptions {
  /**
   * Registers one test.
   *
   * @default {Deno.test}
   */
  readonly test?: (definition: Deno.TestDefinition) => void;
}

/**
 * Makes one check for each numbered promise of a table, for any test runner.
 *
 * @param harness How to open the table.
 * @returns The checks, in the order of the promises.
 * @throws {TypeError} If the harness has fewer than three different keys.
 *
 * @example The checks one by one
 * ```ts
 * import { MapTable, type Runnable } from "@pact/supervisor";
 * import { tableChecks } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const checks = tableChecks({
 *   keys: ["a", "b", "c"],
 *   open(build) {
 *     const table: MapTable<string, Runnable> = new MapTable();
 *     return {
 *       table,
 *       set: (key, flavour) => table.set(key, () => build(key, flavour)),
 *       delete: (key) => table.delete(key),
 *     };
 *   },
 * });
 * for (const { check } of checks) await check();
 * assertEquals(checks.length, 8);
 * ```
 */
export function tableChecks<K>(harness: TableHarness<K>): TableCheck[] {
  const count = new Set(harness.keys).size;
  if (count < 3) throw new TypeError(`Cannot test a table: it takes three different keys, current value is ${count}`);
  return promises.map(({ name, hold }) => ({
    name,
    check: async () => {
      const probe = await TableProbe.open(harness);
      try {
        await hold(probe);
      } finally {
        await probe.close();
      }
    },
  }));
}

/**
 * Registers one test for each numbered promise of a table. What is optional (`options`, `pause`, `trouble`, `report`,
 * `absence`, `sweepMs`) is tested in them for tables that have it. A test fails if the table breaks its promise, or if it leaves
 * operations or resources behind when it is closed.
 *
 * @param name The name of the table, with which the names of the tests begin.
 * @param harness How to open the table.
 * @param options How to register a test.
 * @throws {TypeError} If the harness has fewer than three different keys.
 *
 * @example The names of the tests
 * ```ts
 * import { MapTable, type Runnable } from "@pact/supervisor";
 * import { testTable } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const names: string[] = [];
 * testTable("MapTable", {
 *   keys: [1, 2, 3],
 *   open(build) {
 *     const table: MapTable<number, Runnable> = new MapTable();
 *     return {
 *       table,
 *       set: (key, flavour) => table.set(key, () => build(key, flavour)),
 *       delete: (key) => table.delete(key),
 *     };
 *   },
 * }, { test: ({ name }) => names.push(name) }); // leave this out to register the tests with Deno
 * assertEquals(names[0], "MapTable 1: get() of an absent key is undefined");
 * ```
 */
export function testTable<K>(name: string, harness: TableHarness<K>, options: TestTableOptions = {}): void {
  const test = options.test ?? Deno.test;
  for (const { name: promise, check } of tableChecks(harness)) {
    test({ name: `${name} ${promise}`, fn: check, sanitizeOps: true, sanitizeResources: true });
  }
}
