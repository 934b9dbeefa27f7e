/**
 * Crashes, changes and removals at random.
 *
 * @module
 */

import type { RunCallback, Runnable, RunOptions, Table } from "@pact/supervisor";

/** What is written to. */
export interface WritableTable extends Table<string, Patient> {
  /** Adds an entry or replaces it. */
  set(key: string, spec: number): Promise<void>;
  /** Removes an entry. */
  delete(key: string): Promise<void>;
}

/** Runs until it is asked to stop or made to crash. */
export class Patient implements Runnable {
  /** Its key. */
  readonly key: string;
  /** What it was built from. */
  readonly spec: number;
  /** Makes it crash. */
  crash: () => void = () => {};
  readonly #live: Set<Patient>;

  /**
   * @param key Its key.
   * @param spec What it is built from.
   * @param live Where it is while it runs.
   */
  constructor(key: string, spec: number, live: Set<Patient>) {
    this.key = key;
    this.spec = spec;
    this.#live = live;
  }

  /** Runs. */
  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    this.#live.add(this);
    try {
      const crashed = new Promise<boolean>((resolve) => this.crash = () => resolve(true));
      if (await Promise.race([running(signal), crashed])) throw new Error(`${this.key} crashed`);
    } finally {
      this.#live.delete(this);
    }
  }
}

/** How often something happens, per second. */
const perSecond = 100;

/** Disturbs a table and its processes. */
export class Disturbance {
  readonly #table: WritableTable;
  readonly #keys: readonly string[];
  readonly #live: ReadonlySet<Patient>;
  readonly #removed: string[] = [];
  #changes = 0;
  #crashes = 0;
  #removals = 0;

  /**
   * @param table Is changed.
   * @param keys What may be in it.
   * @param live What may crash.
   */
  constructor(table: WritableTable, keys: readonly string[], live: ReadonlySet<Patient>) {
    this.#table = table;
    this.#keys = keys;
    this.#live = live;
  }

  /** Disturbs for a while. */
  async goOnFor(durationMs: number): Promise<void> {
    const endsAt = performance.now() + durationMs;
    while (performance.now() < endsAt) {
      await this.#disturb(Math.random());
      await new Promise((resolve) => setTimeout(resolve, 2_000 / perSecond * Math.random()));
    }
  }

  /** Tells what has been done. */
  toString(): string {
    return `${this.#crashes} crashes, ${this.#changes} changes, ${this.#removals} removals`;
  }

  async #disturb(chance: number): Promise<void> {
    const key = this.#keys[Math.floor(Math.random() * this.#keys.length)];
    if (chance < 0.4) {
      this.#crashOne();
    } else if (chance < 0.7) {
      await this.#table.set(key, ++this.#changes);
    } else if (chance < 0.85) {
      this.#removals++;
      this.#removed.push(key);
      await this.#table.delete(key);
    } else {
      await this.#table.set(this.#removed.shift() ?? key, ++this.#changes);
    }
  }

  /** Crashes one of those at the front, to which the new ones and those that were crashed do not belong. */
  #crashOne(): void {
    let left = Math.floor(Math.random() * 100);
    for (const patient of this.#live) {
      if (left-- > 0) continue;
      this.#crashes++;
      return patient.crash();
    }
  }
}
