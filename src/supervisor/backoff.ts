/**
 * What is remembered of the failures of one key, and what follows from them.
 *
 * @module
 */

import type { ExitOutcome } from "../events.ts";
import type { DeadlineHolder } from "./deadlines.ts";
import type { KeeperHost } from "./host.ts";
import { afterExit, delayAfter } from "./restart.ts";

/** Where a key without a process waits. */
export type Dormancy = "retrying" | "parked" | "resting";

/** Who restarts when it is time to. */
export interface Restarter<K> extends DeadlineHolder {
  readonly key: K;
}

/** Applies the restart rule to one key and announces what it says. */
export class Backoff<K> {
  readonly #host: KeeperHost<K>;
  readonly #restarter: Restarter<K>;
  /** Consecutive failures. */
  failures = 0;
  /** What it failed with last, even when that has been overcome; none when it has returned since. */
  lastError: unknown = undefined;
  #hindrances = 0;

  /**
   * @param host The supervisor.
   * @param restarter Whose deadline is set when a restart is due later.
   */
  constructor(host: KeeperHost<K>, restarter: Restarter<K>) {
    this.#host = host;
    this.#restarter = restarter;
  }

  /** Decides what follows an exit that nobody asked for. */
  afterExit(outcome: ExitOutcome, error: unknown, uptimeMs: number, at: number): Dormancy {
    const { settings } = this.#host;
    this.#hindrances = 0;
    this.lastError = error; // none when it returned: what it failed with before that is not why it stands still now
    const decision = afterExit(settings.restart, { outcome, uptimeMs, failures: this.failures }, settings.random());
    if (decision.action === "rest") return "resting";
    this.failures = decision.failures;
    if (decision.action === "retry") return this.#retryIn(decision.delayMs, at);
    const { failures } = this;
    this.#host.emit({ type: "parked", at, key: this.#restarter.key, failures, error });
    return "parked";
  }

  /** Tries once more although it was not the process that failed; the delay grows while that goes on. */
  again(): Dormancy {
    const { settings, clock } = this.#host;
    const failures = Math.max(1, this.failures) + this.#hindrances++;
    return this.#retryIn(delayAfter(settings.restart, failures, settings.random()), clock.now());
  }

  /** Forgets the failures, so that restarts are allowed again. */
  unpark(cause: "call" | "change"): void {
    this.#host.emit({ type: "unparked", at: this.#host.clock.now(), key: this.#restarter.key, cause });
    this.forget();
  }

  /** Starts counting anew. */
  forget(): void {
    this.failures = 0;
  }

  #retryIn(delayMs: number, at: number): Dormancy {
    const { key } = this.#restarter;
    this.#host.emit({ type: "retrying", at, key, failures: this.failures, delayMs, retryAt: at + delayMs });
    // A timer of 0 ms is 2 ms late: whoever has no deadline pending is due now.
    if (delayMs > 0) this.#host.deadlines.set(this.#restarter, delayMs);
    return "retrying";
  }
}
