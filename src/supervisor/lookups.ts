/**
 * Looks single keys up in the table, one look at a time per key.
 *
 * @module
 */

import { turn } from "../clock.ts";
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

/**
 * A look asked for while one of the same key is under way is made after it, so that what is acted upon last was also read
 * last. For the same reason a pass over the whole table must not trust its row of a key that was looked at during the pass:
 * that row may be older.
 */
export class Lookups<K, P> {
  readonly #table: Table<K, P>;
  readonly #options: { readonly signal: AbortSignal };
  #flights = 0;
  #looks = 0;
  #idle: PromiseWithResolvers<void> | undefined = undefined;
  #pass = 0;
  /** Keys that a look found missing during this pass: their keepers may be forgotten by then. */
  #missing: Set<K> | undefined = undefined;

  /** An abort of the signal abandons all looks, without a word. */
  constructor(table: Table<K, P>, signal: AbortSignal) {
    this.#table = table;
    this.#options = { signal };
  }

  /** Looks a key up. Resolves when it has been told; never rejects. */
  async look(sought: Sought<K, P>): Promise<void> {
    sought.lookedInPass = this.#pass;
    if (sought.flight !== "none") {
      if (sought.flight === "flying") sought.flight = "again";
      return;
    }
    const { signal } = this.#options;
    this.#flights++;
    do {
      sought.flight = "flying";
      if (++this.#looks % looksPerTurn === 0) await turn();
      try {
        const entry = await this.#table.get(sought.key, this.#options);
        if (!signal.aborted && !isOutdated(sought)) this.#answer(sought, entry);
      } catch (error) {
        if (!isAbortEcho(error, signal)) sought.lookFailed(error, signal.aborted || isOutdated(sought));
      }
      sought.lookedInPass = this.#pass; // a pass may have begun meanwhile
    } while (isToRepeat(sought) && !signal.aborted);
    sought.flight = "none";
    if (--this.#flights === 0) this.#idle?.resolve();
  }

  /** Looks a key up from now on: the answer to a look under way is not acted upon. */
  lookAfresh(sought: Sought<K, P>): void {
    if (sought.flight === "none") this.look(sought);
    else sought.flight = "outdated";
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

  /** Resolves when no look is under way. */
  async idle(): Promise<void> {
    if (this.#flights === 0) return;
    await (this.#idle ??= Promise.withResolvers()).promise;
  }

  #answer(sought: Sought<K, P>, entry: Entry<K, P> | undefined): void {
    const { key } = sought;
    const isEntry = entry === undefined || hasMethods(entry, "get");
    checkArgument(`use the entry of ${describeKey(key)}`, "it has no get method", entry, isEntry);
    if (entry === undefined) this.#missing?.add(key);
    sought.looked(entry);
  }
}

function isToRepeat<K, P>({ flight }: Sought<K, P>): boolean {
  return flight === "again" || flight === "outdated";
}

function isOutdated<K, P>({ flight }: Sought<K, P>): boolean {
  return flight === "outdated";
}
