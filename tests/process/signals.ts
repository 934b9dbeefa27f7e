/**
 * Signals as tests need them.
 *
 * @module
 */

/**
 * Waits for an abort.
 *
 * @param signal What to wait for.
 * @returns A promise that resolves when it has aborted.
 */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Stands for a signal that never aborts, and counts who listens to it. */
export function countingSignal(): { signal: AbortSignal; listeners(): number } {
  const { signal } = new AbortController();
  const listening = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = function (...args: Parameters<typeof addEventListener>) {
    listening.add(args[1]);
    addEventListener.apply(this, args);
  };
  signal.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
    listening.delete(args[1]);
    removeEventListener.apply(this, args);
  };
  return { signal, listeners: () => listening.size };
}
