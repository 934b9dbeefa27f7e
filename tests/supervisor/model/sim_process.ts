import {
  type EntryOptions,
  RetryAfterError,
  type RunCallback,
  type Runnable,
  type RunOptions,
  UnrecoverableError,
} from "@pact/supervisor";
import type { SimClock } from "./sim_clock.ts";

/** How the processes of an entry behave. */
export const behaviours = [
  "ok",
  "ok",
  "ok",
  "slow start",
  "hang at start",
  "fail at start",
  "return early",
  "slow stop",
  "fail at stop",
  "deaf",
  "deaf at start",
  "crash soon",
  "return soon",
  "own abort error",
  "build fails",
  "slow build",
  "not runnable",
  "unrecoverable soon",
  "retry after",
  "decided to park",
  "decided to wait",
  "own policy",
  "silent",
  "talks",
  "talks after a slow start",
  "deaf and abandoned",
  "silent, deaf and abandoned",
] as const;
export type Behaviour = typeof behaviours[number];

/** How long a process may be silent that may not be for ever. */
export const livenessMs = 2_000;

/** What the entries of some behaviours say of how they are to be treated. */
export const optionsOf: Readonly<Partial<Record<Behaviour, EntryOptions>>> = {
  "own policy": { restart: { minDelayMs: 300, limit: 2 } },
  "silent": { livenessMs },
  "talks": { livenessMs },
  "talks after a slow start": { livenessMs },
  "deaf and abandoned": { onStuck: "abandon", stopTimeoutMs: 2_000 },
  "silent, deaf and abandoned": { onStuck: "abandon", livenessMs },
};

/** What `restart.decide` says to what some behaviours fail with. */
export const decisions: Readonly<Partial<Record<Behaviour, "park" | number>>> = {
  "decided to park": "park",
  "decided to wait": 20_000,
};

/** How long what is to be retried after a while asks to wait. */
export const retryAfterMs = 5_000;

const crashing: ReadonlySet<Behaviour> = new Set<Behaviour>([
  "crash soon",
  "unrecoverable soon",
  "retry after",
  "decided to park",
  "decided to wait",
  "own policy",
]);

/** An error that was thrown at the library, to be found again exactly once. */
export class SimError extends Error {
  constructor(readonly key: string, what: string, options?: ErrorOptions) {
    super(`${key}: ${what}`, options);
  }
}

/** What the processes of one world do, seen from inside them. */
export interface World {
  readonly clock: SimClock;
  /** Live runs per key. */
  readonly live: Map<string, number>;
  /** The version of its entry that was built last, per key. */
  readonly built: Map<string, number>;
  /** What was thrown and must come out as an event. */
  readonly thrown: unknown[];
  /** The newest run per key. */
  readonly runs: Map<string, SimProcess>;
  /** Every run that has not ended. */
  readonly alive: Set<SimProcess>;
  /** What was said to have failed, from outside or because it was silent: what else such a run throws is only printed. */
  readonly verdicts: Set<unknown>;
}

export class SimProcess implements Runnable {
  readonly #crash = Promise.withResolvers<never>();
  readonly #finish = Promise.withResolvers<void>();
  readonly #release = Promise.withResolvers<void>();

  constructor(readonly world: World, readonly key: string, readonly behaviour: Behaviour) {
    this.#crash.promise.catch(() => {});
  }

  crash(): void {
    this.#crash.reject(this.#error());
  }

  /** What it fails with, which some behaviours have say what follows. */
  #error(): Error {
    if (this.behaviour === "unrecoverable soon") return new UnrecoverableError(`${this.key}: 401`);
    if (this.behaviour !== "retry after") return new SimError(this.key, "crash", { cause: decisions[this.behaviour] });
    return new SimError(this.key, "poll failed", { cause: new RetryAfterError(retryAfterMs) });
  }

  finish(): void {
    this.#finish.resolve();
  }

  /** Lets a deaf run end. */
  release(): void {
    this.#release.resolve();
  }

  async run(callback: RunCallback, options: RunOptions): Promise<void> {
    const { live, runs, thrown } = this.world;
    live.set(this.key, (live.get(this.key) ?? 0) + 1);
    runs.set(this.key, this);
    this.world.alive.add(this);
    try {
      await this.#run(callback, options);
    } catch (error) {
      const { reason } = options.signal;
      const isVerdict = this.world.verdicts.has(reason) || (reason as Error | undefined)?.name === "ProcessSilentError";
      if (error !== reason && !isVerdict) thrown.push(error);
      throw error;
    } finally {
      this.world.alive.delete(this);
      live.set(this.key, live.get(this.key)! - 1);
    }
  }

  async #run(callback: RunCallback, { signal, alive }: RunOptions): Promise<void> {
    const { clock } = this.world;
    const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    aborted.catch(() => {});
    if (this.behaviour === "slow start") await Promise.race([clock.sleep(500), aborted]);
    if (this.behaviour === "talks after a slow start") await Promise.race([clock.sleep(2 * livenessMs), aborted]);
    if (this.behaviour === "hang at start") await aborted;
    if (this.behaviour === "deaf at start") await this.#release.promise;
    if (this.behaviour === "fail at start") throw new SimError(this.key, "no start");
    if (this.behaviour === "return early") return;
    if (crashing.has(this.behaviour)) clock.timer(() => this.crash(), 700);
    if (this.behaviour === "return soon") clock.timer(() => this.finish(), 300);
    const work = Promise.resolve(callback(signal));
    if (this.behaviour.startsWith("talks")) this.#talk(signal, alive);
    if (this.behaviour === "own abort error") {
      await Promise.race([work, clock.sleep(50)]);
      throw new DOMException(`${this.key}: not ours`, "AbortError");
    }
    await Promise.race([work, this.#crash.promise, this.#finish.promise]);
    if (this.behaviour === "slow stop") await Promise.race([clock.sleep(1_500), aborted]);
    if (this.behaviour === "fail at stop") throw new SimError(this.key, "no clean stop");
    if (this.behaviour.includes("deaf")) await this.#release.promise;
  }

  /** Says that it is alive just in time, as long as it runs. */
  #talk(signal: AbortSignal, alive: RunOptions["alive"]): void {
    if (signal.aborted || !this.world.alive.has(this)) return;
    alive?.("so far, so good");
    this.world.clock.timer(() => this.#talk(signal, alive), livenessMs - 1);
  }
}
