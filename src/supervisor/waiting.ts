/**
 * A promise that is only made when somebody asks for it.
 *
 * @module
 */

/** Any number of callers that wait for the same thing. Most of the time nobody does, and then it costs a field. */
export class Waiting<T> {
  #promise: PromiseWithResolvers<T> | undefined = undefined;

  /** Whether somebody waits. */
  get isAwaited(): boolean {
    return this.#promise !== undefined;
  }

  /** Waits for what comes next. */
  wait(): Promise<T> {
    return (this.#promise ??= Promise.withResolvers()).promise;
  }

  /** Tells those who wait, and none that come later. */
  resolve(value: T): void {
    this.#promise?.resolve(value);
    this.#promise = undefined;
  }

  /** Fails those who wait, and none that come later; the error is only made when there are any, as one costs 3 us. */
  reject(makeError: () => unknown): void {
    this.#promise?.reject(makeError());
    this.#promise = undefined;
  }
}
