/**
 * Lets a limited number of processes start at the same time, and within a second.
 *
 * @module
 */

import { type Clock, type Timer, turn } from "../clock.ts";
import { StartRate } from "./start_rate.ts";

/** Waits for its turn to start. */
export interface Starter {
  /** Is called when it may start; it then gives the permit back with {@linkcode StartQueue.release}. */
  mayStart(): void;
  /** Is called with what that throws. */
  cannotStart(error: unknown): void;
}

/** How many starts are allowed. */
export interface StartLimits {
  /** At the same time. */
  readonly startConcurrency: number;
  /** Within a second; `Infinity` for no limit. */
  readonly startsPerSecond: number;
}

/** After how many starts in a row the event loop gets a turn, so that timers and sockets are served. */
const startsPerTurn = 64;

/** How long a start may keep others waiting, in ms. */
const patienceMs = 1_000;

/**
 * A first-in, first-out queue of starts. A start that keeps others waiting for a second goes on but gives its permit back,
 * so that a hundred hanging tenants cannot keep the next one from starting.
 */
export class StartQueue {
  readonly #limit: number;
  readonly #rate: StartRate | undefined;
  readonly #clock: Clock;
  readonly #enter: (step: () => void) => void;
  /** Those who wait, and their order, in which those who have left still stand. */
  readonly #waiting: Set<Starter> = new Set();
  #order: Starter[] = [];
  #head = 0;
  /** Those who have a permit, and how many waits had been watched when it was given. */
  readonly #holders: Map<Starter, number> = new Map();
  #waits = 0;
  #timer: Timer | undefined = undefined;
  /** Waits until the rate allows another start. */
  #pace: Timer | undefined = undefined;
  #isDraining = false;
  #startsSinceTurn = 0;

  /** Starters are called by way of `enter`: what makes room for them is often another process. */
  constructor(clock: Clock, { startConcurrency, startsPerSecond }: StartLimits, enter: (step: () => void) => void) {
    this.#clock = clock;
    this.#limit = startConcurrency;
    this.#rate = startsPerSecond === Infinity ? undefined : new StartRate(startsPerSecond);
    this.#enter = enter;
  }

  /** Whether the starts of a second are limited. */
  get isPaced(): boolean {
    return this.#rate !== undefined;
  }

  /** A start begins. One that did not wait for its turn counts as well. */
  began(starter: Starter): void {
    if (this.#rate && !this.#holders.has(starter)) this.#rate.count(this.#clock.monotonic());
  }

  /** Calls a starter back: at once if there is room and no other waits, otherwise when its turn comes. */
  add(starter: Starter): void {
    const isFirst = this.#waiting.size === 0 && !this.#isDraining;
    if (isFirst && this.#startsSinceTurn < startsPerTurn && this.#hasRoom()) return this.#admit(starter);
    this.#waiting.add(starter);
    this.#order.push(starter);
    this.#drainSoon();
  }

  /** Leaves the queue, or gives the permit back. Does nothing for one that has neither. */
  release(starter: Starter): void {
    const isFree = this.#holders.delete(starter);
    if (this.#waiting.size === 0) return; // as most of the time, and a watch has nothing to do then
    this.#waiting.delete(starter);
    if (this.#waiting.size === 0) this.#watch();
    else if (isFree) this.#drainSoon();
  }

  /** Never within the call that makes it possible: the caller is in the midst of something. */
  #drainSoon(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#startsSinceTurn < startsPerTurn) this.#enter(this.#drain);
    else turn().then(() => this.#enter(this.#drainAfterTurn));
  }

  readonly #drainAfterTurn = (): void => {
    this.#startsSinceTurn = 0;
    this.#drain();
  };

  readonly #drain = (): void => {
    while (this.#waiting.size > 0 && this.#startsSinceTurn < startsPerTurn && this.#hasRoom()) {
      const starter = this.#order[this.#head++];
      if (this.#waiting.delete(starter)) this.#admit(starter);
    }
    this.#isDraining = false;
    if (this.#waiting.size === 0 || this.#head > this.#order.length / 2) {
      this.#order = this.#order.slice(this.#head);
      this.#head = 0;
    }
    if (this.#waiting.size > 0 && this.#hasRoom()) this.#drainSoon();
    this.#watch();
  };

  #hasRoom(): boolean {
    return this.#holders.size < this.#limit && this.#isInTime();
  }

  /** Whether another start is allowed by now; otherwise a timer waits for that. */
  #isInTime(): boolean {
    const waitMs = this.#rate === undefined ? 0 : this.#rate.waitMs(this.#clock.monotonic());
    if (waitMs > 0) this.#pace ??= this.#clock.timer(this.#paced, Math.ceil(waitMs));
    return waitMs <= 0;
  }

  readonly #paced = (): void => {
    this.#pace = undefined;
    this.#drainSoon();
  };

  #admit(starter: Starter): void {
    this.#startsSinceTurn++;
    this.#rate?.count(this.#clock.monotonic());
    this.#holders.set(starter, this.#waits);
    try {
      starter.mayStart();
    } catch (error) {
      this.#holders.delete(starter);
      starter.cannotStart(error);
    }
  }

  /** Keeps a timer while a starter waits. */
  #watch(): void {
    if (this.#waiting.size === 0) {
      this.#timer?.cancel();
      this.#pace?.cancel();
      this.#timer = this.#pace = undefined;
    } else if (this.#timer === undefined) {
      const waits = ++this.#waits;
      this.#timer = this.#clock.timer(() => this.#expirePermits(waits), patienceMs);
    }
  }

  #expirePermits(waits: number): void {
    this.#timer = undefined;
    for (const [starter, since] of this.#holders) {
      if (since < waits) this.#holders.delete(starter);
    }
    this.#drainSoon();
  }
}
