/**
 * Chance that can be repeated.
 *
 * @module
 */

/**
 * Makes a source of random numbers (mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c).
 *
 * @param seed A whole number; the same one gives the same numbers.
 * @returns A function that returns a number from 0 up to 1.
 */
export function seededRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
