/**
 * What a process says of itself: that it is alive, and a note.
 *
 * @module
 */

import { describeValue } from "../errors.ts";
import { shortLine } from "../one_line.ts";
import { type AwakeTime, tickMs } from "./awake_time.ts";

/** How long a note may be, in characters. */
const maxNoteLength = 200;

/**
 * Made when a process says something, or has to. The clock is read at the first word of a tick only, so that a process may
 * call as often as it likes; if more words follow within the tick, the last of them counts as said at its end.
 */
export class Pulse {
  readonly #awake: AwakeTime;
  #isHeard = false;
  #aliveMs = 0;
  /** The tick of the last word, and whether it was not the first one there. */
  #tick = -1;
  #isAgain = false;
  #note: string | undefined = undefined;

  constructor(awake: AwakeTime) {
    this.#awake = awake;
  }

  /** The last note, as one line. */
  get note(): string | undefined {
    return this.#note === undefined ? undefined : shortLine(this.#note, maxNoteLength);
  }

  /** For how long it has been silent, in ms during which it could have said something; below 0 when that is uncertain. */
  get silentMs(): number {
    return this.#awake.nowMs() - this.#aliveMs - (this.#isAgain ? tickMs : 0);
  }

  /** Begins to count its silence. */
  hear(): void {
    this.#isHeard = true;
    this.#awake.follow();
    this.#aliveMs = this.#awake.nowMs();
    this.#isAgain = false;
  }

  /** Ends that. */
  unhear(): void {
    if (this.#isHeard) this.#awake.unfollow();
    this.#isHeard = false;
  }

  /** It is alive. Called as often as a process likes: a note is made a line when it is shown, unless it is too long to be kept. */
  beat(note: unknown): void {
    const { ticks } = this.#awake;
    if (this.#tick === ticks) this.#isAgain = true;
    else if (this.#isHeard) this.#isFirstOf(ticks);
    if (note === undefined) return;
    const text = typeof note === "string" ? note : describeValue(note);
    this.#note = text.length <= maxNoteLength ? text : shortLine(text, maxNoteLength);
  }

  #isFirstOf(tick: number): void {
    this.#aliveMs = this.#awake.nowMs();
    this.#tick = tick;
    this.#isAgain = false;
  }
}
