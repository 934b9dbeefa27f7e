/**
 * The brake: a process that is started again and again, because it rewrites its own entry, returns or fails at once, must not
 * spin. Pure: no clock, time is handed in.
 *
 * The rule of `restart.ts` counts failures, and a new version of the entry starts them from the beginning; the brake counts
 * starts.
 *
 * @module
 */

import type { RestartPolicy } from "../restart.ts";

/** How many starts within how many ms are free. */
const freeStarts = 10;
export const windowMs = 10_000;

/** Slows the starts of one key that come too close together. */
export class Brake {
  /** When the last of them were counted; the oldest stands at `#next` once there are as many as are free. */
  #countedMs: readonly number[];
  #next: number;
  /** How many were slowed since it was last forgotten. */
  #slowed = 0;
  /** Whether it was announced that it is on; that is forgotten with the rest. */
  isTold = false;
  /** Before this no start is allowed, and when the last one was to come. */
  #untilMs = -Infinity;
  #startMs = -Infinity;

  /** Starts that were counted before may be given. */
  constructor(...countedMs: readonly number[]) {
    this.#countedMs = countedMs;
    this.#next = countedMs.length;
    this.#startMs = countedMs.at(-1) ?? -Infinity;
  }

  /**
   * Counts a start that is to follow an exit.
   *
   * @param nowMs The moment, by the monotonic clock.
   * @param ownDelayMs How long it is to wait anyway.
   * @param policy Its `minDelayMs` is how long the first one has to wait that comes too soon; each further one waits twice as
   * long, up to `maxDelayMs`. 0 switches the brake off.
   * @returns How long it has to wait at least, in ms.
   */
  count(nowMs: number, ownDelayMs: number, { minDelayMs, maxDelayMs }: RestartPolicy): number {
    if (this.isForgotten(nowMs)) this.#forget();
    const isFree = minDelayMs === 0 || (this.#slowed === 0 && this.#isFree(nowMs));
    const delayMs = isFree ? 0 : Math.min(minDelayMs * 2 ** this.#slowed++, maxDelayMs);
    this.#countedMs = this.#countedMs.toSpliced(this.#next, 1, nowMs); // an array that grows in place would take 17 places
    this.#next = (this.#next + 1) % freeStarts;
    this.#untilMs = nowMs + delayMs;
    this.#startMs = nowMs + Math.max(delayMs, ownDelayMs);
    return delayMs;
  }

  /** How long a start has to wait that is wanted earlier than it was to come, in ms. */
  leftMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }

  /** Whether what was counted does not matter any more. */
  isForgotten(nowMs: number): boolean {
    return nowMs - this.#startMs >= windowMs;
  }

  /** Whether as many as are free were counted within the window. */
  #isFree(nowMs: number): boolean {
    const oldestMs = this.#countedMs[this.#next];
    return oldestMs === undefined || nowMs - oldestMs >= windowMs;
  }

  #forget(): void {
    this.isTold = false;
    this.#countedMs = [];
    this.#next = this.#slowed = 0;
  }
}
