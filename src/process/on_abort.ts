/**
 * A listener to an abort that is removed where it was added.
 *
 * @module
 */

const nothing: Disposable = { [Symbol.dispose]: () => {} };

/**
 * Calls a listener when a signal aborts, at once when it has. `AbortSignal.any` would make a signal out of several, at three
 * times the cost, and leave memory behind.
 *
 * @param signal The signal; without one nothing happens.
 * @param listener What to call.
 * @returns Removes the listener when disposed of.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    listener();
    return nothing;
  }
  signal.addEventListener("abort", listener);
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", listener) };
}
