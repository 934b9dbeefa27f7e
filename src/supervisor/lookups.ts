/**
 * Looks single keys up in the table, one look at a time per key.
 *
 * @module
 */

import { type Clock, type Timer, turn } from "../clock.ts";
import { checkArgument, hasMethods } from "../check.ts";
import { describeKey } from "../errors.ts";
import { isAbortEcho } from "../process/runnable.ts";
import type { Entry, Table } from "../table/table.ts";

/** How a look stands. */
export type Flight = "none" | "flying" | "again" | "outdated";

/** Is looked up, and told what the table says. */
export interface Sought<K, P> {
  readonly key: K;
  /** Whether it is being looked up; is to be looked up again after that; and what is being answered is outdated. */
  flight: Flight;
  /** The number of the last pass during which it was looked up. */
  lookedInPass: number;
  /** The table has this entry, or none. */
  looked(entry: Entry<K, P> | undefined): void;
  /** The table failed; if outdated, at a look whose answer no longer matters. */
  lookFailed(error: unknown, isOutdated: boolean): void;
}

/** After how many looks the event loop gets a turn: a restart loop made of microtasks would starve every timer. */
const looksPerTurn = 64;

/** How often it is seen whether a look is overdue, in ms, and for how many times it may be found unanswered. */
const watchMs = 5_000;
const patience = 3;

/** How many looks at one key may be given up and still be unanswered. */
const maxGivenUp = 2;

/** One look under way. */
interface Look<K, P> {
  readonly sought: Sought<K, P>;
  /** Is called when the table has been heard, all repetitions included. */
  readonly done: () => void;
  /** How many times the watch has found it unanswered. */
  found: number;
  isGivenUp: boolean;
}

/**
 * A look asked for while one of the same key is under way is made after it, so that what is acted upon last was also read
 * last. For the same reason a pass over the whole table must not trust its row of a key that was looked at during the pass:
 * that row may be older.
 *
 * A look that the table does not answer within 20 s is given up and counts as failed, so that it does not freeze its key. The
 * table still has it: when two looks at one key are unanswered, a further one fails without being made.
 */
export class Lookups<K, P> {
  readonly #table: Table<K, P>;
  readonly #clock: Clock;
  readonly #options: { readonly signal: AbortSignal };
  readonly #enter: (step: () => void) => void;
  #flights = 0;
  #looks = 0;
  readonly #unanswered: Set<Look<K, P>> = new Set();
  readonly #givenUp: Map<K, number> = new Map();
  #watch: Timer | undefined = undefined;
  #idle: PromiseWithResolvers<void> | undefined = undefined;
  #pass = 0;
  /** Keys that a look found missing during this pass: their keepers may be forgotten by then. */
  #missing: Set<K> | undefined = undefined;

  /** An abort of the signal abandons all looks, without a word. Calls reach the table by way of `enter`. */
  constructor(table: Table<K, P>, clock: Clock, signal: AbortSignal, enter: (step: () => void) => void) {
    this.#table = table;
    this.#clock = clock;
    this.#options = { signal };
    this.#enter = enter;
  }

