/**
 * One pass over the whole table: starts what is missing, replaces what changed, stops what is gone for certain.
 *
 * @module
 */

import { pause } from "../clock.ts";
import type { StartCause } from "../events.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";
import { assertKey, type Entry, type Table } from "../table/table.ts";
import type { KeeperHost, Tally } from "./host.ts";
import type { Keeper } from "./keeper.ts";
import type { Lookups } from "./lookups.ts";
import { readRows } from "./read_rows.ts";

/** What a pass needs from the supervisor. */
export interface ReconcileHost<K, P extends Runnable> extends KeeperHost<K> {
  readonly table: Table<K, P>;
  readonly keepers: Map<K, Keeper<K, P>>;
  readonly lookups: Lookups<K, P>;
  /** How many passes there have been, in whatever run: stuck keepers outlive one. */
  passes: number;
  /** How many keepers were dropped so far. */
  readonly forgets: number;
  /** Returns who keeps the key, a new keeper when there is none. */
  keeperOf(key: K): Keeper<K, P>;
}

/** How many vanished entries are confirmed at the same time. */
const confirmationsAtOnce = 64;
/** How long a pass waits for them, in ms: a look that takes longer goes on, and acts when it is answered. */
const patienceMs = 1_000;

/** One pass. */
export class Pass<K, P extends Runnable> implements Tally {
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
  readonly #forgetsBefore: number;
  #marked = 0;
  readonly #order: MapIterator<Keeper<K, P>>;
  #nextKept: Keeper<K, P> | undefined = undefined;
  #settling: AbortController | undefined = undefined;

  constructor(host: ReconcileHost<K, P>, signal: AbortSignal, number: number, cause: StartCause) {
    this.#host = host;
    this.#signal = signal;
    this.#number = number;
    this.#cause = cause;
    this.#order = host.keepers.values();
    this.#forgetsBefore = host.forgets;
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
    const { lookups } = this.#host;
    const keeper = this.#keeperOf(key);
    if (lookups.knowsBetter(key, keeper)) return this.#host.lookAt(key);
    if (keeper === undefined) return this.#add(entry);
    this.#mark(keeper);
    if (!keeper.found(entry, this.#cause)) return;
    this.#replaced++;
    this.#await(keeper);
  }

  /** A table mostly yields its rows in the order in which they were kept: a step aside is cheaper than a look-up. */
  #keeperOf(key: K): Keeper<K, P> | undefined {
    let kept = this.#nextKept;
    if (kept === undefined || kept.isForgotten) kept = this.#nextKept = this.#order.next().value;
    if (kept === undefined || kept.key !== key || kept.isForgotten) return this.#host.keepers.get(key);
    this.#nextKept = undefined;
    return kept;
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
    this.#mark(keeper);
    this.#started++;
    this.#await(keeper);
    keeper.enqueue(entry, this.#cause);
  }

  /** Whatever the pass did not come across is stopped only after a look of its own has confirmed that it is gone. */
  async #confirmMissing(): Promise<void> {
    const { clock, keepers, lookups, forgets } = this.#host;
    if (this.#marked === keepers.size && this.#forgetsBefore === forgets) return; // nothing can be missing
    const unseen: Keeper<K, P>[] = [];
    for (const keeper of keepers.values()) {
      if (keeper.seenInPass !== this.#number && !lookups.knowsBetter(keeper.key, keeper)) unseen.push(keeper);
    }
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

  #mark(keeper: Keeper<K, P>): void {
    if (keeper.seenInPass !== this.#number) this.#marked++;
    keeper.seenInPass = this.#number;
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

  /** Waits until what the pass set going has settled, but no longer than the initial wait. */
  async #settle(): Promise<void> {
    const { clock, settings: { initialWaitMs } } = this.#host;
    if (this.#pending === 0 || initialWaitMs === 0) return;
    this.#settling = new AbortController();
    await pause(clock, initialWaitMs, this.#settling.signal, this.#signal);
  }
}
