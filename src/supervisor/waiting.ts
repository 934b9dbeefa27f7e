/**
 * One event that any number of callers wait for.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";

/** A caller that may give up. */
interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly patience: Disposable;
}

/**
 * Any number of callers that wait for the same thing, which comes once. One that gives up leaves nothing behind: callers that
 * raced one promise would stay in its memory until it settles. Those who cannot give up share a promise.
 */
export class Waiting<T> {
  #promise: Promise<T> | undefined = undefined;
  #resolve: ((value: T) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  #impatient: Set<Waiter<T>> | undefined = undefined;

  /** Waits for it. The signal ends the wait of this caller, with its reason. */
  wait(signal?: AbortSignal): Promise<T> {
    if (signal === undefined) return this.#promise ??= new Promise(this.#keep);
    return signal.aborted ? Promise.reject(signal.reason) : this.#waitUnless(signal);
  }

  /** Tells those who wait. Returns whether there were any: one who has given up does not count. */
  resolve(value: T): boolean {
    const waiters = this.#dismissed();
    this.#resolve?.(value);
    for (const { resolve } of waiters) resolve(value);
    return waiters.length > 0 || this.#promise !== undefined;
  }

  /** Fails those who wait. Returns the same. */
  reject(error: unknown): boolean {
    const waiters = this.#dismissed();
    this.#reject?.(error);
    for (const { reject } of waiters) reject(error);
    return waiters.length > 0 || this.#promise !== undefined;
  }

  readonly #keep = (resolve: (value: T) => void, reject: (error: unknown) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  #waitUnless(signal: AbortSignal): Promise<T> {
    const waiters = this.#impatient ??= new Set();
    return new Promise((resolve, reject) => {
      const patience = onAbort(signal, () => {
        waiters.delete(waiter);
        reject(signal.reason);
      });
      const waiter = { resolve, reject, patience };
      waiters.add(waiter);
    });
  }

  #dismissed(): readonly Waiter<T>[] {
    if (this.#impatient === undefined) return none;
    const waiters = [...this.#impatient];
    this.#impatient = undefined;
    for (const { patience } of waiters) patience[Symbol.dispose]();
    return waiters;
  }
}

const none: readonly never[] = [];
