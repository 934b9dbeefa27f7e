/**
 * One at a time.
 *
 * @module
 */

import { Waiting } from "./waiting.ts";

/** Lets callers in one after the other, in the order in which they came. */
export class RunLock {
  #isTaken = false;
  /** Those who wait, each for a turn of its own. */
  readonly #queue: Set<Waiting<void>> = new Set();

  /**
   * Waits until all who came before have left, or given up.
   *
   * @returns Leaves when disposed of.
   * @throws {unknown} The reason of the signal.
   */
  async enter(signal: AbortSignal | undefined): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#isTaken) await this.#myTurn(signal);
    this.#isTaken = true;
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (!isOver) this.#leave();
        isOver = true;
      },
    };
  }

  async #myTurn(signal: AbortSignal | undefined): Promise<void> {
    const turn = new Waiting<void>();
    this.#queue.add(turn);
    try {
      await turn.wait(signal);
    } finally {
      this.#queue.delete(turn);
    }
  }

  /** Hands over to the next one, so that no newcomer gets in between. */
  #leave(): void {
    for (const next of this.#queue) {
      this.#queue.delete(next);
      if (next.resolve()) return; // not one that has given up in this very moment
    }
    this.#isTaken = false;
  }
}
