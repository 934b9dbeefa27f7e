import type { RunCallback, Runnable } from "@pact/supervisor";
import { Life } from "../../src/process/life.ts";
import { settle } from "../supervisor/fixtures/mod.ts";

/** A life whose run a test writes, and what its owner was told. */
export function lifeOf(run: (running: RunCallback, signal: AbortSignal) => unknown) {
  const told: string[] = [];
  const runnable: Runnable = { run: (running, { signal }) => run(running, signal) as Promise<void> };
  const life: Life<Runnable> = new Life(runnable, {
    lifeIsUp: () => told.push(`up ${life.state}`),
    lifeIsLeaving: () => {},
    lifeEnded: () => told.push(`${life.outcome} ${life.state}${life.error === undefined ? "" : ` ${life.error}`}`),
  });
  return { life, told };
}

/** Begins a life and lets happen what needs no time. */
export async function begin(life: Life<Runnable>): Promise<void> {
  life.begin();
  await settle();
}
