/**
 * One pass over the whole table: starts what is missing, replaces what changed, stops what is gone for certain.
 *
 * @module
 */

import { pause, settlesWithin, turn } from "../clock.ts";
import type { StartCause } from "../events.ts";
import { onAbort } from "../on_abort.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";
import { assertKey, type Entry } from "../table/table.ts";
import { added, found } from "./answers.ts";
import type { Keeper } from "./keeper.ts";
import type { Lookups } from "./lookups.ts";
import type { Registry } from "./registry.ts";

/** After how many rows the event loop gets a turn. */
const rowsPerTurn = 1_024;
/** Within what time a row is expected, in ms: a table is given up after that, and within twice that. */
const rowLimitMs = 10_000;
/** How many iterations may be given up within so many ms and still be unanswered: a reply may be lost for good. */
const maxGivenUp = 2;
const forgivenAfterMs = 600_000;
/** How many vanished entries are confirmed at the same time. */
const confirmationsAtOnce = 64;
/** How long a pass waits for them, in ms: a look that takes longer goes on, and acts when it is answered. */
const patienceMs = 1_000;

/** Counts how what one pass set going comes out. */
export interface Tally {
  /** A start came up, failed, or was called off; a stop that no start follows has ended. */
  settled(isFailure: boolean): void;
}

/** One pass. */
export class Pass<K, P extends Runnable> implements Tally {
  readonly #registry: Registry<K, P>;
  readonly #lookups: Lookups<K, P>;
  readonly #signal: AbortSignal;
  readonly #number: number;
  readonly #cause: StartCause;
  #seen = 0;
  #started = 0;
  #stopped = 0;
  #replaced = 0;
  #failed = 0;
  #pending = 0;
  /** Resolves when the table is no longer read, or the reading was given up. */
  reading: Promise<void> = Promise.resolve();
  #isGivenUp = false;
  #settling: AbortController | undefined = undefined;

  constructor(registry: Registry<K, P>, lookups: Lookups<K, P>, signal: AbortSignal, cause: StartCause) {
    this.#registry = registry;
    this.#lookups = lookups;
    this.#signal = signal;
    this.#number = ++registry.passes;
    this.#cause = cause;
  }

