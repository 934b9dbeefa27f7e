import { assertEquals } from "@std/assert";
import type { Entry } from "@pact/supervisor";
import { type Bot, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor announces once what iterator.return() rejects with during the shutdown", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  const gate = Promise.withResolvers<IteratorResult<Entry<string, Bot>>>();
  const iterator = { next: () => gate.promise, return: () => Promise.reject(oops) };
  const table: AsyncIterable<Entry<string, Bot>> = { [Symbol.asyncIterator]: () => iterator };
  Object.assign(world.table, table);
  watch(world.supervisor.reconcile());
  await settle();
  await world.leave();
  gate.resolve({ done: true, value: undefined });
  await settle();
  assertEquals([world.run.fate, world.journal.tellings(oops)], ["resolved", 1]);
});

/** A world that is shutting down while a look at the table is under way, which then fails. */
async function failLookDuringShutdown(world: World): Promise<void> {
  const gate = Promise.withResolvers<void>();
  await world.begin();
  world.table.onLook = () => gate.promise;
  watch(world.supervisor.start("a"));
  await settle();
  await world.leave();
  gate.reject(oops);
  await settle();
}

Deno.test("Supervisor announces once what table.get() rejects with during the shutdown", async () => {
  await using world = new World({}, { announces: false });
  await failLookDuringShutdown(world);
  assertEquals([world.run.fate, world.journal.tellings(oops)], ["resolved", 1]);
  await world.time.pass(1_000);
});

Deno.test("Supervisor.run() leaves no timer behind when table.get() rejects during the shutdown", async () => {
  await using world = new World({}, { announces: false });
  await failLookDuringShutdown(world);
  assertEquals([world.run.fate, world.time.timers], ["resolved", 0]);
});
