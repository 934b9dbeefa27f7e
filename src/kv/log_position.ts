/**
 * How far a reader of the change log has come, and whether it has missed a change: a pure rule.
 *
 * @module
 */

/** A moment by both clocks: the one may be set, the other may stand still while the machine sleeps. */
export interface Moment {
  /** By the wall clock, epoch ms. */
  readonly at: number;
  /** By the monotonic clock, in ms. */
  readonly monotonicMs: number;
}

/** How far a reader has come. */
export interface LogPosition {
  /** The last change seen; "" before the first. Versionstamps compare as strings. */
  readonly versionstamp: string;
  /** When the reading that got here began. */
  readonly read: Moment;
}

/** What a reading of the log after a position found. */
export interface LogReading {
  /** When the reading began. */
  readonly begun: Moment;
  /** The versionstamp of the generation, known before the log was read; "" if there is none. */
  readonly generation: string;
  /** The versionstamp of the last change that was found; "" if there was none. */
  readonly last: string;
  /** Whether there may be more changes after the last one that was found. */
  readonly isCut: boolean;
}

/**
 * Moves a position over a reading.
 *
 * Changes are missing if the log does not reach up to the generation, if it was not read to its end, or if the last
 * reading is so old, by either clock, that changes after it may have expired.
 *
 * @param position Where the reading began.
 * @param retentionMs For how long changes are kept at least, in ms.
 * @returns The new position, and whether changes are missing before it: then only a look at everything helps.
 *
 * @example A log that has expired leaves a gap
 * ```ts
 * import { advance } from "./log_position.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reading = { begun: { at: 2, monotonicMs: 2 }, generation: "07", last: "", isCut: false };
 * const { position, hasGap } = advance({ versionstamp: "03", read: { at: 1, monotonicMs: 1 } }, reading, 1_000);
 * assertEquals([position.versionstamp, hasGap], ["07", true]);
 * ```
 */
export function advance(
  position: LogPosition,
  reading: LogReading,
  retentionMs: number,
): { position: LogPosition; hasGap: boolean } {
  const { begun, generation, last, isCut } = reading;
  if (generation === position.versionstamp) {
    return { position: { versionstamp: generation, read: begun }, hasGap: false };
  }
  const ageMs = Math.max(begun.at - position.read.at, begun.monotonicMs - position.read.monotonicMs);
  const hasGap = isCut || last === "" || last < generation || ageMs > retentionMs / 2;
  return { position: { versionstamp: last > generation ? last : generation, read: begun }, hasGap };
}
