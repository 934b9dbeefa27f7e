/**
 * What one simulated instance runs on: a clock of its own that is wrong, and a network that fails.
 *
 * @module
 */

import type { Clock, Timer } from "@pact/supervisor";
import { stallMs } from "../../../src/clock.ts";
import { FaultyKv, type KvFault, type KvOperation } from "@pact/supervisor/testing";
import type { VirtualTime } from "./virtual_time.ts";

/** How likely each fault is, per call. What is left goes well. */
export interface FaultRates {
  readonly hang: number;
  readonly landLate: number;
  readonly slow: number;
  /** A listing is read late, so that what is listed beside it is older. */
  readonly tear: number;
  /** A listing fails. */
  readonly drop: number;
  readonly loseReply: number;
  readonly deny: number;
  readonly lock: number;
  readonly cut: number;
  /** A watch ends by itself. */
  readonly end: number;
}

export const noFaults: FaultRates = {
  hang: 0,
  landLate: 0,
  slow: 0,
  tear: 0,
  drop: 0,
  loseReply: 0,
  deny: 0,
  lock: 0,
  cut: 0,
  end: 0,
};

const fates = Object.keys(noFaults) as (keyof FaultRates)[];

/** The one operation that a fault is of. */
const operationOf: { readonly [Fate in keyof FaultRates]?: KvOperation } = { tear: "list", drop: "list", end: "watch" };

export interface MachineOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  /** How fast its clock runs. */
  readonly rate: number;
  /** How late a call that is slow, or lands late, may be, in ms. */
  readonly slowMs: number;
  readonly lateMs: number;
  /** Whether watches tell nothing, as those of other OS processes on one file. */
  readonly isDeaf: boolean;
  /** Whether Deno KV is the one that is written in JavaScript: what is not answered fails late, instead of never. */
  readonly givesUp: boolean;
  /** Resolves when there are no more faults: what would land late lands then. */
  readonly calm: Promise<void>;
}

/** A machine that may be stopped, woken and killed. While it is stopped nothing is delivered to it. */
export class Machine implements Clock {
  rates: FaultRates = noFaults;
  /** When the database first answered a call of it since this was forgotten, in ms of the world. */
  answeredMs: number | undefined = undefined;
  /** How many listings it has asked for. */
  lists = 0;
  rate: number;
  isPaused = false;
  isDead = false;
  /** When it was stopped, and until when, in ms of the world. */
  readonly stops: { readonly atMs: number; untilMs: number }[] = [];
  readonly #options: MachineOptions;
  /** What the monotonic clock showed when its rate was last changed, and when that was. */
  #baseMs = 0;
  #sinceMs: number;
  readonly #deferred: (() => void)[] = [];

  constructor(options: MachineOptions) {
    this.#options = options;
    this.rate = options.rate;
    this.#sinceMs = options.time.nowMs;
    this.#baseMs = options.random() * 1e6;
  }

  now(): number {
    return 1e12 + this.monotonic();
  }

  monotonic(): number {
    return this.#baseMs + (this.#options.time.nowMs - this.#sinceMs) * this.rate;
  }

  timer(callback: () => void, delayMs: number): Timer {
    const { time } = this.#options;
    let isOff = false;
    const wholeMs = Math.max(1, Math.ceil(delayMs)); // as timers are
    const dueMs = this.monotonic() + wholeMs;
    const fire = () => {
      if (isOff) return;
      if (this.monotonic() - dueMs > stallMs) time.stalled();
      callback();
    };
    const callOff = time.at(time.nowMs + wholeMs / this.rate, () => this.deliver(fire));
    return {
      cancel: () => {
        isOff = true;
        callOff();
      },
    };
  }

  /** Changes how fast its clock runs. */
  drift(rate: number): void {
    this.#baseMs = this.monotonic();
    this.#sinceMs = this.#options.time.nowMs;
    this.rate = rate;
  }

  /** Moves its clock forwards. */
  jump(ms: number): void {
    this.#baseMs += ms;
  }

