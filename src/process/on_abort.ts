/**
 * An abort listener that is removed where it was added.
 *
 * @module
 */

const nothing: Disposable = { [Symbol.dispose]: () => {} };

/**
 * Calls a listener when a signal aborts, at once if it has already; without a signal, never. Disposing of the result
 * removes the listener. `AbortSignal.any` would do the same at three times the cost, and leaks memory.
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
