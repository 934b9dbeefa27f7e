/**
 * How many starts are allowed in a second. Pure: no clock, time is handed in.
 *
 * @module
 */

/** Allows at most so many starts within any second, so that a burst is possible and a quota is never exceeded. */
export class StartRate {
  readonly #most: number;
  readonly #windowMs: number;
  /** When the last of them began; the oldest stands at `#next` once there are as many as are allowed. */
  readonly #beganMs: number[] = [];
  #next = 0;

  /** Fewer than one in a second are one in a longer time; a fraction beyond that does not count. */
  constructor(perSecond: number) {
    this.#most = Math.max(1, Math.floor(perSecond));
    this.#windowMs = Math.max(1_000, 1_000 / perSecond);
  }

  /** How long the next start has to wait, in ms. */
  waitMs(nowMs: number): number {
    const oldestMs = this.#beganMs[this.#next];
    return oldestMs === undefined ? 0 : Math.max(0, oldestMs + this.#windowMs - nowMs);
  }

  /** Counts a start, which need not have been allowed. */
  count(nowMs: number): void {
    this.#beganMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#most;
  }
}