  /** Looks a key up. Resolves when it has been told; never rejects. */
  look(sought: Sought<K, P>): Promise<void> {
    sought.lookedInPass = this.#pass;
    if (sought.flight === "none") return new Promise((resolve) => this.#ask(this.#begin(sought, resolve)));
    if (sought.flight === "flying") sought.flight = "again";
    return ready;
  }

  /** Looks a key up from now on: the answer to a look under way is not acted upon. */
  lookAfresh(sought: Sought<K, P>): void {
    sought.lookedInPass = this.#pass;
    if (sought.flight !== "none") {
      sought.flight = "outdated";
      return;
    }
    const look = this.#begin(sought, nothing);
    this.#enter(() => this.#ask(look)); // a caller's context is not that of the process
  }

  /** Whether a look at the key would fail at once, as two before it are still unanswered. A row of a pass has to do then. */
  refuses(key: K): boolean {
    return this.#givenUp.get(key) === maxGivenUp;
  }

  /** Starts to remember which keys are looked at during the pass of this number. */
  beginPass(pass: number): void {
    this.#pass = pass;
    this.#missing = new Set();
  }

  /** Tells whether a row that the pass read may be older than what is known of its key. */
  knowsBetter(key: K, sought: Sought<K, P> | undefined): boolean {
    if (sought === undefined) return this.#missing!.size > 0 && this.#missing!.has(key);
    return sought.lookedInPass === this.#pass || sought.flight !== "none";
  }

  /** Ends what {@linkcode Lookups.beginPass} began. */
  endPass(): void {
    this.#missing = undefined;
  }

  /** Resolves when no look is under way. Given up ones do not count: they were told of. */
  async idle(): Promise<void> {
    if (this.#flights > 0) await (this.#idle ??= Promise.withResolvers()).promise;
  }

  /** Calls the watch off. Looks that are made after this are waited for without a limit. */
  close(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  #begin(sought: Sought<K, P>, done: () => void): Look<K, P> {
    this.#flights++;
    sought.flight = "flying";
    return { sought, done, found: 0, isGivenUp: false };
  }

  #ask(look: Look<K, P>): void {
    if (++this.#looks % looksPerTurn === 0) turn().then(() => this.#askNow(look));
    else this.#askNow(look);
  }

  #askNow(look: Look<K, P>): void {
    const { sought: { key } } = look;
    if (this.refuses(key)) {
      const error = new Error(
        `Cannot look up ${describeKey(key)}: the table has not answered ${maxGivenUp} looks before`,
      );
      return void turn().then(() => this.#failed(look, error));
    }
    this.#unanswered.add(look);
    if (!this.#options.signal.aborted) this.#watch ??= this.#clock.timer(this.#giveUpOverdue, watchMs);
    let answer: Promise<Entry<K, P> | undefined>;
    try {
      answer = this.#table.get(key, this.#options);
    } catch (error) {
      answer = Promise.reject(error);
    }
    Promise.resolve(answer).then((entry) => this.#answered(look, entry), (error) => this.#failed(look, error));
  }

  #answered(look: Look<K, P>, entry: Entry<K, P> | undefined): void {
    if (look.isGivenUp) return this.#heardLate(look);
    const { sought } = look;
    try {
      if (!this.#options.signal.aborted && !isOutdated(sought)) this.#answer(sought, entry);
    } catch (error) {
      this.#tellFailed(look, error);
    }
    this.#finish(look);
  }

  #failed(look: Look<K, P>, error: unknown): void {
    if (look.isGivenUp) return this.#heardLate(look);
    this.#tellFailed(look, error);
    this.#finish(look);
  }

  #tellFailed({ sought }: Look<K, P>, error: unknown): void {
    const { signal } = this.#options;
    if (!isAbortEcho(error, signal)) sought.lookFailed(error, signal.aborted || isOutdated(sought));
  }

  #finish(look: Look<K, P>): void {
    const { sought } = look;
    this.#unanswered.delete(look);
    sought.lookedInPass = this.#pass; // a pass may have begun meanwhile
    this.#flights--;
    if (isToRepeat(sought) && !this.#options.signal.aborted) return this.#ask(this.#begin(sought, look.done));
    sought.flight = "none";
    look.done();
    if (this.#flights === 0) this.#idle?.resolve();
  }

  readonly #giveUpOverdue = (): void => {
    this.#watch = undefined;
    for (const look of this.#unanswered) {
      if (++look.found > patience) this.#enter(() => this.#giveUp(look));
    }
    if (this.#unanswered.size > 0) this.#watch = this.#clock.timer(this.#giveUpOverdue, watchMs);
  };

  #giveUp(look: Look<K, P>): void {
    if (!this.#unanswered.has(look)) return; // answered at the last moment
    const { key } = look.sought;
    look.isGivenUp = true;
    this.#givenUp.set(key, (this.#givenUp.get(key) ?? 0) + 1);
    const reason = `Cannot look up ${describeKey(key)}: the table does not answer`;
    this.#tellFailed(look, new DOMException(reason, "TimeoutError"));
    this.#finish(look);
  }

  #heardLate({ sought: { key } }: Look<K, P>): void {
    const others = (this.#givenUp.get(key) ?? 0) - 1;
    if (others > 0) this.#givenUp.set(key, others);
    else this.#givenUp.delete(key);
  }

  #answer(sought: Sought<K, P>, entry: Entry<K, P> | undefined): void {
    const { key } = sought;
    const isEntry = entry === undefined || hasMethods(entry, "get");
    checkArgument(`use the entry of ${describeKey(key)}`, "it has no get method", entry, isEntry);
    if (entry === undefined) this.#missing?.add(key);
    sought.looked(entry);
  }
}

const ready: Promise<void> = Promise.resolve();
const nothing = () => {};

function isToRepeat<K, P>({ flight }: Sought<K, P>): boolean {
  return flight === "again" || flight === "outdated";
}

function isOutdated<K, P>({ flight }: Sought<K, P>): boolean {
  return flight === "outdated";
}
