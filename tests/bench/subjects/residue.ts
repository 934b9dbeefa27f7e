/**
 * Finds what is left of things that should be gone.
 *
 * @module
 */

import { collectGarbage } from "./gauge.ts";

/** Samples objects and counts listeners. */
export class Residue {
  readonly #every: number;
  readonly #refs: WeakRef<object>[] = [];
  #seen = 0;

  /** @param every One of how many objects is sampled: a WeakRef for each would itself look like a leak. */
  constructor(every: number) {
    this.#every = every;
  }

  /** How many objects are sampled. */
  get sampled(): number {
    return this.#refs.length;
  }

  /** Takes one object of many into the sample. */
  sample(object: object): void {
    if (this.#seen++ % this.#every === 0) this.#refs.push(new WeakRef(object));
  }

  /** Tells how many objects of the sample are still reachable. */
  async retained(): Promise<number> {
    await collectGarbage();
    return this.#refs.filter((ref) => ref.deref() !== undefined).length;
  }

  /**
   * Counts the listeners of one signal from now on.
   *
   * @param signal The signal.
   * @returns How many are attached, when asked.
   */
  countListeners(signal: AbortSignal): () => number {
    const attached = new Set<unknown>();
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      attached.add(args[1]);
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      attached.delete(args[1]);
      removeEventListener.apply(signal, args);
    };
    return () => attached.size;
  }
}
