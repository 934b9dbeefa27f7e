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
import { type Finding, isUrgentFinding, reportDelayMs, troubleAfter } from "./trouble_rule.ts";

/** The trouble of one key. Made at its first failure, as most keys never fail. */
export class TroubleReport<K> implements DeadlineHolder {
  readonly key: K;
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  /** What is wrong; `undefined` if it is well. */
  trouble: Trouble | undefined = undefined;
  /** The version of the entry that it is about. */
  version: unknown = undefined;
  readonly #reports: Reports<K>;
  /** Is called when it has been up for long enough. */
  recovered: () => void;
  /** Whether the table knows less than is known here. */
  isDue = false;
  #isUrgent = false;
  isUnderWay = false;
  /** Whether the table may remember something. */
  #isTold = false;
  #reportedMs: number | undefined = undefined;
  /** When the process will have been up for long enough, by the monotonic clock. */
  #recoversMs = Infinity;

  constructor(reports: Reports<K>, key: K, recovered: () => void) {
    this.#reports = reports;
    this.key = key;
    this.recovered = recovered;
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
    this.trouble = troubleAfter(this.trouble, finding, at);
    this.version = version;
    this.#due(isUrgentFinding(finding));
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

  /** The process came up: it is well again if it stays so for long. */
  isUp(resetAfterMs: number): void {
    if (this.trouble === undefined) return;
    this.#recoversMs = this.#reports.nowMs + resetAfterMs;
    this.#setDeadline();
  }

  /** The process is not up any more. */
  isDown(): void {
    if (this.#recoversMs === Infinity) return;
    this.#recoversMs = Infinity;
    this.#setDeadline();
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
      this.recovered();
    }
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

  /** Has one deadline for both: the report, and the recovery. */
  #setDeadline(): void {
    const { nowMs } = this.#reports, isWaiting = this.isDue && !this.isUnderWay;
    const dueInMs = isWaiting ? reportDelayMs(this.#isUrgent, this.#reportedMs, nowMs) : Infinity;
    this.#reports.wake(this, Math.min(dueInMs === 0 ? Infinity : dueInMs, this.#recoversMs - nowMs));
    if (dueInMs === 0) this.#reports.add(this); // last: it may be told, and have another deadline, within this call
  }
}
