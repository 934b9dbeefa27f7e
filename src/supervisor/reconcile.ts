/**
 * Passes over the whole table, one at a time: every so often, on demand, and when a hint says "look at everything".
 *
 * @module
 */

import { pause, type Timer } from "../clock.ts";
import type { StartCause } from "../events.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";
import { assertKey, type Entry, type Table } from "../table/table.ts";
import type { KeeperHost, Tally } from "./host.ts";
import type { Keeper } from "./keeper.ts";
import type { Lookups } from "./lookups.ts";
import { readRows } from "./read_rows.ts";
import { delayAfter } from "./restart.ts";

/** What a pass needs from the supervisor. */
export interface ReconcileHost<K, P extends Runnable> extends KeeperHost<K> {
  readonly table: Table<K, P>;
  readonly keepers: Map<K, Keeper<K, P>>;
  readonly lookups: Lookups<K, P>;
  /** Returns who keeps the key, a new keeper when there is none. */
  keeperOf(key: K): Keeper<K, P>;
}

/** How many vanished entries are confirmed at the same time. */
const confirmationsAtOnce = 64;
/** How long a pass waits for them, in ms: a look that takes longer goes on, and acts when it is answered. */
const patienceMs = 1_000;

/** Makes passes until its signal aborts. */
export class Reconciler<K, P extends Runnable> {
  readonly #host: ReconcileHost<K, P>;
  readonly #signal: AbortSignal;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #number = 0;
  #failedInARow = 0;
  /** Whether something could not be looked at since the last pass began. */
  #isHurried = false;

  /**
   * @param host The supervisor.
   * @param signal Ends all passes.
   */
  constructor(host: ReconcileHost<K, P>, signal: AbortSignal) {
    this.#host = host;
    this.#signal = signal;
  }

