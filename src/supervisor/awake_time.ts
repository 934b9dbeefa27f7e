/**
 * Time during which the event loop went on: what a process could use.
 *
 * @module
 */

import { type Clock, stallMs, type Timer } from "../clock.ts";

/** How often it is seen that the event loop goes on, in ms. */
export const tickMs = 250;

/**
 * A clock that stands still while the event loop is blocked, or the machine sleeps. Only differences between two readings mean
 * anything, and only while it is followed. Of a stall it may leave out a tick too much, never too little.
 */
export class AwakeTime {
  /** How many ticks there have been: a number that is cheaper to read than the time. */
  ticks = 0;
  readonly #clock: Clock;
  #followers = 0;
  #timer: Timer | undefined = undefined;
  /** When the event loop was seen to go on, by the monotonic clock. */
  #seenMs = 0;
  #stalledMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a reading, in ms. */
  nowMs(): number {
    const nowMs = this.#clock.monotonic();
    if (this.#timer !== undefined && nowMs - this.#seenMs > tickMs + stallMs) this.#noticeStall(nowMs);
    return nowMs - this.#stalledMs;
  }

  /** Begins to follow it. A timer ticks as long as there are followers. */
  follow(): void {
    if (this.#followers++ > 0) return;
    this.#seenMs = this.#clock.monotonic();
    this.#tick();
  }

  /** Ends what {@linkcode AwakeTime.follow} began. */
  unfollow(): void {
    if (--this.#followers > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.ticks++;
    this.nowMs();
    this.#seenMs = this.#clock.monotonic();
    this.#timer = this.#clock.timer(this.#tick, tickMs);
  };

  #noticeStall(nowMs: number): void {
    this.#stalledMs += nowMs - this.#seenMs;
    this.#seenMs = nowMs;
  }
}
