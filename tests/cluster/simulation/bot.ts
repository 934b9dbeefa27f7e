/**
 * A process that writes with its claim, and what all such processes together must never do.
 *
 * @module
 */

import type { RunCallback, Runnable, RunOptions } from "@pact/supervisor";
import { slotOf } from "@pact/supervisor/cluster";
import type { Claim } from "@pact/supervisor/kv";
import type { Machine } from "./machine.ts";

/** One life of a bot. */
export interface Life {
  readonly key: string;
  readonly slot: number;
  readonly instance: string;
  readonly claim: Claim;
  /** What the entry said that it was built from. */
  readonly spec: number;
  /** Aborts when it is to end at once. */
  readonly signal: AbortSignal;
  /** Whether it takes its time to end, aborted or not. */
  isSlow: boolean;
}

/** Where the lives are written down. */
export interface Registry {
  begin(life: Life): void;
  end(life: Life): void;
  /** The process that always fails was started. */
  tried(key: string, instance: string, claim: Claim): void;
}

/** How all bots behave. */
export interface Mood {
  /** How often a bot crashes, per write. */
  crashShare: number;
  /** How often one takes longer to stop than it is given, and does not mind being aborted. */
  slowShare: number;
  /** For how long then at most, in ms. */
  slowMs: number;
}

export interface BotOptions {
  readonly key: string;
  readonly spec: number;
  readonly slots: number;
  readonly instance: string;
  readonly claim: Claim;
  readonly kv: Deno.Kv;
  readonly machine: Machine;
  readonly random: () => number;
  readonly registry: Registry;
  readonly mood: Mood;
  /** How long one of its waits takes at most, in ms. */
  readonly paceMs: number;
}

/** The key whose process always fails, until it is parked. */
export const hopelessKey = "hopeless";

/** How often that is tried before it is parked. */
export const hopelessTries = 6;

/** Starts, writes now and then, may crash, and takes its time to stop. */
export class Bot implements Runnable {
  readonly #options: BotOptions;
  #sequence = 0;

  constructor(options: BotOptions) {
    this.#options = options;
  }

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    const { registry, key, spec, slots, instance, claim } = this.#options;
    if (key === hopelessKey) {
      registry.tried(key, instance, claim);
      throw new Error("hopeless");
    }
    const slot = slotOf(key, slots);
    const life: Life = { key, spec, slot, instance, claim, signal, isSlow: false };
    registry.begin(life);
    try {
      await this.#wait(signal);
      if (signal.aborted) return;
      const leaving = new AbortController();
      const working = this.#work(signal, leaving.signal);
      const called = Promise.resolve(running(signal)).then(() => leaving.abort());
      await Promise.race([called, working]);
      if (!leaving.signal.aborted) throw new Error("crashed");
      await this.#stop(life);
    } finally {
      registry.end(life);
    }
  }

  /** Writes until it is told to stop, or crashes. */
  async #work(signal: AbortSignal, leaving: AbortSignal): Promise<void> {
    const { random, kv, key, claim, mood } = this.#options;
    while (!signal.aborted && !leaving.aborted) {
      await this.#wait(signal, leaving);
      if (signal.aborted || leaving.aborted) return;
      const record = { key, session: sessionOf(claim), token: claim.token, sequence: ++this.#sequence };
      // Never awaited: a process may write and end before it knows what came of it.
      const write = kv.atomic().set(["out", key], record);
      const written = this.#sequence % 2 === 0 ? claim.commit(write) : write.check(claim.check).commit();
      written.catch(() => {});
      if (random() < mood.crashShare) return;
    }
  }

  async #stop(life: Life): Promise<void> {
    const { random, mood, machine, paceMs } = this.#options;
    if (random() < mood.slowShare) {
      life.isSlow = true;
      const untilMs = machine.monotonic() + random() * mood.slowMs;
      while (mood.slowShare > 0 && machine.monotonic() < untilMs) {
        await new Promise<void>((resolve) => void machine.timer(resolve, paceMs / 8));
      }
    } else if (random() < 0.5) await this.#wait(life.signal); // a graceful stop takes its time
  }

  #wait(...signals: AbortSignal[]): Promise<void> {
    const { machine, random, paceMs } = this.#options;
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        for (const signal of signals) signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = machine.timer(end, random() * paceMs);
      for (const signal of signals) signal.addEventListener("abort", end);
    });
  }
}

/** The session that has a claim: it stands in the key that is checked. */
export function sessionOf({ check }: Claim): string {
  return String(check.key.at(-1));
}
