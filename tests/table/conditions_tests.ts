/**
 * What pauses and troubles mean, whatever table keeps them.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import type { Clock } from "../../src/clock.ts";
import type { PausedKey, PauseOptions } from "../../src/pause.ts";
import type { Entry } from "../../src/table/table.ts";
import type { Trouble, TroubledKey } from "../../src/table/trouble.ts";
import { ManualClock } from "../kv/manual_clock.ts";
import { settle, UnhandledRejections } from "../supervisor/fixtures/mod.ts";

type Maybe<T> = T | Promise<T>;

/** What tables with pauses and troubles have in common. */
export interface ConditionedTable {
  get(key: string): Promise<Entry<string, unknown> | undefined>;
  set(key: string, value: unknown): unknown;
  delete(key: string): unknown;
  update(key: string, change: (value: unknown) => unknown): Maybe<boolean>;
  changes(options: { signal: AbortSignal }): AsyncIterable<string | undefined>;
  pause(key: string, options?: PauseOptions): Maybe<boolean>;
  resume(key: string): Maybe<boolean>;
  pauseAll(options?: PauseOptions): Maybe<boolean>;
  resumeAll(): Maybe<boolean>;
  pauses(): Iterable<PausedKey<string>> | AsyncIterable<PausedKey<string>>;
  restart(key: string): Maybe<boolean>;
  restartAll(options: { state: Trouble["state"] }): Maybe<number>;
  trouble(key: string): Maybe<Trouble | undefined>;
  troubles(options?: { ended?: boolean }): Iterable<TroubledKey<string>> | AsyncIterable<TroubledKey<string>>;
  report(entry: { key: string; version?: unknown }, trouble: Trouble | undefined): Maybe<void>;
}

/** Opens a table that is timed by a clock, and two values for it. */
export type Open = (
  clock: Clock,
) => Promise<{ table: ConditionedTable; one: unknown; two: unknown } & AsyncDisposable>;

export const parked: Trouble = {
  state: "parked",
  failures: 3,
  lastError: { name: "Error", message: "401", causes: ["TypeError: no token"], at: 7 },
  failingSinceAt: 5,
  changedAt: 8,
  cause: "limit",
};

const retrying: Trouble = {
  state: "retrying",
  failures: 1,
  failingSinceAt: 5,
  changedAt: 5,
  retryAt: 1_005,
  delayMs: 1_000,
};

const dayMs = 86_400_000;

async function all<T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items);
}

/** The keys that a step announces; "all" stands for "look at everything". */
async function announced({ table, one }: World, step: () => Maybe<unknown>): Promise<string[]> {
  const controller = new AbortController();
  const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  const heard: string[] = [];
  const first = changes.next();
  await all(table as unknown as AsyncIterable<unknown>); // it is followed from now on
  await step();
  await table.set("end of the step", one);
  for (let next = first;; next = changes.next()) {
    const { value, done } = await next;
    if (done || value === "end of the step") break;
    heard.push(value ?? "all");
    if (value === undefined) break;
  }
  controller.abort();
  await changes.return?.();
  return heard;
}

interface World {
  readonly table: ConditionedTable;
  readonly clock: ManualClock;
  readonly one: unknown;
  readonly two: unknown;
}

