/**
 * Passes over the whole table, one at a time: every so often, on demand, and when a hint says "look at everything".
 *
 * @module
 */

import { jittered, type Timer } from "../clock.ts";
import type { StartCause } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Lookups } from "./lookups.ts";
import { Pass } from "./pass.ts";
import type { Registry } from "./registry.ts";
import { delayAfter } from "../restart.ts";
import { Waiting } from "./waiting.ts";

/** Makes passes until its signal aborts. */
export class Reconciler<K, P extends Runnable> {
  readonly #registry: Registry<K, P>;
  readonly #lookups: Lookups<K, P>;
  readonly #signal: AbortSignal;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined = undefined;
  /** Those who may give up their wait for a pass, which is the last one that such a caller asked for. */
  #waited: { readonly pass: Promise<void>; readonly callers: Waiting<void> } | undefined = undefined;
  #timer: Timer | undefined = undefined;
  /** The last pass that began. */
  #pass: Pass<K, P> | undefined = undefined;
  #failedInARow = 0;
  /** Whether something could not be looked at since the last pass began. */
  #isHurried = false;
  /** Whether hints come in, so that a pass is not the only way to find a change. */
  #isFollowing = false;

  constructor(registry: Registry<K, P>, lookups: Lookups<K, P>, signal: AbortSignal) {
    this.#registry = registry;
    this.#lookups = lookups;
    this.#signal = signal;
  }

  /**
   * Asks for a pass that begins from now on. Callers who ask while one is under way share the next one. Resolves when the
   * pass has ended, whatever came of it; never rejects. The cause is what its starts are said to be caused by.
   */
  request(cause: StartCause): Promise<void> {
    return (this.#next ??= new Promise((resolve) => {
      this.#registry.enter(() => resolve(this.#follow(this.#current, cause)));
    }));
  }

  /** As {@linkcode Reconciler.request}, for a caller who may give up: the wait rejects with the reason of the signal. */
  requestUnless(signal: AbortSignal, cause: StartCause): Promise<void> {
    const pass = this.request(cause);
    if (this.#waited?.pass !== pass) {
      const callers = new Waiting<void>();
      this.#waited = { pass, callers };
      pass.then(() => callers.resolve());
    }
    return this.#waited.callers.wait(signal);
  }

  /** Makes sure that a pass comes soon, because something that was to be looked at could not be. */
  hurry(): void {
    if (this.#isHurried) return; // many failures count once, and must not put the pass off again and again
    this.#isHurried = true;
    if (this.#timer && !this.#signal.aborted) this.#schedule();
  }

  /** Says whether the changes of the table are followed from now on. */
  follows(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    // The next pass may be a long time off, and hints may have been lost.
    if (!isFollowing && !this.#isHurried && this.#timer && !this.#signal.aborted) this.#schedule();
  }

  /** Resolves when no pass is under way. */
  async idle(): Promise<void> {
    this.#timer?.cancel();
    await (this.#next ?? this.#current);
    await this.#pass?.reading;
  }

  async #follow(before: Promise<void>, cause: StartCause): Promise<void> {
    await before;
    this.#current = this.#next!;
    this.#next = undefined;
    if (this.#signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isHurried = false;
    this.#pass = new Pass(this.#registry, this.#lookups, this.#signal, cause);
    if (!await this.#pass.make()) this.#isHurried = true;
    if (!this.#isHurried) this.#failedInARow = 0;
    if (!this.#signal.aborted) this.#schedule();
  }

  /** A table that failed is looked at again soon, and then less and less often. */
  #schedule(): void {
    const { clock, settings } = this.#registry;
    let delayMs = this.#intervalMs();
    if (this.#isHurried) {
      const soonMs = delayAfter(settings.restart, ++this.#failedInARow, settings.random());
      delayMs = Math.min(delayMs, soonMs);
    }
    this.#timer?.cancel();
    this.#timer = clock.timer(() => this.request("reconcile"), delayMs);
  }

  /** A table whose changes are followed says itself how often it needs a pass; one that fails says nothing reliable. */
  #intervalMs(): number {
    const { intervalMs, sweepMs, random } = this.#registry.settings;
    if (sweepMs === undefined) return intervalMs;
    if (!this.#isFollowing || this.#isHurried) return Math.min(intervalMs, sweepMs);
    return jittered(sweepMs, random());
  }
}
