/**
 * The calls that drain one instance, over all sessions of one run.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";

/** Whether an instance is being drained, and the calls that wait until it holds no slot. */
export class Drains {
  readonly #changed: () => void;
  /** The calls whose signal has not aborted, also those that were answered. */
  readonly #calls: Set<Call> = new Set();
  #hasLeft = false;

  /** @param changed Is called when the first call begins, and when the last one has ended. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Whether the instance accepts no slots. */
  get isOn(): boolean {
    return this.#calls.size > 0;
  }

  /**
   * Drains the instance until the signal aborts.
   *
   * @returns A promise that resolves when the instance holds no slot; it rejects with the reason of the signal.
   */
  begin(signal: AbortSignal | undefined): Promise<void> {
    if (this.#hasLeft) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listening = onAbort(signal, () => {
      this.#calls.delete(call);
      reject(signal?.reason);
      if (!this.isOn) this.#changed();
    });
    const call: Call = { resolve, listening };
    const wasOn = this.isOn;
    this.#calls.add(call);
    if (!wasOn) this.#changed();
    return promise;
  }

  /** Takes note that the instance holds no slot. */
  isEmpty(): void {
    for (const { resolve } of this.#calls) resolve();
  }

  /** Ends all of them, and those that are yet to come: the instance has left. */
  end(): void {
    this.#hasLeft = true;
    for (const { resolve, listening } of this.#calls) {
      listening[Symbol.dispose]();
      resolve();
    }
    this.#calls.clear();
  }
}

/** One call. */
interface Call {
  readonly resolve: () => void;
  /** Ends the listening to its signal. */
  readonly listening: Disposable;
}
