/**
 * Lives that a supervisor has let go of: they were asked to stop, aborted, have not ended, and no longer hold their key.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { Attempt } from "./attempt.ts";
import type { Keeper } from "./keeper.ts";
import type { Registry } from "./registry.ts";

/** How many abandoned lives of one key may go on: a process that never ends must not be piled up. */
const mostPerKey = 3;

/** A life that was abandoned and has not ended. */
export interface AbandonedSnapshot<K> {
  /** Its key, which another process may have by now. */
  readonly key: K;
  /** When it was abandoned, epoch ms. */
  readonly sinceAt: number;
  /** The version of the entry it was started from, when that is a string or a number. */
  readonly version?: string | number;
}

/** What is known of a life from the moment it was abandoned. */
interface Abandonment {
  readonly sinceAt: number;
  readonly version: unknown;
  /** What it is said to have failed with. */
  readonly error: unknown;
}

/** Knows the abandoned lives of a supervisor until they end. */
export class AbandonedLives<K, P extends Runnable> {
  readonly #registry: Registry<K, P>;
  readonly #lives: Map<K, Map<Attempt<K, P>, Abandonment>> = new Map();

  constructor(registry: Registry<K, P>) {
    this.#registry = registry;
  }

  /** Whether another life of a key may be abandoned. */
  hasRoom(key: K): boolean {
    return (this.#lives.get(key)?.size ?? 0) < mostPerKey;
  }

  /** Whether a life was abandoned, and has not ended. */
  has(attempt: Attempt<K, P>): boolean {
    return this.#lives.get(attempt.key)?.has(attempt) ?? false;
  }

  /** Abandons the stuck life of a key if that is how it is to be treated, and not too many go on. */
  consider(keeper: Keeper<K, P>): void {
    if (keeper.attempt?.settings.onStuck === "abandon" && this.hasRoom(keeper.key)) this.abandon(keeper);
  }

  /** Abandons the stuck life of a key, which then goes on as if that had ended. */
  abandon(keeper: Keeper<K, P>): void {
    const { key, version } = keeper, attempt = keeper.attempt!;
    attempt.abandon();
    const lives = this.#lives.get(key) ?? new Map<Attempt<K, P>, Abandonment>();
    this.#lives.set(key, lives.set(attempt, { sinceAt: attempt.sinceAt, version, error: attempt.error }));
    keeper.attemptEnded(attempt);
  }

  /** An abandoned life has ended after all. */
  ended(attempt: Attempt<K, P>): void {
    const { key, error } = attempt, lives = this.#lives.get(key)!, { sinceAt, error: told } = lives.get(attempt)!;
    lives.delete(attempt);
    if (lives.size === 0) this.#lives.delete(key);
    const isNews = attempt.outcome === "failed" && error !== told;
    const end = isNews ? { outcome: "failed" as const, error } : { outcome: "stopped" as const };
    this.#registry.emit({ type: "abandoned-ended", at: this.#registry.clock.now(), key, sinceAt, ...end });
    const keeper = this.#registry.keepers.get(key);
    if (keeper?.attempt?.isStuck) this.consider(keeper);
  }

  /** Shows them, as plain data. */
  list(): AbandonedSnapshot<K>[] {
    return [...this.#lives].flatMap(([key, lives]) =>
      [...lives.values()].map(({ sinceAt, version }) => {
        const isPlain = typeof version === "string" || typeof version === "number";
        return { key, sinceAt, ...(isPlain && { version }) };
      })
    );
  }
}