  /** Returns whether the table could be read to its end. */
  async make(): Promise<boolean> {
    const { clock } = this.#registry, lookups = this.#lookups;
    const beganMs = clock.monotonic();
    lookups.beginPass(this.#number);
    const isComplete = await this.#readAll();
    if (isComplete) await this.#confirmMissing();
    lookups.endPass();
    await this.#settle();
    if (this.#signal.aborted) return true;
    const pass = { at: clock.now(), failed: this.#failed, durationMs: Math.round(clock.monotonic() - beganMs) };
    if (isComplete && this.#registry.run) this.#registry.run.pass = pass;
    this.#registry.emit({
      type: "reconciled",
      seen: this.#seen,
      started: this.#started,
      stopped: this.#stopped,
      replaced: this.#replaced,
      ...pass,
    });
    return isComplete;
  }

  settled(isFailure: boolean): void {
    if (isFailure) this.#failed++;
    if (--this.#pending === 0) this.#settling?.abort();
  }

  /** Reads the table. One that yields no row for so long is given up: it must not hold up every later pass as well. */
  async #readAll(): Promise<boolean> {
    const { clock, unansweredReads } = this.#registry;
    const recent = [...unansweredReads].filter(({ sinceMs }) => clock.monotonic() - sinceMs < forgivenAfterMs);
    if (recent.length >= maxGivenUp) {
      this.#fail(new Error(`Cannot read the table: it has not answered ${maxGivenUp} iterations before`));
      return false;
    }
    let isComplete = false, isSettled = false;
    const reading = this.reading = this.#readRows().then((isAll) => void (isComplete = isAll), this.#fail);
    reading.then(() => isSettled = true);
    for (let seen = -1; seen !== this.#seen;) {
      seen = this.#seen;
      if (await settlesWithin(clock, reading, rowLimitMs, this.#signal)) return isComplete;
      if (this.#signal.aborted) return false; // the run waits for the reading, and names a table that does not answer
    }
    await turn(); // a table whose own deadline is as long says better what is wrong
    if (isSettled) return isComplete;
    this.#isGivenUp = true;
    this.reading = Promise.resolve();
    const unanswered = { sinceMs: clock.monotonic() };
    unansweredReads.add(unanswered);
    reading.then(() => unansweredReads.delete(unanswered));
    this.#fail(new DOMException("Cannot read the table: it does not yield its next row", "TimeoutError"));
    return false;
  }

  /**
   * Reads every row, with a turn of the event loop now and then. A table that iterates synchronously too is read that way: a
   * promise per row costs more than all that is done with the row.
   */
  async #readRows(): Promise<boolean> {
    const { table } = this.#registry, signal = this.#signal;
    if (table[Symbol.iterator]) {
      for (const entry of table as Iterable<Entry<K, P>>) {
        this.#see(entry);
        if (this.#seen % rowsPerTurn === 0) await turn();
        if (signal.aborted) return false;
      }
      return true;
    }
    const iterator = table[Symbol.asyncIterator]();
    // The iterator is told of the abort, so that a `next` that is pending can settle.
    using _closing = onAbort(signal, () => closeIterator(iterator, this.#fail));
    for (;;) {
      const { done, value } = await iterator.next();
      if (this.#isGivenUp) closeIterator(iterator, this.#fail);
      if (signal.aborted || this.#isGivenUp || done) return done === true && !signal.aborted;
      this.#see(value);
      if (this.#seen % rowsPerTurn === 0) await turn();
    }
  }

  readonly #fail = (error: unknown): void => {
    if (!isAbortEcho(error, this.#signal)) this.#registry.tableFailed("iterate", error);
  };

  /** A row that cannot even be looked at does not keep the others from being seen. */
  #see(entry: Entry<K, P>): void {
    this.#seen++;
    try {
      this.#take(entry);
    } catch (error) {
      this.#failed++;
      this.#fail(error);
    }
  }

  #take(entry: Entry<K, P>): void {
    const { key } = entry;
    const keeper = this.#registry.keepers.get(key);
    if (this.#lookups.knowsBetter(key, keeper)) return void this.#lookups.look(this.#registry.keeperOf(key));
    if (keeper === undefined) return this.#add(entry);
    keeper.seenInPass = this.#number;
    if (found(keeper, entry, this.#cause)) this.#replaced++;
    else if (!keeper.pausing || !keeper.attempt) return; // unless it has to end, there is nothing to wait for
    this.#await(keeper);
  }

  #add(entry: Entry<K, P>): void {
    const { key } = entry;
    try {
      assertKey(key);
    } catch (error) {
      this.#failed++;
      this.#registry.emit({ type: "entry-failed", at: this.#registry.clock.now(), key, error });
      return;
    }
    const keeper = this.#registry.keeperOf(key);
    keeper.seenInPass = this.#number;
    this.#await(keeper);
    if (added(keeper, entry, this.#cause)) this.#started++;
  }

  /** Whatever the pass did not come across is stopped only after a look of its own has confirmed that it is gone. */
  async #confirmMissing(): Promise<void> {
    const { clock } = this.#registry;
    const unseen = this.#unseen();
    for (let i = 0; i < unseen.length && !this.#signal.aborted; i += confirmationsAtOnce) {
      const batch = unseen.slice(i, i + confirmationsAtOnce);
      const looked = new AbortController();
      Promise.all(batch.map((keeper) => this.#lookups.look(keeper))).then(() => looked.abort());
      await pause(clock, patienceMs, looked.signal, this.#signal);
      const stopped = batch.filter((keeper) => this.#isStopped(keeper));
      for (const keeper of stopped) if (keeper.attempt) this.#await(keeper);
      this.#stopped += stopped.length;
      if (looked.signal.aborted || this.#signal.aborted) continue;
      this.#fail(new Error(`Cannot confirm what is gone: the table has not answered within ${patienceMs} ms`));
    }
  }

  #unseen(): Keeper<K, P>[] {
    const unseen: Keeper<K, P>[] = [];
    for (const keeper of this.#registry.keepers.values()) {
      if (keeper.seenInPass !== this.#number && !this.#lookups.knowsBetter(keeper.key, keeper)) unseen.push(keeper);
    }
    return unseen;
  }

  /** Waits for what was set going with a key, unless an earlier pass still does. */
  #await(keeper: Keeper<K, P>): void {
    if (keeper.tally) return;
    keeper.tally = this;
    this.#pending++;
  }

  #isStopped(keeper: Keeper<K, P>): boolean {
    const { attempt } = keeper;
    return keeper.phase === "forgotten" || (attempt !== undefined && !attempt.isWanted);
  }

  /** Waits until what the pass set going has settled, but no longer than the initial wait. */
  async #settle(): Promise<void> {
    const { clock, settings: { initialWaitMs } } = this.#registry;
    if (this.#pending === 0 || initialWaitMs === 0) return;
    this.#settling = new AbortController();
    await pause(clock, initialWaitMs, this.#settling.signal, this.#signal);
  }
}

/** Tells an iterator that no more is wanted. Its answer is not waited for. */
export function closeIterator(iterator: AsyncIterator<unknown>, fail: (error: unknown) => void): void {
  const close = async () => {
    await iterator.return?.();
  };
  close().catch(fail);
}
