/**
 * Lets a limited number of processes start at the same time.
 *
 * @module
 */

import { type Clock, steadyNow, type Timer, turn } from "../clock.ts";

/** Waits for its turn to start. */
export interface Starter {
  /** Is called when it may start; it then gives the permit back with {@linkcode StartQueue.release}. */
  mayStart(): void;
  /** Is called with what that throws. */
  cannotStart(error: unknown): void;
}

/** After how many starts in a row the event loop gets a turn, so that timers and sockets are served. */
const startsPerTurn = 64;

/** How long a start may keep its permit, in ms. */
const patienceMs = 1_000;

/**
 * A first-in, first-out queue of starts. A start that takes longer than a second goes on but gives its permit back, so that
 * a hundred hanging tenants cannot keep the next one from starting.
 */
export class StartQueue {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #now: () => number;
  #waiting: Set<Starter> = new Set();
  #holders: Map<Starter, number> = new Map();
  #timer: Timer | undefined = undefined;
  #isDraining = false;
  #startsSinceTurn = 0;

  /**
   * @param clock Measures how long a start takes.
   * @param limit How many may start at the same time.
   */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#now = steadyNow(clock);
    this.#limit = limit;
  }

  /**
   * Waits for a turn; when nobody does, it is his.
   *
   * @param starter Is called back, at once or later.
   */
  add(starter: Starter): void {
    const isHisTurn = this.#waiting.size === 0 && !this.#isDraining && this.#holders.size < this.#limit;
    if (isHisTurn && this.#startsSinceTurn < startsPerTurn) return this.#admit(starter);
    this.#waiting.add(starter);
    this.#drain();
  }

  /**
   * Leaves the queue, or gives the permit back. Does nothing for one that has neither.
   *
   * @param starter Who leaves.
   */
  release(starter: Starter): void {
    this.#waiting.delete(starter);
    const isFree = this.#holders.delete(starter);
    if (this.#waiting.size === 0) this.#watch();
    else if (isFree) this.#drain();
  }

  async #drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    // A start may end within its own call and let the next one begin: a loop, where recursion would overflow the stack.
    await undefined;
    for (const starter of this.#waiting) {
      if (this.#startsSinceTurn >= startsPerTurn) await this.#turn();
      if (this.#holders.size >= this.#limit) break;
      if (this.#waiting.delete(starter)) this.#admit(starter); // it may have left meanwhile
    }
    this.#isDraining = false;
    this.#watch();
  }

  async #turn(): Promise<void> {
    await turn();
    this.#startsSinceTurn = 0;
  }

  #admit(starter: Starter): void {
    this.#startsSinceTurn++;
    this.#holders.set(starter, this.#now());
    try {
      starter.mayStart();
    } catch (error) {
      this.#holders.delete(starter);
      starter.cannotStart(error);
    }
  }

  /** Keeps a timer while somebody waits. */
  #watch(): void {
    if (this.#waiting.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      const [oldestAt = this.#now()] = this.#holders.values();
      const delayMs = Math.max(0, oldestAt + patienceMs - this.#now());
      this.#timer = this.#clock.timer(this.#loseHeart, delayMs);
    }
  }

  readonly #loseHeart = (): void => {
    this.#timer = undefined;
    const now = this.#now();
    for (const [starter, since] of this.#holders) {
      if (since + patienceMs > now) break;
      this.#holders.delete(starter);
    }
    this.#drain();
  };
}
