/**
 * How far a reader of the change log has come, and whether it has missed a change: a pure rule.
 *
 * @module
 */

/** How far a reader has come. */
export interface LogPosition {
  /** The last change seen; "" before the first. Versionstamps compare as strings. */
  readonly versionstamp: string;
  /** When the reading that got here began, epoch ms: the log expires by the wall clock, also while a machine sleeps. */
  readonly readAt: number;
}

/** What a reading of the log after a position found. */
export interface LogReading {
  /** When the reading began, epoch ms. */
  readonly at: number;
  /** The versionstamp of the generation, read before the log; "" if there is none. */
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
 * reading is so old, or the clock so unsteady, that changes after it may have expired.
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
 * const reading = { at: 2, generation: "07", last: "", isCut: false };
 * const { position, hasGap } = advance({ versionstamp: "03", readAt: 1 }, reading, 1_000);
 * assertEquals([position.versionstamp, hasGap], ["07", true]);
 * ```
 */
export function advance(
  position: LogPosition,
  reading: LogReading,
  retentionMs: number,
): { position: LogPosition; hasGap: boolean } {
  const { at, generation, last, isCut } = reading;
  if (generation === position.versionstamp) {
    return { position: { versionstamp: generation, readAt: at }, hasGap: false };
  }
  const ageMs = at - position.readAt;
  const hasGap = isCut || last === "" || last < generation || ageMs < 0 || ageMs > retentionMs / 2;
  return { position: { versionstamp: last > generation ? last : generation, readAt: at }, hasGap };
}
