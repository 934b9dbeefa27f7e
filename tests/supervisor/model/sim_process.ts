import type { RunCallback, Runnable, RunOptions } from "@pact/supervisor";
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
] as const;
export type Behaviour = typeof behaviours[number];

/** An error that was thrown at the library, to be found again exactly once. */
export class SimError extends Error {
  constructor(readonly key: string, what: string) {
    super(`${key}: ${what}`);
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
}

export class SimProcess implements Runnable {
  readonly #crash = Promise.withResolvers<never>();
  readonly #finish = Promise.withResolvers<void>();
  readonly #release = Promise.withResolvers<void>();

  constructor(readonly world: World, readonly key: string, readonly behaviour: Behaviour) {
    this.#crash.promise.catch(() => {});
  }

  crash(): void {
    this.#crash.reject(new SimError(this.key, "crash"));
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
    try {
      await this.#run(callback, options);
    } catch (error) {
      if (error !== options.signal.reason) thrown.push(error);
      throw error;
    } finally {
      live.set(this.key, live.get(this.key)! - 1);
    }
  }

  async #run(callback: RunCallback, { signal }: RunOptions): Promise<void> {
    const { clock } = this.world;
    const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    aborted.catch(() => {});
    if (this.behaviour === "slow start") await Promise.race([clock.sleep(500), aborted]);
    if (this.behaviour === "hang at start") await aborted;
    if (this.behaviour === "deaf at start") await this.#release.promise;
    if (this.behaviour === "fail at start") throw new SimError(this.key, "no start");
    if (this.behaviour === "return early") return;
    if (this.behaviour === "crash soon") clock.timer(() => this.crash(), 700);
    if (this.behaviour === "return soon") clock.timer(() => this.finish(), 300);
    const work = Promise.resolve(callback(signal));
    if (this.behaviour === "own abort error") {
      await Promise.race([work, clock.sleep(50)]);
      throw new DOMException(`${this.key}: not ours`, "AbortError");
    }
    await Promise.race([work, this.#crash.promise, this.#finish.promise]);
    if (this.behaviour === "slow stop") await Promise.race([clock.sleep(1_500), aborted]);
    if (this.behaviour === "fail at stop") throw new SimError(this.key, "no clean stop");
    if (this.behaviour === "deaf") await this.#release.promise;
  }
}
