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

/** One change: the record that it left in the log, or as the generation. */
export interface Change {
  /** Its commit; "" before the first. Versionstamps compare as strings. */
  readonly versionstamp: string;
  /** The random number that stands in its records; `undefined` if they do not tell it. */
  readonly nonce: number | undefined;
}

/** How far a reader has come: the last change seen. */
export interface LogPosition extends Change {
  /** When the reading that got here began. */
  readonly read: Moment;
  /** Since when the record of the change stands in the log at the earliest, and for how long at least, in ms, if that is known. */
  readonly logged?: { readonly since: Moment; readonly keptMs: number };
}

/** A record of the log. */
export interface LoggedChange extends Change {
  /** How long it is kept at least, in ms. */
  readonly keptMs: number;
}

/** What a reading of the log from a position on found. */
export interface LogReading {
  /** When the reading began. */
  readonly begun: Moment;
  /** The generation, known before the log was read. */
  readonly generation: Change;
  /** The record at the position itself; `undefined` if there is none. */
  readonly first: Change | undefined;
  /** The last record behind the position; `undefined` if there is none. */
  readonly last: LoggedChange | undefined;
  /** Whether there may be more changes after the last one that was found. */
  readonly isCut: boolean;
}

/** Where a reader has come to, and what it has missed. */
export interface Advance {
  readonly position: LogPosition;
  /** Whether changes are missing before the position: then only a look at everything helps. */
  readonly hasGap: boolean;
}

/**
 * Tells whether a generation is the change at a position: nothing is new then. One with the versionstamp of the position and
 * another nonce is a change of another history.
 */
export function isAt(position: LogPosition, generation: Change): boolean {
  return generation.versionstamp === position.versionstamp && !differs(generation, position);
}

/**
 * Tells what shows that the database goes on in another history than that of the position: its change is not in the log, or
 * another one is in its place.
 *
 * @returns What shows it, to be read after a colon; `undefined` if nothing does.
 *
 * @example Another change has the versionstamp of the last one that was seen
 * ```ts
 * import { anotherHistory } from "./log_position.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const moment = { at: 1, monotonicMs: 1 };
 * const reading = { begun: moment, generation: { versionstamp: "05", nonce: 0.2 }, first: undefined, last: undefined, isCut: false };
 * const evidence = anotherHistory({ versionstamp: "05", nonce: 0.1, read: moment }, reading);
 * assertEquals(evidence, "another change has the versionstamp of the last one that was seen, 05");
 * ```
 */
export function anotherHistory(position: LogPosition, reading: LogReading): string | undefined {
  const { versionstamp, logged } = position;
  const { begun, generation, first } = reading;
  if (versionstamp === "") return undefined; // nothing was seen that could be missed
  const isReplaced = (first !== undefined && differs(first, position)) ||
    (generation.versionstamp === versionstamp && differs(generation, position));
  if (isReplaced) return `another change has the versionstamp of the last one that was seen, ${versionstamp}`;
  if (first !== undefined) return undefined;
  if (generation.versionstamp < versionstamp) {
    return `the last change that was seen is gone, ${versionstamp}, and the last one is now ` +
      `${generation.versionstamp === "" ? "none" : generation.versionstamp}`;
  }
  if (generation.versionstamp === versionstamp) return undefined; // only its record in the log has expired
  const cannotHaveExpired = logged !== undefined && ageMs(logged.since, begun) <= logged.keptMs / 2;
  return cannotHaveExpired ? `the last change that was seen is gone, ${versionstamp}` : undefined;
}

/**
 * Moves a position over a reading of the same history.
 *
 * Changes are missing if the log does not reach up to the generation, if it was not read to its end, or if the last
 * reading is so old, by either clock, that changes after it may have expired.
 *
 * @param position Where the reading began.
 * @param retentionMs For how long changes are kept at least, in ms.
 *
 * @example A log that has expired leaves a gap
 * ```ts
 * import { advance } from "./log_position.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const moment = { at: 1, monotonicMs: 1 };
 * const reading = { begun: moment, generation: { versionstamp: "07", nonce: 0.2 }, first: undefined, last: undefined, isCut: false };
 * const { position, hasGap } = advance({ versionstamp: "03", nonce: 0.1, read: moment }, reading, 1_000);
 * assertEquals([position.versionstamp, hasGap], ["07", true]);
 * ```
 */
export function advance(position: LogPosition, reading: LogReading, retentionMs: number): Advance {
  const { begun, generation, last, isCut } = reading;
  if (generation.versionstamp === position.versionstamp) {
    return { position: { ...position, nonce: generation.nonce ?? position.nonce, read: begun }, hasGap: false };
  }
  const isReached = last !== undefined && last.versionstamp >= generation.versionstamp;
  const hasGap = isCut || !isReached || ageMs(position.read, begun) > retentionMs / 2;
  if (!isReached) return { position: { ...generation, read: begun }, hasGap };
  // It was not there when the reading before began.
  const { versionstamp, nonce, keptMs } = last;
  return { position: { versionstamp, nonce, read: begun, logged: { since: position.read, keptMs } }, hasGap };
}

/** By the clock by which it is longer. */
function ageMs(since: Moment, now: Moment): number {
  return Math.max(now.at - since.at, now.monotonicMs - since.monotonicMs);
}

function differs(one: Change, other: Change): boolean {
  return one.nonce !== undefined && other.nonce !== undefined && one.nonce !== other.nonce;
}
