/**
 * What the subjects measure with.
 *
 * @module
 */

/** How often everybody crashes at once: there are as many crashes at one size as at another. */
function crashRounds(size: number): number {
  return Math.ceil(30_000 / size);
}

/** Asks everything for its end; one for all, since an exception with a stack costs 4 us. */
export const stopReason: DOMException = new DOMException("The process was asked to stop", "AbortError");

/** Collects the garbage, also what the first collection made collectable. */
export async function collectGarbage(): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error("Cannot collect the garbage: run with --v8-flags=--expose-gc");
  for (let i = 0; i < 2; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  gc();
}

/** Tells how many bytes of the heap are reachable. */
export async function liveHeapB(): Promise<number> {
  await collectGarbage();
  return Deno.memoryUsage().heapUsed;
}

/**
 * Times something that is made `times` times.
 *
 * @param times By what to divide.
 * @param action What to time.
 * @returns How long one took, in us.
 */
export async function timeUs(times: number, action: () => unknown): Promise<number> {
  const beganAt = performance.now();
  await action();
  return (performance.now() - beganAt) / times * 1_000;
}

/**
 * Measures how long the event loop keeps a timer of 1 ms waiting, which is what a server in the same isolate would feel.
 *
 * @param action What goes on meanwhile.
 * @returns The longest time between two ticks, in ms.
 */
export async function longestGapMs(action: () => unknown): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const ticker = setInterval(tick, 1);
  try {
    await new Promise((resolve) => setTimeout(resolve, 20));
    longest = 0;
    await action();
    // What the action did in its last turn delays the tick behind it.
    await new Promise((resolve) => setTimeout(resolve, 2));
    tick();
  } finally {
    clearInterval(ticker);
  }
  return longest;
}

/** Counts to a number, again and again, and tells when it is reached. */
export class Counter {
  #left = 0;
  #reached: () => void = () => {};

  /** Begins to count: resolves when {@linkcode Counter.count} was called that often. */
  upTo(times: number): Promise<void> {
    this.#left = times;
    return new Promise((resolve) => this.#reached = resolve);
  }

  /** Counts one. */
  count(): void {
    if (--this.#left === 0) this.#reached();
  }
}

/** Holds everybody back until it is opened. */
export class Gate {
  /** Resolves when it is opened. */
  opened!: Promise<void>;
  #open!: () => void;

  constructor() {
    this.#close();
  }

  /** Lets everybody through who waits; those who come from now on wait for the next time. */
  open(): void {
    const open = this.#open;
    this.#close();
    open();
  }

  #close(): void {
    this.opened = new Promise((resolve) => this.#open = resolve);
  }
}

/**
 * Makes the keys of the processes.
 *
 * @param size How many.
 */
export function makeKeys(size: number): string[] {
  return Array.from({ length: size }, (_, i) => `key-${i}`);
}

/** Puts a list in an order that is random and always the same, as look-ups by the clients of a server would be. */
export function shuffled<T>(list: readonly T[]): T[] {
  const result = [...list];
  let state = 1;
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 48_271) & 0x7fff_ffff) || 1;
    const j = state % (i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/**
 * Has everybody behind a gate crash and come back, again and again.
 *
 * @param size How many they are.
 * @param gate What opens to make them crash.
 * @param counter Counts who has come back.
 * @returns What one crash takes, and the longest time for which no timer fired.
 */
export async function measureCrashes(
  size: number,
  gate: Gate,
  counter: Counter,
): Promise<{ crashUs: number; timerMs: number }> {
  const rounds = crashRounds(size);
  const crash = async () => {
    for (let round = 0; round < rounds; round++) {
      const replaced = counter.upTo(size);
      gate.open();
      await replaced;
    }
  };
  await collectGarbage();
  return { crashUs: await timeUs(rounds * size, crash), timerMs: await longestGapMs(crash) };
}
