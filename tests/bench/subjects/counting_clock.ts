/**
 * A clock that knows what is pending on it.
 *
 * @module
 */

import { type Clock, systemClock, type Timer } from "@pact/supervisor";

/** A clock that counts the timers that are pending. */
export class CountingClock implements Clock {
  /** How many timers were set and have neither fired nor been called off. */
  pending = 0;

  /** Tells the time. */
  now(): number {
    return systemClock.now();
  }

  /** Tells the time that never steps back. */
  monotonic(): number {
    return systemClock.monotonic();
  }

  /** Sets a timer. */
  timer(callback: () => void, delayMs: number): Timer {
    let isPending = true;
    this.pending++;
    const settle = () => {
      if (isPending) this.pending--;
      isPending = false;
    };
    const timer = systemClock.timer(() => {
      settle();
      callback();
    }, delayMs);
    return {
      cancel: () => {
        settle();
        timer.cancel();
      },
    };
  }
}
