/**
 * A clock that a test moves by hand, which also tells what waits on it.
 *
 * @module
 */

import type { Clock, Timer } from "../../src/clock.ts";

interface Alarm {
  readonly delayMs: number;
  readonly dueAt: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  /** How many timers were set so far. */
  timersSet = 0;
  /** How far the wall clock is ahead of the monotonic one: it was set, or the machine slept. */
  wallAheadMs = 0;
  #nowMs = 0;
  readonly #alarms = new Set<Alarm>();
  #watchers: { readonly delayMs: number; readonly resolve: () => void }[] = [];

  /** How many timers are set and have neither fired nor been called off. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** In how many ms the next timer is due; `Infinity` when there is none. */
  get nextMs(): number {
    return Math.max(0, Math.min(...Array.from(this.#alarms, ({ dueAt }) => dueAt)) - this.#nowMs);
  }

  now(): number {
    return this.#nowMs + this.wallAheadMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  timer(callback: () => void, delayMs: number): Timer {
    this.timersSet++;
    const alarm = { delayMs, dueAt: this.#nowMs + delayMs, callback };
    this.#alarms.add(alarm);
    this.#watchers = this.#watchers.filter((watcher) => watcher.delayMs !== delayMs || watcher.resolve());
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  /** Resolves when a timer of this delay is pending. */
  armed(delayMs: number): Promise<void> {
    if ([...this.#alarms].some((alarm) => alarm.delayMs === delayMs)) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ delayMs, resolve }));
  }

  /** Moves the clock and fires what is due then, in order. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#alarms].filter((alarm) => alarm.dueAt <= this.#nowMs).sort((a, b) => a.dueAt - b.dueAt);
    for (const alarm of due) if (this.#alarms.delete(alarm)) alarm.callback();
  }
}
