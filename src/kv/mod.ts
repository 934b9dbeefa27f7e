/**
 * A table in Deno KV, which several instances of a program share. An operator pauses, resumes and restarts keys with it from
 * any program that can reach the database, and is told which ones are not well, and why.
 *
 * @example A supervisor whose table is in a database
 * ```ts
 * import { nop, Supervisor } from "@pact/supervisor";
 * import { KvTable } from "@pact/supervisor/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: { url: string }, _key: string) => nop });
 * await table.set("acme", { url: "https://acme.example" });
 *
 * const supervisor = new Supervisor(table);
 * await supervisor.run(() => assertEquals(supervisor.keys(), ["acme"]));
 * ```
 *
 * @example An operator's program, which runs nothing itself
 * ```ts
 * import { nop } from "@pact/supervisor";
 * import { KvTable } from "@pact/supervisor/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:"); // the database of the instances
 * const table = new KvTable(kv, { prefix: ["bots"], create: () => nop }); // their prefix; `create` is never called
 * await table.pause("acme", { reason: "invoice 7 is open", by: "ann" });
 * for await (const { key, trouble } of table.troubles()) console.log(key, trouble.state, trouble.lastError?.message);
 * assertEquals(await table.restartAll({ state: "parked" }), 0);
 * ```
 *
 * @module
 */

export type { TroublesOptions } from "./conditions.ts";
export type { Claim, KvTableContext, ReportContext } from "./context.ts";
export { DatabaseReplacedError } from "./history.ts";
export type { KvTableKey } from "./keyspace.ts";
export type { KvEntry } from "./kv_entry.ts";
export { KvTable } from "./kv_table.ts";
export type { KvTableOptions } from "./options.ts";
export { InvalidSpecError, type SpecIssue, type SpecResult, type SpecSchema } from "./schema.ts";
export type { Page, PageOptions } from "./page.ts";
export type { KvCall } from "./store.ts";
export type { Purpose as KvPurpose } from "./gates.ts";
export type { WatchSees } from "./watch_sees.ts";
export { KvClosedError, KvTimeoutError, KvUnavailableError } from "./errors.ts";
