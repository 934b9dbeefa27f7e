/**
 * How each numbered promise of a table is tested.
 *
 * @module
 */

import { maxTimerMs } from "../clock.ts";
import { describeKey, describeValue } from "../errors.ts";
import type { Table } from "../table/table.ts";
import type { Trouble } from "../table/trouble.ts";
import { broken, demand, type TableProbe } from "./table_probe.ts";

/** A numbered promise. */
export interface TablePromise {
  /** Its number and what it says. */
  readonly name: string;
  /** Rejects when the table breaks it. */
  readonly hold: <K>(probe: TableProbe<K>) => Promise<void>;
}

/** All promises, in their order. */
export const promises: readonly TablePromise[] = [
  { name: "1: get() of an absent key is undefined", hold: absent },
  { name: "2: iteration yields each key at most once and misses none", hold: iterated },
  { name: "3: an entry whose get() throws does not end the iteration", hold: isolated },
  { name: "4: return() ends the iterator and frees what it holds", hold: freed },
  { name: "5: version differs exactly when the value was replaced", hold: versioned },
  { name: "6: the table does not build runnables by itself", hold: lazy },
  { name: "7: changes() never loses the last change and ends on abort", hold: announced },
  { name: "8: an aborted signal rejects with its reason", hold: abortable },
];

async function absent<K>(probe: TableProbe<K>): Promise<void> {
  const [key, other] = probe.keys;
  demand(await probe.table.get(key) === undefined, "get() finds an entry in an empty table");
  await probe.set(other, "one");
  demand(await probe.table.get(key) === undefined, "get() finds an entry under another key");
  await probe.entry(other);
  await probe.delete(other);
  demand(await probe.table.get(other) === undefined, "get() finds an entry that was deleted");
  demand(
    probe.table.absence?.(other) === undefined,
    "absence() says of an entry that was deleted that it is elsewhere",
  );
}

async function iterated<K>(probe: TableProbe<K>): Promise<void> {
  requireKeys(await probe.list(), [], "an empty table");
  for (const key of probe.keys) await probe.set(key, "one");
  requireKeys(await probe.list(), probe.keys, "a full table");
  const seen: K[] = [];
  for await (const { key } of probe.table) {
    // Deleted and set again, a key moves to the end of a Map.
    if (seen.push(key) > 1) continue;
    await probe.delete(key);
    await probe.set(key, "two");
  }
  requireKeys(seen, probe.keys, "a table whose first key is set again meanwhile");
  await probe.delete(probe.keys[0]);
  requireKeys(await probe.list(), probe.keys.slice(1), "a table without its first key");
}

async function isolated<K>(probe: TableProbe<K>): Promise<void> {
  for (const key of probe.keys) await probe.set(key, key === probe.keys[1] ? broken : "one");
  const seen: K[] = [];
  const failed: K[] = [];
  for await (const entry of probe.table) {
    seen.push(entry.key);
    try {
      await entry.get();
    } catch {
      failed.push(entry.key);
    }
  }
  requireKeys(seen, probe.keys, "a table with one broken entry");
  requireKeys(failed, [probe.keys[1]], "a search for broken entries");
}

async function freed<K>(probe: TableProbe<K>): Promise<void> {
  for (const key of probe.keys) await probe.set(key, "one");
  for (const advance of [0, 1]) {
    const iterator = probe.table[Symbol.asyncIterator]();
    for (let i = 0; i < advance; i++) await iterator.next();
    if (!iterator.return) continue;
    const { done } = await probe.within(iterator.return(), "return()");
    demand(done === true, "return() is not the end");
    const after = await probe.within(iterator.next(), "next() after return()");
    demand(after.done === true, "next() yields an entry after return()");
  }
  for await (const _ of probe.table) break;
  requireKeys(await probe.list(), probe.keys, "a table after an iteration that was left early");
}

async function versioned<K>(probe: TableProbe<K>): Promise<void> {
  const [key, other] = probe.keys;
  await probe.set(key, "one");
  const { version } = await probe.entry(key);
  await probe.set(other, "one");
  demand(Object.is((await probe.entry(key)).version, version), "version differs though nothing was replaced");
  for await (const entry of probe.table) {
    const isSame = entry.key !== key || Object.is(entry.version, version);
    demand(isSame, "an iteration gives another version than get()");
  }
  await probe.set(key, "two");
  const replaced = await probe.entry(key);
  demand(!Object.is(replaced.version, version), "version is the same though the value was replaced");
  await replaced.get();
  demand(probe.built.at(-1) === `${describeKey(key)} two`, "the entry does not build from the value that replaced it");
  await remembered(probe, key);
  await paused(probe, key);
}

const trouble: Trouble = { state: "parked", failures: 3, failingSinceAt: 1, changedAt: 2, cause: "limit" };