  /**
   * Asks for a pass that begins from now on. Callers who ask while one is under way share the next one.
   *
   * @param cause What its starts are said to be caused by.
   * @returns A promise that resolves when the pass has ended, whatever came of it; it never rejects.
   */
  request(cause: StartCause): Promise<void> {
    return (this.#next ??= this.#follow(this.#current, cause));
  }

  /** Makes sure that a pass comes soon, because something that was to be looked at could not be. */
  hurry(): void {
    if (this.#isHurried) return; // many failures count once, and must not put the pass off again and again
    this.#isHurried = true;
    if (this.#timer && !this.#signal.aborted) this.#schedule();
  }

  /** Resolves when no pass is under way. */
  async idle(): Promise<void> {
    this.#timer?.cancel();
    await (this.#next ?? this.#current);
  }

  async #follow(before: Promise<void>, cause: StartCause): Promise<void> {
    await before;
    this.#current = this.#next!;
    this.#next = undefined;
    if (this.#signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isHurried = false;
    const pass = new Pass(this.#host, this.#signal, ++this.#number, cause);
    if (!await pass.make()) this.#isHurried = true;
    if (!this.#isHurried) this.#failedInARow = 0;
    if (!this.#signal.aborted) this.#schedule();
  }

  /** A table that failed is looked at again soon, and then less and less often. */
  #schedule(): void {
    const { clock, settings } = this.#host;
    let delayMs = settings.intervalMs;
    if (this.#isHurried) {
      const soonMs = delayAfter(settings.restart, ++this.#failedInARow, settings.random());
      delayMs = Math.min(delayMs, soonMs);
    }
    this.#timer?.cancel();
    this.#timer = clock.timer(() => this.request("reconcile"), delayMs);
  }
}

/** One pass. */
class Pass<K, P extends Runnable> implements Tally {
  readonly #host: ReconcileHost<K, P>;
  readonly #signal: AbortSignal;
  readonly #number: number;
  readonly #cause: StartCause;
  #seen = 0;
  #started = 0;
  #stopped = 0;
  #replaced = 0;
  #failed = 0;
  #pending = 0;
  #settling: AbortController | undefined = undefined;

  constructor(host: ReconcileHost<K, P>, signal: AbortSignal, number: number, cause: StartCause) {
    this.#host = host;
    this.#signal = signal;
    this.#number = number;
    this.#cause = cause;
  }

  /** Returns whether the table could be read to its end. */
  async make(): Promise<boolean> {
    const { clock, lookups } = this.#host;
    const beganAt = clock.now();
    lookups.beginPass(this.#number);
    const isComplete = await this.#readAll();
    if (isComplete) await this.#confirmMissing();
    lookups.endPass();
    await this.#settle();
    if (this.#signal.aborted) return true;
    this.#host.emit({
      type: "reconciled",
      at: clock.now(),
      seen: this.#seen,
      started: this.#started,
      stopped: this.#stopped,
      replaced: this.#replaced,
      failed: this.#failed,
      durationMs: Math.max(0, clock.now() - beganAt),
    });
    return isComplete;
  }

  settled(isFailure: boolean): void {
    if (isFailure) this.#failed++;
    if (--this.#pending === 0) this.#settling?.abort();
  }

  async #readAll(): Promise<boolean> {
    try {
      return await readRows(this.#host.table, this.#signal, (entry) => this.#see(entry), this.#fail);
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  readonly #fail = (error: unknown): void => {
    if (isAbortEcho(error, this.#signal)) return;
    this.#host.emit({ type: "table-failed", at: this.#host.clock.now(), operation: "iterate", error });
  };

  /** A row that cannot even be looked at does not keep the others from being seen. */
  #see(entry: Entry<K, P>): void {
    this.#seen++;
    try {
      this.#heed(entry);
    } catch (error) {
      this.#failed++;
      this.#fail(error);
    }
  }

  #heed(entry: Entry<K, P>): void {
    const { key } = entry;
    const { keepers, lookups } = this.#host;
    const keeper = keepers.get(key);
    if (lookups.knowsBetter(key, keeper)) return this.#host.lookAt(key);
    if (keeper === undefined) return this.#add(entry);
    keeper.seenInPass = this.#number;
    if (!keeper.found(entry, this.#cause)) return;
    this.#replaced++;
    this.#await(keeper);
  }

  #add(entry: Entry<K, P>): void {
    const { key } = entry;
    try {
      assertKey(key);
    } catch (error) {
      this.#failed++;
      this.#host.emit({ type: "entry-failed", at: this.#host.clock.now(), key, error });
      return;
    }
    const keeper = this.#host.keeperOf(key);
    keeper.seenInPass = this.#number;
    this.#started++;
    this.#await(keeper);
    keeper.enqueue(entry, this.#cause);
  }

  /** Whatever the pass did not come across is stopped only after a look of its own has confirmed that it is gone. */
  async #confirmMissing(): Promise<void> {
    const { clock, keepers, lookups } = this.#host;
    const unseen = [...keepers.values()].filter((keeper) => this.#isUnseen(keeper));
    for (let i = 0; i < unseen.length && !this.#signal.aborted; i += confirmationsAtOnce) {
      const batch = unseen.slice(i, i + confirmationsAtOnce);
      const looked = new AbortController();
      Promise.all(batch.map((keeper) => lookups.look(keeper))).then(() => looked.abort());
      await pause(clock, patienceMs, looked.signal, this.#signal);
      const stopped = batch.filter((keeper) => this.#isStopped(keeper));
      for (const keeper of stopped) if (keeper.attempt) this.#await(keeper);
      this.#stopped += stopped.length;
      if (looked.signal.aborted || this.#signal.aborted) continue;
      this.#fail(new Error(`Cannot confirm what is gone: the table has not answered within ${patienceMs} ms`));
    }
  }

  /** Waits for what was set going with a key, unless an earlier pass still does. */
  #await(keeper: Keeper<K, P>): void {
    if (keeper.tally) return;
    keeper.tally = this;
    this.#pending++;
  }

  #isStopped(keeper: Keeper<K, P>): boolean {
    const { attempt } = keeper;
    return this.#host.keepers.get(keeper.key) !== keeper || (attempt !== undefined && !attempt.isWanted);
  }

  #isUnseen(keeper: Keeper<K, P>): boolean {
    return keeper.seenInPass !== this.#number && !this.#host.lookups.knowsBetter(keeper.key, keeper);
  }

  /** Waits until what the pass set going has settled, but no longer than the initial wait. */
  async #settle(): Promise<void> {
    const { clock, settings: { initialWaitMs } } = this.#host;
    if (this.#pending === 0 || initialWaitMs === 0) return;
    this.#settling = new AbortController();
    await pause(clock, initialWaitMs, this.#settling.signal, this.#signal);
  }
}
