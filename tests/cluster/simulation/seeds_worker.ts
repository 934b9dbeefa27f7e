/**
 * Simulates a share of the seeds in a thread of its own.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { library } from "./library.ts";
import { simulate } from "./simulate.ts";
import { addCounts, noOutcome, type Share } from "./seeds.ts";

self.onmessage = async ({ data: { from, to, stride, steps } }: MessageEvent<Share>) => {
  const outcome = noOutcome();
  for (let seed = from; seed < to; seed += stride) {
    try {
      addCounts(outcome, { histories: 1, ...await simulate({ library, seed, steps }) });
    } catch (error) {
      outcome.violations.push(error instanceof Error ? error.message : String(error));
      if (outcome.violations.length === 3) break;
    }
  }
  self.postMessage(outcome);
};
