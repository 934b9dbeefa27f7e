/**
 * Finds out when a database answers again that has left calls unanswered.
 *
 * @module
 */

import { type Clock, maxTimerMs, type Timer } from "../clock.ts";
import { isClosed, isLocked } from "./errors.ts";

/** What a {@linkcode Prober} needs. */
export interface ProberOptions {
  /** Times the questions. */
  readonly clock: Clock;
  /** How long after the first question the second one comes, and how often the server is asked, in ms. */
  readonly everyMs: number;
  /** Asks the database: one call, which may never be answered and cannot be taken back. */
  readonly ask: () => Promise<unknown>;
  /** Asks whether there is a server at all, which leaves nothing behind; without it the database itself is asked. */
  readonly reach: ((signal: AbortSignal) => Promise<boolean>) | undefined;
  /** Is called whenever the database answers. */
  readonly answered: () => void;
}

/**
 * Asks from `start` to `stop`. A question that is not answered stays with Deno for ever, which repeats it: so the pauses
 * double without an end, and an outage of an hour leaves a dozen. Where a server can be asked first, it is, at a steady pace,
 * and only one that is there is given questions.
 *
 * ```text
 *   start ──▶ is there a server? ──▶ ask the database ──▶ answered
 *                  │ no ▲                  │ no answer
 *                  └────┘ everyMs          └──▶ ask again after everyMs, twice that, four times that …
 * ```
 */
export class Prober {
  readonly #options: ProberOptions;
  #isOn = false;
  /** When the next round is due, and the next question to the database, in ms. */
  #roundMs = -Infinity;
  #askMs = -Infinity;
  #pauseMs = 0;
  #askedMs = -Infinity;
  /** How many times it was hurried since a question was answered. */
  #hurries = 0;
  #timer: Timer | undefined = undefined;
  #reaching: AbortController = new AbortController();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Begins to ask: at once, unless it has asked not long ago. */
  start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#reaching = new AbortController();
    this.#schedule();
  }

  /** Asks no more. What was asked may still be answered. */
  stop(): void {
    this.#isOn = false;
    this.#timer?.cancel();
    this.#reaching.abort();
  }

  /**
   * Something else was answered, and so may be the next question: it comes at once, or soon after the last one. Each time that
   * this was in vain it takes twice as long: a database may answer all but this.
   */
  hurry(): void {
    if (this.#pauseMs === 0) return;
    this.#pauseMs = 0;
    this.#roundMs = this.#askedMs + this.#options.everyMs * 2 ** (this.#hurries++ - 1);
    if (this.#isOn) this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    const waitMs = this.#roundMs - clock.monotonic();
    if (waitMs <= 0) void this.#round();
    else this.#timer = clock.timer(() => void this.#round(), Math.min(waitMs, maxTimerMs));
  }

  async #round(): Promise<void> {
    const { clock, everyMs, reach } = this.#options;
    const { signal } = this.#reaching;
    this.#roundMs = clock.monotonic() + everyMs;
    const isReached = !reach || await reach(signal);
    if (signal.aborted) return;
    if (!isReached) this.#pauseMs = 0; // what was not answered was lost on the way: the first one that arrives may be answered
    else if (this.#pauseMs === 0 || clock.monotonic() >= this.#askMs) this.#ask();
    if (!reach) this.#roundMs = this.#askMs;
    this.#schedule();
  }

  #ask(): void {
    const { clock, everyMs, ask } = this.#options;
    this.#pauseMs = this.#pauseMs === 0 ? everyMs : 2 * this.#pauseMs;
    this.#askedMs = clock.monotonic();
    this.#askMs = this.#askedMs + this.#pauseMs;
    Promise.try(ask).then(this.#answered, (error) => {
      if (isClosed(error) || isLocked(error)) this.#answered();
    });
  }

  readonly #answered = (): void => {
    const { clock, everyMs, answered } = this.#options;
    this.#pauseMs = this.#hurries = 0;
    this.#roundMs = -Infinity;
    answered();
    if (!this.#isOn) return;
    this.#roundMs = clock.monotonic() + everyMs; // what still waits is not helped by an answer to something else
    this.#schedule();
  };
}
