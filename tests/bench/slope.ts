/**
 * Whether something grows. Pure.
 *
 * @module
 */

/** What was seen when. */
export interface Sample {
  /** How far it had come: cycles or ms. */
  readonly at: number;
  /** What was measured then. */
  readonly value: number;
}

/**
 * Fits a line through samples by least squares.
 *
 * @param samples At least two, at different places.
 * @returns By how much the value grows per unit of `at`.
 */
export function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const middleAt = mean(samples.map(({ at }) => at));
  const middleValue = mean(samples.map(({ value }) => value));
  const products = samples.map(({ at, value }) => (at - middleAt) * (value - middleValue));
  return mean(products) / mean(samples.map(({ at }) => (at - middleAt) ** 2));
}

/**
 * Leaves the beginning out, in which code is compiled and buffers find their size.
 *
 * @param samples In their order.
 * @param share Which share is left out.
 */
export function settled(samples: readonly Sample[], share: number): readonly Sample[] {
  return samples.slice(Math.floor(samples.length * share));
}
