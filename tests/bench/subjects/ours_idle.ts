/**
 * The library when nothing goes on: look-ups, passes with nothing to do; and how soon it sees a change then.
 *
 * @module
 */

import { MapTable, type Runnable, Supervisor } from "@pact/supervisor";
import { collectGarbage, shuffled, timeUs } from "./gauge.ts";
import { begin, Bot, makeTable } from "./ours.ts";
import type { Measures, Subject } from "./subject.ts";

const lookupPasses = 20;

async function lookups(size: number): Promise<Measures> {
  const table = makeTable(size);
  const { supervisor, end } = await begin(table);
  const keys = shuffled([...table.keys()]);
  let found = 0;
  await collectGarbage();
  const getUs = await timeUs(size * lookupPasses, () => {
    for (let pass = 0; pass < lookupPasses; pass++) {
      for (const key of keys) if (supervisor.get(key) !== undefined) found++;
    }
  });
  const keysUs = await timeUs(size * lookupPasses, () => {
    for (let pass = 0; pass < lookupPasses; pass++) found += supervisor.keys().length;
  });
  await end();
  if (found !== 2 * size * lookupPasses) throw new Error(`Cannot trust the look-ups: ${found} were found`);
  return { getUs, keysUs };
}

const iterations = 20;

/** Passes over a table whose processes all run, and, beside them, a loop over the same table with an empty body. */
async function reconcile(size: number): Promise<Measures> {
  const table = makeTable(size);
  const { supervisor, end } = await begin(table);
  await supervisor.reconcile();
  await collectGarbage();
  const passUs = await timeUs(size * iterations, async () => {
    for (let pass = 0; pass < iterations; pass++) await supervisor.reconcile();
  });
  await collectGarbage();
  let seen = 0;
  const tableUs = await timeUs(size * iterations, async () => {
    for (let pass = 0; pass < iterations; pass++) for await (const _entry of table) seen++;
  });
  await end();
  if (seen !== size * iterations) throw new Error(`Cannot trust the iteration: ${seen} were seen`);
  return { passUs, tableUs };
}

/** From the moment before an entry is set to the event that its process runs. */
async function latency(size: number): Promise<Measures> {
  const table = new MapTable<string, Runnable>();
  const supervisor = new Supervisor<string, Runnable>(table);
  const samples: number[] = [];
  let setAt = 0;
  let seen = () => {};
  supervisor.subscribe((event) => {
    if (event.type !== "running") return;
    samples.push(performance.now() - setAt);
    seen();
  });
  const { end } = await begin(table, { supervisor });
  for (let i = 0; i < size; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const running = new Promise<void>((resolve) => seen = resolve);
    setAt = performance.now();
    table.set(`key-${i}`, () => new Bot());
    await running;
  }
  await end();
  return { latencyMs: samples.sort((a, b) => a - b)[samples.length >> 1] };
}

/** The library at rest. */
export const subject: Subject = { lookups, reconcile, latency };
