/**
 * Time that passes only when a simulation says so, in one order that is the same every time.
 *
 * @module
 */

/** More turns of the event loop than the library takes after a stall. */
const turnsAfterStall = 12;

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
  isOff: boolean;
}

/** The time of the world. What the sessions take for the time is told by their own clocks. */
export class VirtualTime {
  nowMs = 0;
  /** How many calls to a real database are under way: time must not pass meanwhile. */
  outstanding = 0;
  /** How many turns of the event loop what has just happened may take. */
  #turns = 1;
  readonly #heap: Happening[] = [];
  #order = 0;

  /** Calls back at a moment, and returns how to call that off. */
  at(atMs: number, callback: () => void): () => void {
    const happening: Happening = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, callback, isOff: false };
    this.#push(happening);
    return () => happening.isOff = true;
  }

  /** How many moments are still waited for. */
  get pending(): number {
    return this.#heap.filter(({ isOff }) => !isOff).length;
  }

  /** Resolves at a moment. */
  until(atMs: number): Promise<void> {
    return new Promise((resolve) => this.at(atMs, resolve));
  }

  /** Lets time pass. Before it moves on from any moment, everything that follows from that moment has happened. */
  async pass(ms: number, momentEnds: () => void): Promise<void> {
    const endMs = this.nowMs + ms;
    await this.settle();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      if (!next.isOff && next.atMs > this.nowMs) {
        momentEnds();
        this.nowMs = next.atMs;
      }
      this.#pop();
      if (next.isOff) continue;
      next.callback();
      await this.settle();
    }
    momentEnds();
    this.nowMs = endMs;
  }

  /** A timer was late: the library lets answers that are there arrive first, for some turns of the event loop. */
  stalled(): void {
    this.#turns = turnsAfterStall;
  }

  /** Resolves when nothing happens any more without time passing. */
  async settle(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      this.#turns--;
    } while (this.outstanding > 0 || this.#turns > 0);
    this.#turns = 1;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(happening, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let lower = 2 * index + 1;
      if (lower >= heap.length) break;
      if (lower + 1 < heap.length && isBefore(heap[lower + 1], heap[lower])) lower++;
      if (!isBefore(heap[lower], last)) break;
      heap[index] = heap[lower];
      index = lower;
    }
    heap[index] = last;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
