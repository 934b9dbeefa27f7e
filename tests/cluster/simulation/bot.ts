/**
 * A process that writes with its claim, and what all such processes together must never do.
 *
 * @module
 */

import type { EntryOptions, RunCallback, Runnable, RunOptions } from "@pact/supervisor";
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
  /** Whether its supervisor has let go of it. */
  isAbandoned: boolean;
}

/** Where the lives are written down. */
export interface Registry {
  begin(life: Life): void;
  end(life: Life): void;
  /** An operation goes to the database that was to be committed with the claim of a life. */
  sent(life: Life): void;
  /** Such a commit has failed. */
  rejected(life: Life, error: unknown): void;
  /** The life of a key in an instance was abandoned. */
  abandoned(key: string, instance: string): void;
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
  /** Whether one that is slow goes on writing meanwhile, and is abandoned. */
  readonly isStubborn: boolean;
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

/** What applies to a key alone: where bots are stubborn, half of them are abandoned at once, and the others by hand. */
export function optionsOf(key: string, { isStubborn }: Mood): EntryOptions {
  if (key === hopelessKey) return { restart: { limit: hopelessTries } };
  return isStubborn && /[13579]$/.test(key) ? { onStuck: "abandon" } : {};
}

/** Starts, writes now and then, may crash, and takes its time to stop. */
export class Bot implements Runnable {
  readonly #options: BotOptions;
  #sequence = 0;

  constructor(options: BotOptions) {
    this.#options = options;
  }

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    const { registry, key, spec, slots, instance, claim, mood } = this.#options;
    if (key === hopelessKey) {
      registry.tried(key, instance, claim);
      throw new Error("hopeless");
    }
    const slot = slotOf(key, slots);
    const life: Life = { key, spec, slot, instance, claim, signal, isSlow: false, isAbandoned: false };
    registry.begin(life);
    try {
      await this.#wait(signal);
      if (signal.aborted) return;
      const leaving = new AbortController();
      const working = this.#work(life, leaving.signal);
      const called = Promise.resolve(running(signal)).then(() => leaving.abort());
      await Promise.race([called, working]);
      const isAsked = leaving.signal.aborted || (mood.isStubborn && signal.aborted);
      if (!isAsked) throw new Error("crashed");
      await this.#stop(life);
    } finally {
      registry.end(life);
    }
  }

  /** Writes until it is told to stop, or crashes. */
  async #work(life: Life, leaving: AbortSignal): Promise<void> {
    const { signal } = life, { random, mood } = this.#options;
    while (!signal.aborted && !leaving.aborted) {
      await this.#wait(signal, leaving);
      if (signal.aborted || leaving.aborted) return;
      this.#write(life);
      if (random() < mood.crashShare) return;
    }
  }

  /** Writes, and does not wait for it: a process may end before it knows what came of that. */
  #write(life: Life): void {
    const { kv, key, claim, registry } = this.#options;
    const record = { key, session: sessionOf(claim), token: claim.token, sequence: ++this.#sequence };
    const write = kv.atomic().set(["out", key], record);
    // A bare check does not know that its process was abandoned.
    if (!life.isSlow && this.#sequence % 2 === 1) return void write.check(claim.check).commit().catch(() => {});
    const { commit } = write;
    write.commit = () => {
      registry.sent(life);
      return commit.call(write);
    };
    claim.commit(write).catch((error) => registry.rejected(life, error));
  }

  async #stop(life: Life): Promise<void> {
    const { random, mood, machine, paceMs } = this.#options;
    if (random() < mood.slowShare) {
      life.isSlow = true;
      const untilMs = machine.monotonic() + random() * mood.slowMs;
      while (mood.slowShare > 0 && machine.monotonic() < untilMs) {
        await new Promise<void>((resolve) => void machine.timer(resolve, paceMs / 8));
        if (mood.isStubborn) this.#write(life);
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
