import { type Clock, type Timer, turn } from "../../../src/clock.ts";

/** Lets everything that is ready happen. Microtasks end within one turn; the queue of starts may take a turn of its own. */
export async function drain(): Promise<void> {
  await turn();
  await turn();
}

interface SimTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on, and lets everything happen between two timers. */
export class SimClock implements Clock {
  #now = 1_000_000;
  #order = 0;
  readonly #timers = new Set<SimTimer>();

  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  timer(callback: () => void, delayMs: number): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Waits on this clock, whether or not anybody aborts. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.timer(resolve, delayMs));
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#now = next.at;
      this.#timers.delete(next);
      next.callback();
      await drain();
    }
    this.#now = until;
  }

  #next(until: number): SimTimer | undefined {
    let first: SimTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    }
    return first;
  }
}
