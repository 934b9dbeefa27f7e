/**
 * One event that any number of callers wait for.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { onAbort } from "../process/on_abort.ts";

/** Any number of callers that wait for the same thing, which comes once. */
export class Waiting<T> {
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  readonly #promise: Promise<T> = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });
  /** How many have not given up. */
  #waiters = 0;

  /** Waits for it. The signal ends the wait of this caller, with its reason. */
  wait(signal?: AbortSignal): Promise<T> {
    this.#waiters++;
    return signal === undefined ? this.#promise : this.#waitUnless(signal);
  }

  /** Tells those who wait. */
  resolve(value: T): void {
    this.#resolve(value);
  }

  /** Fails those who wait. Returns whether there were any: one who has given up does not count. */
  reject(error: unknown): boolean {
    this.#reject(error);
    return this.#waiters > 0;
  }

  async #waitUnless(signal: AbortSignal): Promise<T> {
    using _givingUp = onAbort(signal, () => this.#waiters--);
    return await abortable(this.#promise, signal);
  }
}
