/** A function that does the work, in the place of one that builds a runnable: what the entry's error says. */

import { assertEquals } from "@std/assert";
import { KvTable } from "../../src/kv/mod.ts";
import { nop } from "../../src/process/compose.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { MapTable } from "../../src/table/map_table.ts";
import type { Table } from "../../src/table/table.ts";
import { describeError } from "../../src/error_data.ts";

/** As in a program whose types are not checked. */
type Build = () => Runnable | Promise<Runnable>;
const unchecked = (work: (signal: AbortSignal) => unknown): Build => work as Build;

/** Returns what the event about the entry says. */
async function entryError<K>(table: Table<K, Runnable>): Promise<string> {
  const failed = Promise.withResolvers<unknown>();
  const supervisor = new Supervisor(table);
  supervisor.subscribe((event) => {
    if (event.type === "entry-failed") failed.resolve(event.error);
  });
  await supervisor.run(() => failed.promise);
  return describeError(await failed.promise);
}

const wrapIt = "a runnable has a run method; if a function does the work, wrap it in leaf: leaf(async (signal) => …)";
const told = (value: string) => `TypeError: Cannot run what the entry gave: ${wrapIt}, current value is ${value}`;

const slips: Record<string, [work: (signal: AbortSignal) => unknown, error: string]> = {
  "is async and returns": [async () => {}, told("undefined")],
  "returns nothing": [() => {}, told("undefined")],
  "returns a function": [() => () => nop, told("[object Function]")],
  "is async and returns a promise in vain": [() => Promise.resolve().then(() => {}), told("undefined")],
  "is async and fails": [() => Promise.reject(new Error("no socket")), "Error: no socket"],
  "takes the key for a signal": [
    async (signal) => await signal.throwIfAborted(),
    "TypeError: signal.throwIfAborted is not a function",
  ],
};
for (const [name, [work, error]] of Object.entries(slips)) {
  Deno.test(`MapTable with a bare function that ${name}: the entry's error says so`, async () => {
    assertEquals(await entryError(new MapTable([["a", unchecked(work)]])), error);
  });
}

Deno.test("KvTable with a create that does the work: the entry's error says to wrap it in leaf", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: unchecked(async () => {}) });
  await table.set("a", null);
  assertEquals(await entryError(table), told("undefined"));
});

Deno.test("MapTable leaves no rejection of a bare function unhandled when its process was stopped meanwhile", async () => {
  const work = Promise.withResolvers<Runnable>();
  const table = new MapTable([["a", () => work.promise]]);
  const supervisor = new Supervisor(table, { initialWaitMs: 0, stopTimeoutMs: 1 });
  supervisor.subscribe(() => {});
  await supervisor.run(() => void table.delete("a"));
  work.reject(new Error("late"));
  await work.promise.catch(() => {});
});
