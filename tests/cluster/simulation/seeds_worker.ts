/**
 * Simulates a share of the seeds in a thread of its own.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { library } from "./library.ts";
import { simulate } from "./simulate.ts";
import type { Share, ShareOutcome } from "./seeds.ts";

self.onmessage = async ({ data: { from, to, stride, steps } }: MessageEvent<Share>) => {
  const outcome: ShareOutcome = {
    histories: 0,
    claimed: 0,
    fenced: 0,
    dead: 0,
    written: 0,
    abandoned: 0,
    violations: [],
  };
  for (let seed = from; seed < to; seed += stride) {
    try {
      const { claimed, fenced, dead, written, abandoned } = await simulate({ library, seed, steps });
      outcome.histories++;
      outcome.claimed += claimed;
      outcome.fenced += fenced;
      outcome.dead += dead;
      outcome.written += written;
      outcome.abandoned += abandoned;
    } catch (error) {
      outcome.violations.push(error instanceof Error ? error.message : String(error));
      if (outcome.violations.length === 3) break;
    }
  }
  self.postMessage(outcome);
};