const facts: Record<string, (world: World) => Promise<void>> = {
  "a key is paused, and its entry says why": async ({ table, clock }) => {
    clock.advance(5);
    assertEquals(await table.pause("a", { reason: "invoice", by: "ops" }), true);
    assertEquals((await table.get("a"))?.pause, { at: 5, reason: "invoice", by: "ops" });
    assertEquals((await table.get("b"))?.pause, undefined);
    assertEquals(await all(table.pauses()), [{ key: "a", pause: { at: 5, reason: "invoice", by: "ops" } }]);
  },
  "an iteration tells what is paused": async ({ table }) => {
    await table.pause("b");
    const rows = await all(table as unknown as AsyncIterable<Entry<string, unknown>>);
    assertEquals(rows.map(({ key, pause }) => [key, pause]), [["a", undefined], ["b", { at: 0 }]]);
    await table.pauseAll();
    const again = await all(table as unknown as AsyncIterable<Entry<string, unknown>>);
    assertEquals(again.map(({ pause }) => pause?.isWholeTable), [true, undefined]);
  },
  "a second pause keeps the moment, and tells whether it says anything else": async ({ table, clock }) => {
    await table.pause("a", { reason: "one" });
    clock.advance(5);
    assertEquals(await table.pause("a", { reason: "one" }), false);
    assertEquals(await table.pause("a", { reason: "two" }), true);
    assertEquals((await table.get("a"))?.pause, { at: 0, reason: "two" });
  },
  "what is absent cannot be paused, nor resumed": async ({ table, one }) => {
    assertEquals([await table.pause("none"), await table.resume("none")], [false, false]);
    assertEquals(await all(table.pauses()), []);
    await table.set("none", one);
    assertEquals((await table.get("none"))?.pause, undefined);
  },
  "a resume tells whether the key was paused": async ({ table }) => {
    assertEquals(await table.resume("a"), false);
    await table.pause("a");
    assertEquals([await table.resume("a"), await table.resume("a")], [true, false]);
    assertEquals((await table.get("a"))?.pause, undefined);
  },
  "a pause is over at its moment, and the next one begins afresh": async ({ table, clock }) => {
    await table.pause("a", { untilAt: 10 });
    clock.advance(9);
    assertEquals((await table.get("a"))?.pause, { at: 0, untilAt: 10 });
    clock.advance(1);
    assertEquals((await table.get("a"))?.pause, undefined);
    assertEquals(await all(table.pauses()), []);
    assertEquals(await table.resume("a"), false);
    assertEquals(await table.pause("a"), true);
    assertEquals((await table.get("a"))?.pause, { at: 10 });
  },
  "a pause outlives a new value, and not the entry": async ({ table, two }) => {
    await table.pause("a");
    await table.set("a", two);
    assertEquals((await table.get("a"))?.pause, { at: 0 });
    await table.delete("a");
    await table.set("a", two);
    assertEquals((await table.get("a"))?.pause, undefined);
  },
  "the whole table is paused and resumed, and keys that are paused themselves stay so": async ({ table }) => {
    await table.pause("a", { by: "ops" });
    assertEquals([await table.pauseAll({ reason: "outage" }), await table.pauseAll({ reason: "outage" })], [
      true,
      false,
    ]);
    assertEquals((await table.get("a"))?.pause, { at: 0, by: "ops" });
    assertEquals((await table.get("b"))?.pause, { at: 0, reason: "outage", isWholeTable: true });
    assertEquals((await all(table.pauses())).map(({ key }) => key), [undefined, "a"]);
    assertEquals([await table.resume("b"), await table.resumeAll(), await table.resumeAll()], [false, true, false]);
    assertEquals([(await table.get("a"))?.pause?.by, (await table.get("b"))?.pause], ["ops", undefined]);
  },
  "of two pauses the one that lasts longer is told": async ({ table, clock }) => {
    await table.pause("a", { untilAt: 10 });
    await table.pauseAll({ untilAt: 20 });
    assertEquals((await table.get("a"))?.pause?.isWholeTable, true);
    await table.pause("a", { untilAt: 30 });
    assertEquals((await table.get("a"))?.pause?.isWholeTable, undefined);
    clock.advance(20);
    assertEquals((await table.get("b"))?.pause, undefined);
  },
  "pauses and resumes are announced": async (world) => {
    const { table } = world;
    assertEquals(await announced(world, () => table.pause("a")), ["a"]);
    assertEquals(await announced(world, () => table.pause("a")), []);
    assertEquals(await announced(world, () => table.resume("a")), ["a"]);
    assertEquals(await announced(world, () => table.pauseAll()), ["all"]);
    assertEquals(await announced(world, () => table.resumeAll()), ["all"]);
    assertEquals(await announced(world, () => table.restart("a")), ["a"]);
  },
  "a trouble is remembered, told, and not announced": async (world) => {
    const { table } = world;
    const entry = (await table.get("a"))!;
    assertEquals(await announced(world, () => table.report(entry, parked)), []);
    assertEquals((await table.get("a"))?.trouble, parked);
    assertEquals(await table.trouble("a"), parked);
    assertEquals(await table.trouble("b"), undefined);
    assertEquals(await all(table.troubles()), [{ key: "a", trouble: parked }]);
    const rows = await all(table as unknown as AsyncIterable<Entry<string, unknown>>);
    assertEquals(rows.map(({ key, trouble }) => [key, trouble]), [["a", parked], ["b", undefined], [
      "end of the step",
      undefined,
    ]]);
  },
  "a trouble that has ended is kept for a day": async ({ table, clock }) => {
    const entry = (await table.get("a"))!;
    await table.report(entry, parked);
    clock.advance(9);
    await table.report(entry, undefined);
    assertEquals((await table.get("a"))?.trouble, undefined);
    assertEquals(await table.trouble("a"), { ...parked, endedAt: 9 });
    assertEquals(await all(table.troubles()), []);
    assertEquals(await all(table.troubles({ ended: true })), [{ key: "a", trouble: { ...parked, endedAt: 9 } }]);
    clock.advance(5);
    await table.report(entry, undefined);
    assertEquals((await table.trouble("a"))?.endedAt, 9);
    clock.advance(dayMs - 5);
    assertEquals([await table.trouble("a"), await all(table.troubles({ ended: true }))], [undefined, []]);
  },
  "the end of what was never reported is nothing": async ({ table }) => {
    await table.report((await table.get("a"))!, undefined);
    assertEquals([await table.trouble("a"), await all(table.troubles({ ended: true }))], [undefined, []]);
  },
  "a new version begins without trouble, and a report about the old one is dropped": async ({ table, two }) => {
    const old = (await table.get("a"))!;
    await table.report(old, retrying);
    await table.set("a", two);
    assertEquals([(await table.get("a"))?.trouble, await table.trouble("a")], [undefined, undefined]);
    await table.report(old, parked);
    assertEquals([(await table.get("a"))?.trouble, await all(table.troubles())], [undefined, []]);
    await table.report((await table.get("a"))!, undefined);
    assertEquals(await table.trouble("a"), { ...retrying, endedAt: 0 });
  },
  "a deleted entry takes its trouble with it": async ({ table, one }) => {
    const old = (await table.get("a"))!;
    await table.report(old, parked);
    await table.delete("a");
    await table.report(old, parked);
    assertEquals([await table.trouble("a"), await all(table.troubles({ ended: true }))], [undefined, []]);
    await table.set("a", one);
    assertEquals((await table.get("a"))?.trouble, undefined);
  },
  "a pause may end in a part of a millisecond, or when time does": async ({ table }) => {
    for (const untilAt of [60_000.5, 8_640_000_000_000_000]) {
      assertEquals(await table.pause("a", { untilAt }), true);
      assertEquals((await table.get("a"))?.pause, { at: 0, untilAt });
    }
  },
  "a resume ends the trouble of its key, and a resume of the table none": async ({ table, clock }) => {
    await table.report((await table.get("a"))!, parked);
    await table.report((await table.get("b"))!, parked);
    await table.pause("a");
    await table.pauseAll();
    clock.advance(9);
    await table.resume("a");
    await table.resumeAll();
    assertEquals((await table.trouble("a"))?.endedAt, 9);
    assertEquals([(await table.get("a"))?.trouble, (await table.get("b"))?.trouble], [undefined, parked]);
  },
  "a restart gives a new version": async ({ table }) => {
    const { version } = (await table.get("a"))!;
    assertEquals([await table.restart("a"), await table.restart("none")], [true, false]);
    const entry = (await table.get("a"))!;
    assertEquals([Object.is(entry.version, version), await table.get("none")], [false, undefined]);
  },
  "all that are parked are restarted, and no others": async ({ table, clock }) => {
    const [a, b] = [(await table.get("a"))!, (await table.get("b"))!];
    await table.report(a, parked);
    await table.report(b, retrying);
    assertEquals(await table.restartAll({ state: "parked" }), 1);
    assertEquals((await table.get("b"))?.version, b.version);
    clock.advance(1);
    assertEquals(await table.restartAll({ state: "parked" }), 0);
  },
};

