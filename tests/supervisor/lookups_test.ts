import { assertEquals } from "@std/assert";
import type { Entry } from "@pact/supervisor";
import { Lookups } from "../../src/supervisor/lookups.ts";
import { type Bot, settle, TestTable, watch } from "./fixtures/mod.ts";

const oops = new Error("oops");

/** Looks into a table whose answers a test holds back. */
function lookupsOf(keys: string[]) {
  const table = new TestTable();
  for (const key of keys) table.set(key);
  const controller = new AbortController();
  const told: string[] = [];
  const handler = {
    looked: (key: string, entry: Entry<string, Bot> | undefined) => void told.push(`${key} ${entry?.version}`),
    lookFailed: (key: string, error: unknown) => void told.push(`${key} ${error}`),
  };
  return { table, told, controller, lookups: new Lookups(table, handler, controller.signal) };
}

Deno.test("Lookups.look() tells what the table answers", async () => {
  const { told, lookups } = lookupsOf(["a"]);
  await lookups.look("a");
  await lookups.look("b");
  assertEquals(told, ["a 1", "b undefined"]);
});

Deno.test("Lookups.look() tells that the table failed", async () => {
  const { table, told, lookups } = lookupsOf(["a"]);
  table.onLook = () => Promise.reject(oops);
  await lookups.look("a");
  assertEquals(told, ["a Error: oops"]);
});

Deno.test("Lookups.look() looks once more, and only once, when asked during a look", async () => {
  const { table, told, lookups } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  const look = watch(lookups.look("a"));
  await settle();
  for (let i = 0; i < 5; i++) lookups.look("a");
  table.set("a");
  gate.resolve();
  await settle();
  assertEquals([told, table.looks, look.fate], [["a 1", "a 2"], ["a", "a"], "resolved"]);
});

Deno.test("Lookups.look() looks at different keys at the same time", async () => {
  const { table, lookups } = lookupsOf(["a", "b"]);
  table.onAnswer = () => new Promise(() => {});
  lookups.look("a");
  lookups.look("b");
  await settle();
  assertEquals(table.looks, ["a", "b"]);
});

Deno.test("Lookups tells nobody after its signal has aborted", async () => {
  const { table, told, controller, lookups } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = (key) => key === "a" ? gate.promise : gate.promise.then(() => Promise.reject(oops));
  lookups.look("a");
  lookups.look("b");
  await settle();
  controller.abort();
  gate.resolve();
  await settle();
  assertEquals(told, []);
});

Deno.test("Lookups hands its signal to the table", async () => {
  const { table, controller, lookups } = lookupsOf([]);
  let given: AbortSignal | undefined;
  table.get = (_key: string, options?: { signal?: AbortSignal }) => {
    given = options?.signal;
    return Promise.resolve(undefined);
  };
  await lookups.look("a");
  assertEquals(given === controller.signal, true);
});

Deno.test("Lookups.hasLookedAt() knows what was looked at since the pass began, and what was under way then", async () => {
  const { table, lookups } = lookupsOf(["a", "b", "c"]);
  await lookups.look("a");
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  const look = lookups.look("b");
  lookups.beginPass();
  gate.resolve();
  await look;
  await lookups.look("c");
  assertEquals(["a", "b", "c"].map((key) => lookups.hasLookedAt(key)), [false, true, true]);
  lookups.endPass();
  assertEquals(lookups.hasLookedAt("c"), false);
});

Deno.test("Lookups.disregard() drops the answer to a look under way, not to a later one", async () => {
  const { table, told, lookups } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  lookups.look("a");
  await settle();
  lookups.disregard("a");
  gate.resolve();
  await settle();
  assertEquals(told, []);
  await lookups.look("a");
  assertEquals(told, ["a 1"]);
});

Deno.test("Lookups.disregard() does not stand against a look that is asked for after it", async () => {
  const { table, told, lookups } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  lookups.look("a");
  await settle();
  lookups.disregard("a");
  lookups.look("a");
  gate.resolve();
  await settle();
  assertEquals(told.at(-1), "a 1");
});

Deno.test("Lookups.idle() resolves when the last look has ended", async () => {
  const { table, lookups } = lookupsOf(["a", "b"]);
  await lookups.idle();
  const gates = { a: Promise.withResolvers<void>(), b: Promise.withResolvers<void>() };
  table.onAnswer = (key) => gates[key as "a" | "b"].promise;
  lookups.look("a");
  lookups.look("b");
  const idle = watch(lookups.idle());
  gates.a.resolve();
  await settle();
  assertEquals(idle.fate, "pending");
  gates.b.resolve();
  await settle();
  assertEquals(idle.fate, "resolved");
});
