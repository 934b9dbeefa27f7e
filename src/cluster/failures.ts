/**
 * Which failures of the database are announced: a pure rule.
 *
 * An outage fails every call, every second, for hours. It is announced once, and so is its end; so is each other failure.
 * A database may also answer some calls and not others, such as one that reads and cannot write: what fails again soon after
 * it seemed to be over goes on, and is not announced again with each call.
 *
 * ```text
 *   answers ──▶ does not answer ──▶ answers ──▶ does not answer, soon after ──▶ answers, and has not failed for a while
 *                announced           announced   announced, and goes on for now   announced
 * ```
 *
 * @module
 */

import { describeError, isInstance } from "../error_data.ts";
import { KvTimeoutError, KvUnavailableError } from "../kv/errors.ts";

/** A time in which the database does not answer, in ms. */
interface Outage {
  readonly sinceMs: number;
  /** For how long nothing may go unanswered before it is over. */
  readonly quietMs: number;
  /** When the database answered first after the last call that it has not; `undefined` while it has not since. */
  answeredMs: number | undefined;
}

/** What one instance has announced. */
export class Failures {
  readonly #quietMs: number;
  /** When each failure was last seen that is not over, in ms, by operation and text. */
  readonly #seen: Map<string, number> = new Map();
  #outage: Outage | undefined = undefined;
  #endedMs = -Infinity;

  /** @param quietMs After how long without it a failure is over that has come back, in ms. */
  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /**
   * Takes note that an operation failed.
   *
   * @returns What to announce: an outage has begun, the operation has failed, or nothing new.
   */
  failed(operation: string, error: unknown, nowMs: number): "unavailable" | "failed" | undefined {
    const silentMs = silenceOf(error);
    if (silentMs === undefined) {
      return this.#isNews(`${operation}: ${describeError(error)}`, nowMs) ? "failed" : undefined;
    }
    if (this.#outage) {
      this.#outage.answeredMs = undefined;
      return undefined;
    }
    const isBack = nowMs - this.#endedMs < this.#quietMs;
    this.#outage = { sinceMs: nowMs - silentMs, quietMs: isBack ? this.#quietMs : 0, answeredMs: undefined };
    return "unavailable";
  }

  /**
   * Takes note that the database has answered.
   *
   * @returns How long an outage was that was announced, in ms, if it is over.
   */
  answered(nowMs: number): number | undefined {
    const outage = this.#outage;
    if (!outage) return undefined;
    outage.answeredMs ??= nowMs;
    if (nowMs - outage.answeredMs < outage.quietMs) return undefined;
    this.#outage = undefined;
    this.#endedMs = nowMs;
    return outage.answeredMs - outage.sinceMs;
  }

  #isNews(failure: string, nowMs: number): boolean {
    for (const [each, seenMs] of this.#seen) if (nowMs - seenMs >= this.#quietMs) this.#seen.delete(each);
    const isNews = !this.#seen.has(failure);
    this.#seen.set(failure, nowMs);
    return isNews;
  }
}

/** How long the database has not answered, in ms, if that is what the error says. */
function silenceOf(error: unknown): number | undefined {
  if (isInstance(error, KvTimeoutError)) return error.timeoutMs;
  return isInstance(error, KvUnavailableError) ? error.sinceMs : undefined;
}
