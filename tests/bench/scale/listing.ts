/**
 * One instance with a big table on a file, in real time: how long it takes, and how long the event loop stands still meanwhile.
 *
 * @module
 */

import { CostInstance, fill } from "../cost/instance.ts";
import { longestGapMs } from "../subjects/gauge.ts";
import type { ListingFigures } from "./measures.ts";

/** How many passes there are; the best counts, since other programs disturb the others. */
const rounds = 5;

/** Measures a start with all processes, and then a pass while all of them run. */
export async function measureListing(entries: number): Promise<ListingFigures> {
  const folder = await Deno.makeTempDir({ prefix: "scale_" });
  try {
    using kv = await Deno.openKv(`${folder}/kv`);
    await fill(kv, entries);
    const instance = new CostInstance({ kv, isClustered: false, isRemote: false, pace: {} });
    const { supervisor } = instance;
    const stopping = Promise.withResolvers<void>();
    const run = supervisor.run(() => stopping.promise);
    const [restoreMs, restoreGapMs] = await timed(async () => {
      while (instance.lives < entries) await new Promise((resolve) => setTimeout(resolve, 1));
    });
    const passes: [tookMs: number, gapMs: number][] = [];
    for (let i = 0; i < rounds; i++) passes.push(await timed(() => supervisor.reconcile()));
    const [passMs, passGapMs] = [0, 1].map((index) => Math.min(...passes.map((pass) => pass[index])));
    stopping.resolve();
    await run;
    return { entries, restoreMs, restoreGapMs, passMs, passGapMs };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function timed(action: () => Promise<unknown>): Promise<[tookMs: number, gapMs: number]> {
  const beganAt = performance.now();
  const gapMs = await longestGapMs(action);
  return [performance.now() - beganAt, gapMs];
}
