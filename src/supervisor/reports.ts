/**
 * Tells a table what is wrong with its keys: some at a time, and while that fails, one.
 *
 * @module
 */

import { type Clock, settlesWithin } from "../clock.ts";
import type { Table } from "../table/table.ts";
import type { Deadlines } from "./deadlines.ts";
import type { TroubleReport } from "./trouble_report.ts";
import { reportEveryMs } from "./trouble_rule.ts";

/** How many reports are under way at the same time at most: thousands of keys may fail at once. */
const reportsAtOnce = 64;

/** How long a report is waited for, in ms: it counts as failed then. */
const limitMs = 20_000;

/** What {@linkcode Reports} need. */
export interface ReportsOptions<K> {
  readonly table: Pick<Table<K, unknown>, "report">;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Is told of the first of the failures that follow each other. */
  readonly failed: (error: unknown) => void;
}

/** The reports of a supervisor, over all its keys. */
export class Reports<K> {
  readonly #options: ReportsOptions<K>;
  readonly #waiting: Set<TroubleReport<K>> = new Set();
  readonly #underWay: Set<Promise<void>> = new Set();
  /** Those with a deadline, or something to tell. */
  readonly #open: Set<TroubleReport<K>> = new Set();
  /** Those of keys that are not kept any more, which the table does not know of yet. */
  readonly #left: Map<K, TroubleReport<K>> = new Map();
  /** When a report failed, by the monotonic clock, if none has succeeded since. */
  #failedMs: number | undefined = undefined;
  /** Whether the run is about to end: nothing is put off then, unless it fails. */
  #isFinishing = false;
  /** Aborts when nothing is told any more, until the next run. */
  #closing: AbortController = new AbortController();

  constructor(options: ReportsOptions<K>) {
    this.#options = options;
  }

  /** The moment, by the monotonic clock. */
  get nowMs(): number {
    return this.#options.clock.monotonic();
  }

  /** Begins to tell: a run begins. */
  open(): void {
    this.#closing = new AbortController();
    this.#isFinishing = false;
  }

  /** Has a report told as soon as possible. */
  add(report: TroubleReport<K>): void {
    if (this.#isClosed) return this.#drop(report);
    if (this.#failedMs !== undefined && !this.#isFinishing && this.nowMs < this.#failedMs + reportEveryMs) {
      return report.putOff();
    }
    if (this.#waiting.size === 0 && this.#hasRoom) return this.#tell(report);
    this.#open.add(report);
    this.#waiting.add(report);
    this.#tellSome();
  }

  /** Calls a report back at a moment, by the monotonic clock, as is `nowMs`. */
  wake(report: TroubleReport<K>, atMs: number, nowMs: number): void {
    const { deadlines } = this.#options;
    if (atMs === Infinity || this.#isClosed) {
      deadlines.delete(report);
      if (!report.isDue && !report.isUnderWay) this.#drop(report);
      return;
    }
    this.#open.add(report);
    deadlines.set(report, Math.max(0, atMs - nowMs), nowMs);
  }

  /** Has told at once what is known of a key that is not kept any more. */
  leave(report: TroubleReport<K>): void {
    report.leave();
    if (this.#open.has(report)) this.#left.set(report.key, report);
  }

  /** Returns what was left of a version and is still to be told: told beside that of its next life, it would be what stays. */
  takeUp(key: K, entry: { readonly version?: unknown }): TroubleReport<K> | undefined {
    const left = this.#left.get(key);
    if (left === undefined || !Object.is(left.version, entry.version)) return undefined;
    this.#left.delete(key);
    return left;
  }

  /** Tells all that is due. Resolves when that has been answered. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    for (const report of [...this.#open]) report.leave();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Tells nothing more: the run has ended. */
  close(): void {
    this.#closing.abort();
    this.#waiting.clear();
    for (const report of this.#open) this.#options.deadlines.delete(report);
    this.#open.clear();
    this.#left.clear();
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #drop(report: TroubleReport<K>): void {
    this.#open.delete(report);
    if (this.#left.get(report.key) === report) this.#left.delete(report.key);
  }

  get #hasRoom(): boolean {
    return this.#underWay.size < (this.#failedMs === undefined ? reportsAtOnce : 1);
  }

  #tellSome(): void {
    for (const report of this.#waiting) {
      if (!this.#hasRoom) return;
      this.#waiting.delete(report);
      if (report.isDue && !report.isUnderWay) this.#tell(report);
    }
  }

  #tell(report: TroubleReport<K>): void {
    const { key, version } = report;
    try {
      const told = this.#options.table.report?.({ key, version }, report.take());
      if (told === undefined) return this.#answered(report);
      this.#open.add(report);
      const answer = this.#await(report, told);
      this.#underWay.add(answer);
      answer.then(() => {
        this.#underWay.delete(answer);
        this.#tellSome();
      });
    } catch (error) {
      this.#answered(report, { error });
    }
  }

  async #await(report: TroubleReport<K>, told: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    let failure: { readonly error: unknown } | undefined;
    const settled = Promise.resolve(told).catch((error) => void (failure = { error }));
    if (!await settlesWithin(this.#options.clock, settled, limitMs, signal)) {
      if (signal.aborted) return report.answered(true); // the run has named the table
      const late = `Cannot report on a key: the table has not answered after ${limitMs} ms`;
      failure = { error: new DOMException(late, "TimeoutError") };
    }
    this.#answered(report, failure);
  }

  #answered(report: TroubleReport<K>, failure?: { readonly error: unknown }): void {
    const isNews = failure !== undefined && this.#failedMs === undefined;
    this.#failedMs = failure && this.nowMs;
    if (failure) {
      // The others would fail as well: each comes again by itself, and one at a time is told until that succeeds.
      const others = [...this.#waiting];
      this.#waiting.clear();
      for (const other of others) other.putOff();
    }
    report.answered(failure !== undefined);
    if (isNews) this.#options.failed(failure.error);
  }
}
