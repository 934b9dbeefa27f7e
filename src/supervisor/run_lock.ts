/**
 * One at a time.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";

/** Lets callers in one after the other, in the order in which they came. */
export class RunLock {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Waits until all who came before have left.
   *
   * @returns Leaves when disposed of.
   * @throws {unknown} The reason of the signal.
   */
  async enter(signal: AbortSignal): Promise<Disposable> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = before.then(() => promise); // not Promise.all: its results would nest with every run
    try {
      await abortable(before, signal);
    } catch (error) {
      resolve();
      throw error;
    }
    return { [Symbol.dispose]: resolve };
  }
}
