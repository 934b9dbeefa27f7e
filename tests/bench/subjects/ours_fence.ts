/**
 * The library under leases that are lost: one slot after the other, and all at once, as when an instance is fenced.
 *
 * @module
 */

import { type Entry, leaf, type Lease, type Runnable, Supervisor, type Table } from "@pact/supervisor";
import { collectGarbage, longestGapMs, makeKeys } from "./gauge.ts";
import { Bot } from "./ours.ts";
import type { Measures, Section, Subject } from "./subject.ts";

/** How many processes a slot has: few enough to be aborted within one turn of the event loop. */
const slotSize = 200;

const lost = new Error("The lease is lost");

/** Entries in slots: those of a slot share the signal of their leases, and are absent once it is lost. */
class SlotTable implements Table<string, Runnable> {
  readonly slots: readonly AbortController[];
  readonly #entries: ReadonlyMap<string, Entry<string, Runnable>>;

  constructor(size: number, make: () => Runnable) {
    this.slots = Array.from({ length: Math.ceil(size / slotSize) }, () => new AbortController());
    const leases: Lease[] = this.slots.map(({ signal }) => ({ signal, release: () => {} }));
    const entryOf = (key: string, n: number) => ({ key, get: make, lease: () => leases[Math.floor(n / slotSize)] });
    this.#entries = new Map(makeKeys(size).map((key, n) => [key, entryOf(key, n)] as const));
  }

  get(key: string): Promise<Entry<string, Runnable> | undefined> {
    const entry = this.#entries.get(key);
    return Promise.resolve(entry?.lease?.()?.signal.aborted ? undefined : entry);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Entry<string, Runnable>> {
    yield* this.#entries.values();
  }
}

/** Waits for so many exits from now on. */
type Exits = (count: number) => Promise<void>;

/** Calls back when a supervisor has everything of the table up. */
async function whileUp(table: SlotTable, size: number, action: (exits: Exits) => Promise<void>): Promise<void> {
  const supervisor = new Supervisor(table, { initialWaitMs: 300_000 });
  let ended = 0, wanted = 0, told = () => {};
  supervisor.subscribe((event) => {
    if (event.type === "exited" && ++ended === wanted) told();
  });
  const exits: Exits = (count) => {
    [ended, wanted] = [0, count];
    return new Promise((resolve) => told = resolve);
  };
  await supervisor.run(async () => {
    if (supervisor.keys().length < size) throw new Error("Cannot measure the fence: not everything is up");
    await collectGarbage();
    await action(exits);
  });
}

function losing(make: () => Runnable): Section {
  return async (size) => {
    const measures: Record<string, number> = { abortUs: 0 };
    const slotted = new SlotTable(size, make);
    await whileUp(slotted, size, async (exits) => {
      for (const [slot, controller] of slotted.slots.entries()) {
        const allEnded = exits(Math.min(slotSize, size - slot * slotSize));
        const beganMs = performance.now();
        controller.abort(lost);
        measures.abortUs += (performance.now() - beganMs) / size * 1_000;
        await allEnded;
      }
    });
    const fenced = new SlotTable(size, make);
    await whileUp(fenced, size, async (exits) => {
      const allEnded = exits(size);
      measures.gapMs = await longestGapMs(async () => {
        for (const controller of fenced.slots) controller.abort(lost);
        await allEnded;
      });
    });
    return measures satisfies Measures;
  };
}

const untilAborted = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));

/** The library: leases that are lost. */
export const subject: Subject = { plain: losing(() => new Bot()), leaf: losing(() => leaf(untilAborted)) };
