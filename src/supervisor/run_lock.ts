/**
 * One at a time.
 *
 * @module
 */

import { waitUnless } from "./calls.ts";

/** Lets callers in one after the other, in the order in which they came. */
export class RunLock {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Waits until everybody who came before has left.
   *
   * @param signal Ends the wait.
   * @returns Leaves when disposed of.
   * @throws {unknown} The reason of the signal.
   */
  async enter(signal: AbortSignal): Promise<Disposable> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = before.then(() => promise); // not Promise.all: its results would nest with every run
    try {
      await waitUnless(before, signal);
    } catch (error) {
      resolve();
      throw error;
    }
    return { [Symbol.dispose]: resolve };
  }
}
