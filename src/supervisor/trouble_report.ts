/**
 * What is wrong with one key, and what the table has been told of that.
 *
 * ```text
 *   it fails ──▶ due, at once or 10 s after the last report ──▶ under way ──▶ told
 *      ▲                          ▲                                 │           │
 *      │                          ╰──── failed, or changed ─────────╯           │
 *      ╰────────────────────────────────────────────────────────────────────────╯
 * ```
 *
 * It ends when the process has been up for long enough, or the key is not to be the same any more. What the table was never
 * told of ends in silence.
 *
 * @module
 */

import type { Trouble } from "../table/trouble.ts";
import type { DeadlineHolder } from "./deadlines.ts";
import type { Reports } from "./reports.ts";
import { type Finding, isUrgentTrouble, makeTrouble, reportDueMs } from "./trouble_rule.ts";

/** The trouble of one key. Made at its first failure, as most keys never fail. */
export class TroubleReport<K> implements DeadlineHolder {
  readonly key: K;
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  /** The version of the entry that it is about. */
  version: unknown = undefined;
  /** What is wrong; `undefined` if it is well. A table in memory keeps the same. */
  trouble: Trouble | undefined = undefined;
  readonly #reports: Reports<K>;
  /** Whether the table knows less than is known here. */
  isDue = false;
  #isUrgent = false;
  isUnderWay = false;
  /** Whether the table may remember something. */
  #isTold = false;
  #reportedMs: number | undefined = undefined;

  constructor(reports: Reports<K>, key: K) {
    this.#reports = reports;
    this.key = key;
  }

  /** The table remembers this: it is gone on from. */
  goOnFrom(trouble: Trouble, version: unknown): void {
    this.trouble = trouble;
    this.version = version;
    this.#isTold = true;
    this.isDue = this.#isUrgent = false; // what was due was of another version
    this.#setDeadline();
  }

  /** Something is wrong with a version of the entry. */
  found(finding: Finding, version: unknown, at: number): void {
    this.trouble = makeTrouble(finding, this.trouble?.failingSinceAt ?? at, at);
    this.version = version;
    this.#due(isUrgentTrouble(this.trouble));
  }

  /** All is well again, or the version is another one, of which nothing is known yet. */
  end(version: unknown): void {
    if (this.trouble === undefined) return;
    this.trouble = undefined;
    this.version = version;
    if (this.#isTold || this.isUnderWay) return this.#due(true);
    this.isDue = false;
    this.#setDeadline();
  }

  /** Nothing more will happen to the key here: what is due is told at once. */
  leave(): void {
    this.#isUrgent = true;
    this.#setDeadline();
  }

  onDeadline(): void {
    this.#setDeadline();
  }

  /** The table is about to be told. Returns what of. */
  take(): Trouble | undefined {
    this.isUnderWay = true;
    this.isDue = this.#isUrgent = false;
    this.#isTold = this.trouble !== undefined;
    this.#reportedMs = this.#reports.nowMs;
    return this.trouble;
  }

  /** The table has answered. If it has failed it is told again, in a while; and at once if something urgent has come up. */
  answered(isFailure: boolean): void {
    this.isUnderWay = false;
    this.isDue ||= isFailure;
    this.#isTold ||= isFailure; // it may have landed
    this.#setDeadline();
  }

  /** It is not told for now. */
  putOff(): void {
    this.#isUrgent = false;
    this.#reportedMs = this.#reports.nowMs;
    this.#setDeadline();
  }

  #due(isUrgent: boolean): void {
    this.isDue = true;
    this.#isUrgent ||= isUrgent;
    this.#setDeadline();
  }

  /**
   * Has the report told when it is due. A deadline that comes too early stays, and is set again when it comes: what crashes
   * again and again would move it for each crash.
   */
  #setDeadline(): void {
    const dueMs = this.isDue && !this.isUnderWay ? reportDueMs(this.#isUrgent, this.#reportedMs) : Infinity;
    if (this.heapIndex >= 0 && this.deadlineAt <= dueMs && dueMs < Infinity) return;
    const { nowMs } = this.#reports, isDueNow = dueMs <= nowMs;
    this.#reports.wake(this, isDueNow ? Infinity : dueMs, nowMs);
    if (isDueNow) this.#reports.add(this); // last: it may be told, and have another deadline, within this call
  }
}
