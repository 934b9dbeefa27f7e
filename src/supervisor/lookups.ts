/**
 * Looks single keys up in the table, one look at a time per key.
 *
 * @module
 */

import { type Clock, type Timer, turn } from "../clock.ts";
import { checkArgument } from "../check.ts";
import { describeKey } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import { isAbortEcho } from "../process/runnable.ts";
import { type Absence, askAbsence, type Entry, type Table } from "../table/table.ts";

/** Is looked up, and told what the table says. */
export interface Sought<K, P> {
  readonly key: K;
  /** The look under way. */
  look: Look<K, P> | undefined;
  /** The number of the last pass during which it was looked up. */
  lookedInPass: number;
  /** The table has this entry, or none, and may say why. */
  looked(entry: Entry<K, P> | undefined, absence?: Absence): void;
  /** The table failed; if outdated, at a look whose answer no longer matters. */
  lookFailed(error: unknown, isOutdated: boolean): void;
}

/** Looks that began within the same 5 s, and are given up together: their common signal aborts then. */
class Epoch {
  readonly #controller: AbortController = new AbortController();
  /** For the table. */
  readonly options: { readonly signal: AbortSignal } = { signal: this.#controller.signal };

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}

/** A look under way at one key, all repetitions included. */
export interface Look<K, P> {
  readonly sought: Sought<K, P>;
  readonly epoch: Epoch;
  /** Its neighbours among those under way, in the order in which they began. */
  before: Look<K, P> | undefined;
  after: Look<K, P> | undefined;
  /** Is called when the table has been heard. */
  readonly done: () => void;
  /** Whether another look is to be made after it; and whether its own answer no longer matters then. */
  next: "none" | "again" | "instead";
  /** Whether the table has been asked and has not answered: it is not asked while others at the same key are unanswered. */
  isAsked: boolean;
  /** How many times the watch has found it unanswered. */
  found: number;
  /** Whether its key is no longer sought: the answer is waited for, and a failure told, but not acted upon. */
  isAbandoned: boolean;
  /** Whether it was given up before the table answered, or has been answered. */
  hasEnded: boolean;
}

/** After how many looks the event loop gets a turn: a restart loop made of microtasks would starve every timer. */
const looksPerTurn = 64;

/** How often it is seen whether a look is overdue, in ms, and for how many times it may be found unanswered. */
const watchMs = 5_000;
const patience = 3;

/** How many looks at one key that are given up or abandoned may be unanswered. */
const maxLeft = 2;

/**
 * A look asked for while one of the same key is under way is made after it, so that what is acted upon last was also read
 * last. For the same reason a pass over the whole table must not trust its row of a key that was looked at during the pass:
 * that row may be older.
 *
 * A look that the table does not answer within 20 s is given up and counts as failed, so that it does not freeze its key. The
 * table still has it: while two looks at a key are unanswered, a further one waits for one of those, as long at most.
 */
export class Lookups<K, P> {
  readonly #table: Table<K, P>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #epoch: Epoch = new Epoch();
  readonly #enter: (step: () => void) => void;
  #looks = 0;
  /** The ends of the list of looks under way: an array that is often empty costs 150 B each time it is not. */
  #oldest: Look<K, P> | undefined = undefined;
  #newest: Look<K, P> | undefined = undefined;
  /** How many looks at a key are given up or abandoned, and unanswered. */
  readonly #left: Map<K, number> = new Map();
  /** Looks that wait for one of those to be answered. */
  readonly #held: Map<K, Look<K, P>> = new Map();
  #watch: Timer | undefined = undefined;
  #idle: PromiseWithResolvers<void> | undefined = undefined;
  #pass = 0;
  /** Keys that a look found missing during this pass: their keepers may be forgotten by then. */
  #missing: Set<K> | undefined = undefined;