  pause(): void {
    this.isPaused = true;
    this.stops.push({ atMs: this.#options.time.nowMs, untilMs: Infinity });
  }

  wake(): void {
    const { time } = this.#options;
    if (this.isPaused) this.stops.at(-1)!.untilMs = time.nowMs;
    this.isPaused = false;
    for (const callback of this.#deferred.splice(0)) time.at(time.nowMs, () => this.deliver(callback));
  }

  kill(): void {
    this.isDead = true;
    this.#deferred.length = 0;
  }

  /** Calls back unless the machine is dead; later, if it is stopped. */
  deliver(callback: () => void): void {
    if (this.isDead) return;
    if (this.isPaused) this.#deferred.push(callback);
    else callback();
  }

  /** Makes a database that can only be reached through this machine's network. */
  connect(kv: Deno.Kv): FaultyKv {
    return new FaultyKv(kv, { decide: (operation) => this.#fault(operation) });
  }

  #fault(operation: KvOperation): KvFault {
    const { time, random, slowMs, lateMs, isDeaf, givesUp } = this.#options;
    const fate = this.#fate(operation);
    if (operation === "list") this.lists++;
    const there = fate === "slow" || fate === "tear"
      ? random() * slowMs
      : fate === "landLate"
      ? random() * lateMs
      : 1 + random() * 20;
    const back = fate === "slow" ? random() * slowMs : 1 + random() * 20;
    const givenUpMs = givesUp ? random() * lateMs : undefined;
    return async <T>(call: () => Promise<T>): Promise<T> => {
      await (fate === "landLate" ? this.#sleepUnlessCalm(there) : time.until(time.nowMs + there));
      if (fate === "cut" || fate === "drop") {
        return this.#reply(back, Promise.reject(new TypeError("connection refused")));
      }
      if (fate === "lock") return this.#reply(back, Promise.reject(new TypeError("database is locked")));
      if (fate === "end") return this.#reply(back, Promise.resolve({ done: true, value: undefined } as T));
      if (fate === "hang") return this.#unanswered(givenUpMs);
      if (operation === "watch" && isDeaf) return new Promise<T>(() => {});
      const result = await this.#land(operation, call);
      if (fate === "landLate") return this.#unanswered(givenUpMs);
      if (fate === "loseReply") return this.#reply(back, Promise.reject(new TypeError("connection reset")));
      if (fate === "deny" && operation === "commit") return this.#reply(back, Promise.resolve({ ok: false } as T));
      // News of a watch opens no gate: what is asked for waits for an answer to a call all the same.
      if (operation === "watch") return this.#reply(back, Promise.resolve(result));
      return this.#reply(back, Promise.resolve(result).then((answer) => this.#answered(answer)));
    };
  }

  #unanswered<T>(givenUpMs: number | undefined): Promise<T> {
    if (givenUpMs === undefined) return new Promise(() => {});
    return this.#reply(givenUpMs, Promise.reject(new Error("request failed after 12 retries")));
  }

  #sleepUnlessCalm(ms: number): Promise<void> {
    const { time, calm } = this.#options;
    return Promise.race([time.until(time.nowMs + ms), calm]);
  }

  async #land<T>(operation: KvOperation, call: () => Promise<T>): Promise<T> {
    const { time } = this.#options;
    if (operation === "watch") return await call(); // answers when something changes
    time.outstanding++;
    try {
      return await call();
    } finally {
      time.outstanding--;
    }
  }

  #answered<T>(answer: T): T {
    this.answeredMs ??= this.#options.time.nowMs;
    return answer;
  }

  #reply<T>(afterMs: number, outcome: Promise<T>): Promise<T> {
    const { time } = this.#options;
    outcome.catch(() => {});
    return new Promise((resolve) => time.at(time.nowMs + afterMs, () => this.deliver(() => resolve(outcome))));
  }

  #fate(operation: KvOperation): keyof FaultRates | "well" {
    let chance = this.#options.random();
    for (const fate of fates) {
      const of = operationOf[fate];
      chance -= of !== undefined && of !== operation ? 0 : this.rates[fate];
      // A watch that is not heard of any more is what a stale one looks like.
      if (chance < 0) return operation === "watch" && fate === "deny" ? "well" : fate;
    }
    return "well";
  }
}
