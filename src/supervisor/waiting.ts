/**
 * A promise that is only made when somebody asks for it.
 *
 * @module
 */

/** Any number of callers that wait for the same thing. Most of the time nobody does, and then it costs a field. */
export class Waiting<T> {
  #promise: PromiseWithResolvers<T> | undefined = undefined;

  /** Waits for what comes next. */
  wait(): Promise<T> {
    return (this.#promise ??= Promise.withResolvers()).promise;
  }

  /** Tells those who wait, and none that come later. */
  resolve(value: T): void {
    this.#promise?.resolve(value);
    this.#promise = undefined;
  }

  /**
   * Fails those who wait, and none that come later.
   *
   * @param makeError Makes the error; only called when somebody waits, as one costs 3 us.
   * @returns Whether somebody waited.
   */
  reject(makeError: () => unknown): boolean {
    const promise = this.#promise;
    this.#promise = undefined;
    promise?.reject(makeError());
    return promise !== undefined;
  }
}