/** Options that are refused, and what the error says. */
const wrong: [options: unknown, kind: typeof TypeError | typeof RangeError, message: string][] = [
  [
    { untilAt: "soon" },
    TypeError,
    "untilAt must be a moment after now, which is 5, in epoch ms, current value is soon",
  ],
  [{ untilAt: 5 }, RangeError, "untilAt must be a moment after now, which is 5, in epoch ms, current value is 5"],
  [{ untilAt: NaN }, RangeError, "current value is NaN"],
  [{ untilAt: Infinity }, RangeError, "current value is Infinity"],
  [{ reason: 5 }, TypeError, "reason must be a string, current value is 5"],
  [{ by: {} }, TypeError, "by must be a string, current value is [object Object]"],
  [{ reason: "x".repeat(1_001) }, RangeError, "reason must have at most 1000 characters, current length is 1001"],
];

/** Registers a test for each fact. */
export function testConditions(name: string, open: Open): void {
  for (const [fact, hold] of Object.entries(facts)) {
    Deno.test(`${name}: ${fact}`, async () => {
      const clock = new ManualClock();
      await using opened = await open(clock);
      const { table, one, two } = opened;
      await table.set("a", one);
      await table.set("b", one);
      await hold({ table, clock, one, two });
    });
  }
  for (const [options, Kind, message] of wrong) {
    Deno.test(`${name}: a pause with ${Deno.inspect(options).slice(0, 40)} is refused`, async () => {
      const clock = new ManualClock();
      await using opened = await open(clock);
      const { table, one } = opened;
      await table.set("a", one);
      clock.advance(5);
      const pause = async () => await table.pause("a", options as PauseOptions);
      await assertRejects(pause, Kind, `Cannot pause entry "a": `);
      await assertRejects(pause, Kind, message);
      await assertRejects(async () => await table.pauseAll(options as PauseOptions), Kind, "Cannot pause the table: ");
      await assertRejects(async () => await table.pause("absent", options as PauseOptions), Kind, message);
      assertEquals(await all(table.pauses()), []);
    });
  }
  Deno.test(`${name}: every call about one key refuses what can be no key`, async () => {
    await using opened = await open(new ManualClock());
    const { table } = opened;
    for (const key of [{}, null, NaN, Symbol("a")] as unknown[] as string[]) {
      for (const call of ["pause", "resume", "restart", "trouble"] as const) {
        await assertRejects(async () => await table[call](key), TypeError, "as a key: a key is a string, a number");
      }
      await assertRejects(async () => await table.update(key, () => opened.one), TypeError, "as a key");
    }
  });
  Deno.test(`${name}: update() refuses a promise, and handles its rejection`, async () => {
    await using opened = await open(new ManualClock());
    const { table, one } = opened;
    await table.set("a", one);
    using unhandled = new UnhandledRejections();
    const update = async () => await table.update("a", () => Promise.reject(new Error("lost")) as never);
    await assertRejects(
      update,
      TypeError,
      'Cannot update entry "a": the change must not wait, current value is [object',
    );
    await settle();
    assertEquals(unhandled.reasons, []);
  });
  Deno.test(`${name}: restartAll() refuses what is no state of trouble`, async () => {
    await using opened = await open(new ManualClock());
    for (const state of [undefined, "running", 5]) {
      const restart = async () => await opened.table.restartAll({ state: state as "parked" });
      await assertRejects(restart, TypeError, `must be "retrying", "parked" or "stuck", current value is ${state}`);
    }
  });
}
