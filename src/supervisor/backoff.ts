/**
 * What is remembered of the failures of one key. It applies the rule of `restart.ts` and computes no delay itself.
 *
 * @module
 */

import { type ErrorData, errorData } from "../error_data.ts";
import type { ExitOutcome } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Keeper } from "./keeper.ts";
import type { Registry } from "./registry.ts";
import { afterExit, delayAfter } from "../restart.ts";

/** Where a key without a process waits. */
export type Dormancy = "retrying" | "parked" | "resting";

/** Applies the restart rule to one key and announces what it says. */
export class Backoff<K, P extends Runnable> {
  readonly #registry: Registry<K, P>;
  readonly #keeper: Keeper<K, P>;
  /** Consecutive failures. */
  failures = 0;
  /** What it failed with last, overcome or not. Plain data: the error itself may refer to much. */
  lastError: ErrorData | undefined = undefined;
  #failedLooks = 0;

  constructor(registry: Registry<K, P>, keeper: Keeper<K, P>) {
    this.#registry = registry;
    this.#keeper = keeper;
  }

  /** Decides what follows an exit that was not asked for. */
  afterExit(outcome: ExitOutcome, error: unknown, uptimeMs: number, at: number): Dormancy {
    const { settings } = this.#registry;
    this.#failedLooks = 0;
    // If it returned, an earlier failure is not why it is idle now.
    this.lastError = outcome === "failed" ? errorData(error, at) : undefined;
    const decision = afterExit(settings.restart, { outcome, uptimeMs, failures: this.failures }, settings.random());
    if (decision.action === "rest") return "resting";
    this.failures = decision.failures;
    if (decision.action === "retry") return this.#retryIn(decision.delayMs, at);
    const { failures } = this;
    this.#registry.emit({ type: "parked", at, key: this.#keeper.key, failures, error });
    return "parked";
  }

  /** Tries once more although it was not the process that failed; the delay grows while that goes on. */
  again(at: number): Dormancy {
    const { settings } = this.#registry;
    const failures = Math.max(1, this.failures) + this.#failedLooks++;
    return this.#retryIn(delayAfter(settings.restart, failures, settings.random()), at);
  }

  /** Forgets the failures, so that restarts are allowed again. */
  unpark(cause: "call" | "change"): void {
    this.#registry.emit({ type: "unparked", at: this.#registry.clock.now(), key: this.#keeper.key, cause });
    this.forget();
  }

  /** Counts from the beginning again. */
  forget(): void {
    this.failures = 0;
  }

  #retryIn(delayMs: number, at: number): Dormancy {
    const { key } = this.#keeper;
    this.#registry.emit({ type: "retrying", at, key, failures: this.failures, delayMs, retryAt: at + delayMs });
    // A timer of 0 ms is 2 ms late: a keeper without a pending deadline is due now.
    if (delayMs > 0) this.#registry.deadlines.set(this.#keeper, delayMs);
    return "retrying";
  }
}
