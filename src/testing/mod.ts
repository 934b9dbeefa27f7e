/**
 * Tests for what you build yourself: a suite for tables, a Deno KV that misbehaves on demand, and fake time.
 *
 * @example All promises of a table
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
 *
 * @module
 */

export { advance, type SteppedTime } from "./advance.ts";
export { fakeTimeClock } from "./fake_time_clock.ts";
export { FaultyKv, type FaultyKvOptions, type KvOperation } from "./faulty_kv.ts";
export {
  denyAfterLanding,
  endWatch,
  failLocked,
  failWith,
  giveUp,
  hang,
  holdReply,
  holdUntil,
  type KvFault,
  loseReply,
  staleWatch,
} from "./kv_faults.ts";
export type { TableBuild, TableHandle, TableHarness } from "./table_harness.ts";
export { type TableCheck, tableChecks, testTable, type TestTableOptions } from "./table_suite.ts";
