/**
 * A key that is wanted, but not to run for now: an operator has said so, and the table keeps it.
 *
 * @module
 */

import { describeKey, describeValue } from "./errors.ts";
import { oneLine } from "./one_line.ts";

/** Why a key does not run for now, or the whole table. */
export interface Pause {
  /** Since when, epoch ms; another pause of the same key keeps it. */
  readonly at: number;
  /** Why. */
  readonly reason?: string;
  /** Who said so. */
  readonly by?: string;
  /** When it is over by itself, epoch ms; without it, only a resume ends it. */
  readonly untilAt?: number;
  /** Present if the whole table is paused. */
  readonly isWholeTable?: true;
}

/** What can be said of a pause. */
export interface PauseOptions {
  /** Why: at most 1 000 characters. */
  readonly reason?: string;
  /** Who says so: at most 1 000 characters. */
  readonly by?: string;
  /** When it is over by itself, epoch ms, after now; without it, only a resume ends it. */
  readonly untilAt?: number;
}

/** A key that is paused, or the whole table. */
export interface PausedKey<K> {
  /** The key; absent if the whole table is paused. */
  readonly key?: K;
  /** Since when, why, by whom, until when. */
  readonly pause: Pause;
}

/** The most characters of a reason and of a name: a pause is read with each look at its key. */
const maxLength = 1_000;

/** The last moment that a date can have. */
const maxAt = 8_640_000_000_000_000;

/**
 * Says that a process is not started because its key is paused, or the whole table.
 *
 * @example A tenant that is paused
 * ```ts
 * import { MapTable, nop, ProcessPausedError, Supervisor } from "@pact/supervisor";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const table = new MapTable([["acme", nop]]);
 * table.pause("acme", { reason: "invoice 7 is open" });
 * const supervisor = new Supervisor(table);
 * await supervisor.run(async () => {
 *   const error = await assertRejects(() => supervisor.start("acme"), ProcessPausedError);
 *   assertEquals(error.pause.reason, "invoice 7 is open");
 * });
 * ```
 */
export class ProcessPausedError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessPausedError";
  /** The key that is paused. */
  readonly key: unknown;
  /** Since when, why, by whom, until when. */
  readonly pause: Pause;

  /**
   * Makes the error.
   *
   * @param key The key that is paused.
   * @param pause Since when, why, by whom, until when.
   * @param options May hold a cause.
   */
  constructor(key: unknown, pause: Pause, options?: ErrorOptions) {
    super(`Cannot start process ${describeKey(key)}: ${describePause(pause)}`, options);
    this.key = key;
    this.pause = pause;
  }
}

/**
 * Says a pause in a few words.
 *
 * @param pause The pause of a key or of the whole table.
 * @returns One line.
 */
export function describePause({ reason, by, isWholeTable }: Pause): string {
  const who = by === undefined ? "" : ` by ${oneLine(by)}`;
  return `${isWholeTable ? "the whole table" : "it"} is paused${who}${
    reason === undefined ? "" : `: ${oneLine(reason)}`
  }`;
}

/**
 * Makes a pause of what an operator says.
 *
 * @param subject What is paused, to be read after "Cannot pause".
 * @param options What the operator says.
 * @param now The moment, epoch ms.
 * @param before The pause that it takes the place of.
 * @throws {TypeError} If an option has a wrong shape.
 * @throws {RangeError} If a text is too long, or `untilAt` is not after now.
 */
export function makePause(subject: string, options: PauseOptions, now: number, before?: Pause): Pause {
  const { reason, by, untilAt } = options;
  for (const [name, text] of Object.entries({ reason, by })) checkText(subject, name, text);
  if (untilAt !== undefined && (typeof untilAt !== "number" || !(untilAt > now && untilAt <= maxAt))) {
    const rule = `untilAt must be a moment after now, which is ${now}, in epoch ms`;
    const Kind = typeof untilAt === "number" ? RangeError : TypeError;
    throw new Kind(`Cannot pause ${subject}: ${rule}, current value is ${describeValue(untilAt)}`);
  }
  return {
    at: before?.at ?? now,
    ...reason !== undefined && { reason },
    ...by !== undefined && { by },
    ...untilAt !== undefined && { untilAt },
  };
}

/** Tells whether two pauses say the same. */
export function isSamePause(one: Pause | undefined, other: Pause): boolean {
  return one !== undefined && one.at === other.at && one.reason === other.reason && one.by === other.by &&
    one.untilAt === other.untilAt;
}

/** Returns a pause unless it is over. */
export function pauseAt(pause: Pause | undefined, now: number): Pause | undefined {
  return pause?.untilAt !== undefined && pause.untilAt <= now ? undefined : pause;
}

/** Of the pause of a key and that of the whole table, the one that goes on for longer. */
export function longerPause(own: Pause | undefined, whole: Pause | undefined): Pause | undefined {
  if (own === undefined || whole === undefined) return own ?? whole;
  return (own.untilAt ?? Infinity) >= (whole.untilAt ?? Infinity) ? own : whole;
}

function checkText(subject: string, name: string, text: unknown): void {
  if (text === undefined) return;
  if (typeof text !== "string") {
    throw new TypeError(`Cannot pause ${subject}: ${name} must be a string, current value is ${describeValue(text)}`);
  }
  if (text.length <= maxLength) return;
  throw new RangeError(
    `Cannot pause ${subject}: ${name} must have at most ${maxLength} characters, current length is ${text.length}`,
  );
}
