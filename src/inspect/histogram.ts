/**
 * Counts durations by how long they are, as Prometheus wants to have them.
 *
 * @module
 */

/** The upper ends of the buckets, in s. */
export const bounds: readonly number[] = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

/** Durations by how long they are. */
export class Histogram {
  /** How many there were up to each bound, and after that in all. */
  readonly counts: number[] = Array.from({ length: bounds.length + 1 }, () => 0);
  /** The sum of all, in s. */
  sum = 0;

  /** Counts a duration, in s. */
  add(seconds: number): void {
    this.sum += seconds;
    for (let index = bounds.length; index >= 0 && seconds <= (bounds[index] ?? Infinity); index--) this.counts[index]++;
  }
}
