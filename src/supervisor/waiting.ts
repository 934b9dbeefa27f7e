/**
 * One event that any number of callers wait for.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";

/** A caller that waits, as its promise. */
interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly patience: Disposable;
}

/**
 * Any number of callers that wait for the same thing, which comes once. One that gives up leaves nothing behind: callers that
 * raced one promise would stay in its memory until it settles.
 */
export class Waiting<T> {
  readonly #waiters: Set<Waiter<T>> = new Set();

  /** Waits for it. The signal ends the wait of this caller, with its reason. */
  wait(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const patience = onAbort(signal, () => {
        this.#waiters.delete(waiter);
        reject(signal?.reason);
      });
      const waiter = { resolve, reject, patience };
      this.#waiters.add(waiter);
    });
  }

  /** Tells those who wait. */
  resolve(value: T): void {
    for (const { resolve } of this.#dismissed()) resolve(value);
  }

  /** Fails those who wait. Returns whether there were any: one who has given up does not count. */
  reject(error: unknown): boolean {
    const waiters = this.#dismissed();
    for (const { reject } of waiters) reject(error);
    return waiters.length > 0;
  }

  #dismissed(): Waiter<T>[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const { patience } of waiters) patience[Symbol.dispose]();
    return waiters;
  }
}
