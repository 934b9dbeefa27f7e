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
import { type Finding, isUrgentFinding, reportDueMs } from "./trouble_rule.ts";

/** Is told when its process has been up for long enough. */
export interface Patient {
  recovered(): void;
}

/** The trouble of one key. Made at its first failure, as most keys never fail. */
export class TroubleReport<K> implements DeadlineHolder {
  readonly key: K;
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  /** The version of the entry that it is about. */
  version: unknown = undefined;
  /** Whose trouble it is. */
  patient: Patient;
  readonly #reports: Reports<K>;
  /** What was found last; `undefined` if it is well. */
  #finding: Finding | undefined = undefined;
  /** When the row of failures began, and when that was found, epoch ms. */
  #failingSinceAt = NaN;
  #foundAt = NaN;
  /** Whether the table knows less than is known here. */
  isDue = false;
  #isUrgent = false;
  isUnderWay = false;
  /** Whether the table may remember something. */
  #isTold = false;
  #reportedMs: number | undefined = undefined;
  /** When the process will have been up for long enough, by the monotonic clock. */
  #recoversMs = Infinity;

  constructor(reports: Reports<K>, key: K, patient: Patient) {
    this.#reports = reports;
    this.key = key;
    this.patient = patient;
  }

  /** What is wrong; `undefined` if it is well. Made when it is asked for: what crashes again and again is told of now and then. */
  get trouble(): Trouble | undefined {
    return this.#finding && { ...this.#finding, failingSinceAt: this.#failingSinceAt, changedAt: this.#foundAt };
  }

  /** The table remembers this: it is gone on from. */
  goOnFrom(trouble: Trouble, version: unknown): void {
    this.#finding = trouble;
    this.#failingSinceAt = trouble.failingSinceAt;
    this.#foundAt = trouble.changedAt;
    this.version = version;
    this.#isTold = true;
    this.isDue = this.#isUrgent = false; // what was due was of another version
    this.#setDeadline();
  }

  /** Something is wrong with a version of the entry. */
  found(finding: Finding, version: unknown, at: number): void {
    if (this.#finding === undefined) this.#failingSinceAt = at;
    this.#finding = finding;
    this.#foundAt = at;
    this.version = version;
    this.#due(isUrgentFinding(finding));
  }

  /** All is well again, or the version is another one, of which nothing is known yet. */
  end(version: unknown): void {
    if (this.#finding === undefined) return;
    this.#finding = undefined;
    this.version = version;
    if (this.#isTold || this.isUnderWay) return this.#due(true);
    this.isDue = false;
    this.#setDeadline();
  }

  /** The process came up: it is well again if it stays so for long. */
  isUp(resetAfterMs: number): void {
    if (this.#finding === undefined) return;
    this.#recoversMs = this.#reports.nowMs + resetAfterMs;
    this.#setDeadline();
  }

  /** The process is not up any more. The deadline stays: what follows most often has one, too. */
  isDown(): void {
    this.#recoversMs = Infinity;
  }

  /** Nothing more will happen to the key here: what is due is told at once. */
  leave(): void {
    this.#recoversMs = Infinity;
    this.#isUrgent = true;
    this.#setDeadline();
  }

  onDeadline(): void {
    if (this.#reports.nowMs >= this.#recoversMs) {
      this.#recoversMs = Infinity;
      this.patient.recovered();
    }
    this.#setDeadline();
  }

  /** The table is about to be told. Returns what of. */
  take(): Trouble | undefined {
    this.isUnderWay = true;
    this.isDue = this.#isUrgent = false;
    this.#isTold = this.#finding !== undefined;
    this.#reportedMs = this.#reports.nowMs;
    const { trouble } = this;
    this.#finding = trouble; // a table in memory keeps the same
    return trouble;
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
   * Has one deadline for both: the report, and the recovery. One that comes too early stays, and is set again when it comes:
   * what crashes again and again would move it several times for each crash.
   */
  #setDeadline(): void {
    const dueMs = this.isDue && !this.isUnderWay ? reportDueMs(this.#isUrgent, this.#reportedMs) : Infinity;
    const nextMs = Math.min(dueMs, this.#recoversMs);
    if (this.heapIndex >= 0 && this.deadlineAt <= nextMs && nextMs < Infinity) return;
    const { nowMs } = this.#reports, isDueNow = dueMs <= nowMs;
    this.#reports.wake(this, isDueNow ? this.#recoversMs : nextMs, nowMs);
    if (isDueNow) this.#reports.add(this); // last: it may be told, and have another deadline, within this call
  }
}
