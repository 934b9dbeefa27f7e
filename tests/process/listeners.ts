/**
 * Counts the abort listeners of all signals at once.
 *
 * @module
 */

/** Knows, while it lives, how many listeners any one signal has had at a time. */
export class ListenerCount implements Disposable {
  /** The most listeners that one signal has had at a time. */
  most = 0;
  readonly #listening: WeakMap<AbortSignal, Set<unknown>> = new WeakMap();
  readonly #add = AbortSignal.prototype.addEventListener;
  readonly #remove = AbortSignal.prototype.removeEventListener;

  constructor() {
    const { prototype } = AbortSignal, add = this.#add, remove = this.#remove;
    const added = (signal: AbortSignal, listener: unknown) => this.#of(signal).add(listener);
    const removed = (signal: AbortSignal, listener: unknown) => this.#of(signal).delete(listener);
    const count = (signal: AbortSignal) => this.most = Math.max(this.most, this.#of(signal).size);
    prototype.addEventListener = function (this: AbortSignal, ...args: Parameters<typeof add>) {
      added(this, args[1]);
      count(this);
      add.apply(this, args);
    };
    prototype.removeEventListener = function (this: AbortSignal, ...args: Parameters<typeof remove>) {
      removed(this, args[1]);
      remove.apply(this, args);
    };
  }

  /** How many listeners a signal has now. */
  of(signal: AbortSignal): number {
    return this.#of(signal).size;
  }

  [Symbol.dispose](): void {
    AbortSignal.prototype.addEventListener = this.#add;
    AbortSignal.prototype.removeEventListener = this.#remove;
  }

  #of(signal: AbortSignal): Set<unknown> {
    let listeners = this.#listening.get(signal);
    if (!listeners) this.#listening.set(signal, listeners = new Set());
    return listeners;
  }
}
