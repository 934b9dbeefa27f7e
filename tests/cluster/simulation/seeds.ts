/**
 * Simulates many seeds, on all cores.
 *
 * @module
 */

/** The seeds of one thread. */
export interface Share {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  readonly steps: number;
}

/** What came of them. */
export interface ShareOutcome {
  histories: number;
  claimed: number;
  fenced: number;
  dead: number;
  written: number;
  abandoned: number;
  violations: string[];
}

const counted = ["histories", "claimed", "fenced", "dead", "written", "abandoned"] as const;

/** Nothing has come of any seed yet. */
export function noOutcome(): ShareOutcome {
  return { histories: 0, claimed: 0, fenced: 0, dead: 0, written: 0, abandoned: 0, violations: [] };
}

/** Adds what has come of some seeds. */
export function addCounts(total: ShareOutcome, more: Omit<ShareOutcome, "violations">): void {
  for (const name of counted) total[name] += more[name];
}

/** Simulates `count` seeds from `from` on, and adds up what came of them. */
export async function simulateSeeds(
  { from, count, steps }: { from: number; count: number; steps: number },
): Promise<ShareOutcome> {
  const threads = navigator.hardwareConcurrency;
  const shares = await Promise.all(Array.from({ length: threads }, (_, index) => {
    return simulateShare({ from: from + index, to: from + count, stride: threads, steps });
  }));
  const total = noOutcome();
  for (const share of shares) {
    addCounts(total, share);
    total.violations.push(...share.violations);
  }
  return total;
}

async function simulateShare(share: Share): Promise<ShareOutcome> {
  const worker = new Worker(new URL("./seeds_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<ShareOutcome>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(share);
    });
  } finally {
    worker.terminate();
  }
}