/** What is reported stands for one version, and changes none. */
async function remembered<K>(probe: TableProbe<K>, key: K): Promise<void> {
  const { table } = probe;
  if (!table.report) return;
  const old = await probe.entry(key);
  await table.report(old, trouble);
  for (const entry of await probe.bothOf(key)) {
    demand(Object.is(entry.version, old.version), "report() changes the version");
    const { state, failures } = entry.trouble ?? {};
    const isSame = state === trouble.state && failures === trouble.failures;
    demand(isSame, "an entry does not tell of the trouble that was reported");
  }
  await table.report(old, undefined);
  const after = (await probe.entry(key)).trouble;
  demand(after === undefined || after.endedAt !== undefined, "an entry tells of a trouble that has ended");
  await table.report(old, trouble);
  await probe.set(key, "three");
  await table.report(old, trouble);
  for (const entry of await probe.bothOf(key)) {
    demand(entry.trouble === undefined, "an entry tells of the trouble that the version before had");
  }
}

/** A pause comes with the entry, changes no version, and goes with it. */
async function paused<K>(probe: TableProbe<K>, key: K): Promise<void> {
  if (!probe.hasPauses) return;
  const { version } = await probe.entry(key);
  await probe.pause(key);
  for (const entry of await probe.bothOf(key)) {
    demand(typeof entry.pause?.at === "number", "an entry does not tell that it is paused");
    demand(Object.is(entry.version, version), "a pause changes the version");
  }
  await probe.resume(key);
  for (const entry of await probe.bothOf(key)) {
    demand(entry.pause === undefined, "an entry tells of a pause that has ended");
    demand(Object.is(entry.version, version), "a resume changes the version");
  }
  await probe.pause(key);
  await probe.delete(key);
  await probe.set(key, "four");
  demand((await probe.entry(key)).pause === undefined, "a pause outlives its entry");
}

async function lazy<K>(probe: TableProbe<K>): Promise<void> {
  for (const key of probe.keys) await probe.set(key, "one");
  const entry = await probe.entry(probe.keys[0]);
  await probe.list();
  const options = await entry.options?.();
  const isObject = typeof options === "object" && options !== null;
  demand(options === undefined || isObject, `options() gives ${describeValue(options)} instead of an object`);
  demand(probe.built.length === 0, "a runnable is built though no process is about to start");
  await entry.get();
  demand(probe.built.includes(`${describeKey(probe.keys[0])} one`), "the entry's get() builds nothing");
}

async function announced<K>(probe: TableProbe<K>): Promise<void> {
  requireSweep(probe.table);
  if (!probe.table.changes) return;
  const [first, second, third] = probe.keys;
  const controller = new AbortController();
  const changes = probe.table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  const waiting = changes.next();
  const [seen] = await Promise.all([probe.list(), probe.set(first, "one")]);
  if (seen.includes(first)) await probe.set(first, "two");
  await hear(probe, changes, [first], waiting);
  await probe.set(second, "one");
  await probe.set(third, "one");
  await probe.delete(third);
  await hear(probe, changes, [second, third]);
  await probe.delete(first);
  await hear(probe, changes, [first]);
  for (const change of probe.hasPauses ? [() => probe.pause(second), () => probe.resume(second)] : []) {
    await change();
    await hear(probe, changes, [second]);
  }
  const last = end(probe, changes);
  controller.abort();
  await last;
  await end(probe, probe.table.changes({ signal: controller.signal })[Symbol.asyncIterator]());
}

/** A table may say how often it needs a pass only if it announces changes. */
function requireSweep<K>({ sweepMs, changes }: Table<K, unknown>): void {
  if (sweepMs === undefined) return;
  const isDelay = typeof sweepMs === "number" && sweepMs >= 1 && sweepMs <= maxTimerMs;
  demand(isDelay, `sweepMs is ${describeValue(sweepMs)} instead of a number from 1 to ${maxTimerMs}`);
  demand(changes !== undefined, "there is a sweepMs without changes()");
}

/** Reads until all of the keys have been announced. */
async function hear<K>(
  probe: TableProbe<K>,
  changes: AsyncIterator<K | undefined>,
  keys: readonly K[],
  waiting: Promise<IteratorResult<K | undefined>> = changes.next(),
): Promise<void> {
  const missing = new Set<K | undefined>(keys);
  for (let next = waiting; missing.size > 0; next = changes.next()) {
    const { done, value } = await probe.within(next, `the change of ${[...missing].map(describeKey).join(" and ")}`);
    demand(!done, "changes() ends by itself");
    if (value === undefined) return;
    missing.delete(value);
    if (missing.size === 0) return;
  }
}

/** Reads until the end. */
async function end<K>(probe: TableProbe<K>, changes: AsyncIterator<K | undefined>): Promise<void> {
  while (!(await probe.within(changes.next(), "the end of changes() on abort")).done);
}

async function abortable<K>(probe: TableProbe<K>): Promise<void> {
  const [key, other] = probe.keys;
  await probe.set(key, "one");
  const reason = new Error("enough");
  for (const one of [key, other]) {
    const result = await probe.table.get(one, { signal: AbortSignal.abort(reason) }).then(
      () => "resolves",
      (error) => error,
    );
    demand(result === reason, `get() does not reject with the reason of its signal, but ${String(result)}`);
  }
}

function requireKeys<K>(actual: readonly K[], expected: readonly K[], what: string): void {
  const isRight = actual.length === expected.length && expected.every((key) => actual.includes(key));
  const show = (keys: readonly K[]) => `[${keys.map(describeKey).join(", ")}]`;
  demand(isRight, `${what} gives ${show(actual)} instead of ${show(expected)}`);
}