  /** An abort of the signal abandons all looks, without a word. Calls from elsewhere reach the table by way of `enter`. */
  constructor(table: Table<K, P>, clock: Clock, signal: AbortSignal, enter: (step: () => void) => void) {
    this.#table = table;
    this.#clock = clock;
    this.#signal = signal;
    this.#enter = enter;
    onAbort(signal, () => this.#abortAll());
  }

  /** Looks a key up. Resolves when it has been told; never rejects. */
  look(sought: Sought<K, P>): Promise<void> {
    sought.lookedInPass = this.#pass;
    if (sought.look === undefined) return new Promise((resolve) => this.#ask(this.#begin(sought, resolve)));
    if (sought.look.next === "none") sought.look.next = "again";
    return ready;
  }

  /** Looks a key up from now on: the answer to a look under way is not acted upon. A call from elsewhere enters first. */
  lookAfresh(sought: Sought<K, P>, isFromElsewhere: boolean): void {
    sought.lookedInPass = this.#pass;
    if (sought.look) sought.look.next = "instead";
    else if (isFromElsewhere) this.#enterToAsk(this.#begin(sought, nothing));
    else this.#ask(this.#begin(sought, nothing));
  }

  /** Goes on without acting upon the answer: the key is no longer sought. */
  abandon(sought: Sought<K, P>): void {
    const { look } = sought;
    if (look === undefined) return;
    sought.look = undefined;
    look.isAbandoned = true;
    if (this.#held.get(sought.key) === look) this.#end(look);
    else if (look.isAsked) this.#leave(look);
  }

  /** Whether looks at the key are held as two are unanswered. A row of a pass has to do then. */
  holds(key: K): boolean {
    return this.#left.get(key) === maxLeft;
  }

  /** Starts to remember which keys are looked at during the pass of this number. */
  beginPass(pass: number): void {
    this.#pass = pass;
    this.#missing = new Set();
  }

  /** Tells whether a row that the pass read may be older than what is known of its key. */
  knowsBetter(key: K, sought: Sought<K, P> | undefined): boolean {
    if (sought === undefined) return this.#missing!.size > 0 && this.#missing!.has(key);
    return sought.lookedInPass === this.#pass || (sought.look !== undefined && sought.look.isAsked);
  }

  /** Ends what {@linkcode Lookups.beginPass} began. */
  endPass(): void {
    this.#missing = undefined;
  }

  /** Resolves when no look is under way. Those that were given up do not count: they were told of. */
  async idle(): Promise<void> {
    if (this.#oldest) await (this.#idle ??= Promise.withResolvers()).promise;
  }

  /** Calls the watch off. */
  close(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  #begin(sought: Sought<K, P>, done: () => void): Look<K, P> {
    if (this.#watch === undefined && !this.#signal.aborted) this.#setWatch();
    const look: Look<K, P> = {
      sought,
      epoch: this.#epoch,
      before: this.#newest,
      after: undefined,
      done,
      next: "none",
      isAsked: true,
      found: 0,
      isAbandoned: false,
      hasEnded: false,
    };
    if (this.#newest) this.#newest.after = look;
    else this.#oldest = look;
    this.#newest = look;
    return sought.look = look;
  }

  #enterToAsk(look: Look<K, P>): void {
    this.#enter(() => this.#ask(look));
  }

  #ask(look: Look<K, P>): void {
    if (++this.#looks % looksPerTurn === 0) turn().then(() => this.#askNow(look));
    else this.#askNow(look);
  }

  async #askNow(look: Look<K, P>): Promise<void> {
    const { key } = look.sought;
    if (look.isAbandoned) return this.#forgo(look);
    look.isAsked = !this.holds(key);
    if (!look.isAsked) return void this.#held.set(key, look);
    try {
      const entry = await this.#table.get(key, look.epoch.options);
      this.#answered(look, entry);
    } catch (error) {
      this.#failed(look, error);
    }
  }

  #answered(look: Look<K, P>, entry: Entry<K, P> | undefined): void {
    if (entry === undefined) this.#missing?.add(look.sought.key);
    this.#heard(look);
    if (!this.#isOutdated(look)) this.#answer(look.sought, entry);
    this.#end(look);
  }

  #failed(look: Look<K, P>, error: unknown): void {
    this.#heard(look);
    this.#tellFailed(look, error);
    this.#end(look);
  }

  #forgo(look: Look<K, P>): void {
    this.#heard(look);
    this.#end(look);
  }

  /** The table is not busy with the look any more. */
  #heard(look: Look<K, P>): void {
    const { sought: { key } } = look;
    if (look.isAsked && (look.hasEnded || look.isAbandoned)) this.#comeBack(key);
    look.isAsked = false;
  }

  #tellFailed(look: Look<K, P>, error: unknown): void {
    const isEcho = isAbortEcho(error, this.#signal);
    if (!look.hasEnded && !isEcho) look.sought.lookFailed(error, this.#isOutdated(look));
  }

  #isOutdated(look: Look<K, P>): boolean {
    return this.#signal.aborted || look.next === "instead" || look.isAbandoned || look.hasEnded;
  }

  #end(look: Look<K, P>): void {
    const { sought, next, done } = look;
    if (look.hasEnded) return; // when it was given up
    this.#remove(look);
    if (this.#held.get(sought.key) === look) this.#held.delete(sought.key);
    if (sought.look === look) {
      sought.look = undefined;
      sought.lookedInPass = this.#pass; // a pass may have begun meanwhile
      if (next !== "none" && !this.#signal.aborted) return this.#ask(this.#begin(sought, done));
    }
    done();
    if (!this.#oldest) this.#idle?.resolve();
  }

  #remove(look: Look<K, P>): void {
    const { before, after } = look;
    look.hasEnded = true;
    if (before) before.after = after;
    else this.#oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
    look.before = look.after = undefined; // the list must not live on in a look that is never answered
  }

  #abortAll(): void {
    const { reason } = this.#signal;
    this.#epoch.abort(reason);
    for (let look = this.#oldest; look !== undefined; look = look.after) look.epoch.abort(reason);
  }

  #setWatch(): void {
    this.#epoch = new Epoch();
    this.#watch = this.#clock.timer(() => this.#enter(this.#giveUpOverdue), watchMs);
  }

  readonly #giveUpOverdue = (): void => {
    if (this.#watch === undefined) return;
    for (let look = this.#oldest; look !== undefined;) {
      const { after } = look;
      if (++look.found > patience) this.#giveUp(look);
      look = after;
    }
    this.#watch = undefined;
    if (this.#oldest) this.#setWatch();
  };

  #giveUp(look: Look<K, P>): void {
    const { sought: { key }, isAsked } = look;
    const reason = `Cannot look up ${describeKey(key)}: the table does not answer`;
    const error = new DOMException(reason, "TimeoutError");
    this.#tellFailed(look, error);
    if (isAsked && !look.isAbandoned) this.#leave(look);
    this.#end(look);
    look.epoch.abort(error); // a table that obeys it answers at last, and can be asked again
  }

  /** The look goes on, but a later one must not wait for it. */
  #leave({ sought: { key } }: Look<K, P>): void {
    this.#left.set(key, (this.#left.get(key) ?? 0) + 1);
  }

  #comeBack(key: K): void {
    const others = (this.#left.get(key) ?? 0) - 1;
    if (others > 0) this.#left.set(key, others);
    else this.#left.delete(key);
    const held = this.#held.get(key);
    this.#held.delete(key);
    if (held) this.#ask(held);
  }

  #answer(sought: Sought<K, P>, entry: Entry<K, P> | undefined): void {
    if (entry !== undefined && typeof entry?.get !== "function") refuse(sought.key, entry);
    if (entry) sought.looked(entry);
    else sought.looked(undefined, askAbsence(this.#table, sought.key));
  }
}

const ready: Promise<void> = Promise.resolve();
const nothing = () => {};

function refuse(key: unknown, entry: unknown): void {
  checkArgument(`use the entry of ${describeKey(key)}`, "it has no get method", entry, false);
}
