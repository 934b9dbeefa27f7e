/**
 * Which failures of the database are announced: a pure rule.
 *
 * An outage fails every call, every second, for hours. It is announced once, and so is its end; so is each other failure,
 * until the database has answered.
 *
 * @module
 */

import { describeError, isInstance } from "../error_data.ts";
import { KvTimeoutError, KvUnavailableError } from "../kv/errors.ts";

/** What one instance has announced. */
export class Failures {
  /** What was announced of each operation since the database answered last. */
  readonly #announced: Map<string, string> = new Map();
  /** Since when it has not answered, in ms; `undefined` while it does. */
  #sinceMs: number | undefined = undefined;

  /**
   * Takes note that an operation failed.
   *
   * @returns What to announce: an outage has begun, the operation has failed, or nothing new.
   */
  failed(operation: string, error: unknown, nowMs: number): "unavailable" | "failed" | undefined {
    const silentMs = silenceOf(error);
    if (silentMs !== undefined) {
      if (this.#sinceMs !== undefined) return undefined;
      this.#sinceMs = nowMs - silentMs;
      return "unavailable";
    }
    const text = describeError(error);
    if (this.#announced.get(operation) === text) return undefined;
    this.#announced.set(operation, text);
    return "failed";
  }

  /**
   * Takes note that the database has answered.
   *
   * @returns How long an outage was that was announced, in ms.
   */
  answered(nowMs: number): number | undefined {
    if (this.#announced.size > 0) this.#announced.clear();
    if (this.#sinceMs === undefined) return undefined;
    const forMs = nowMs - this.#sinceMs;
    this.#sinceMs = undefined;
    return forMs;
  }
}

/** How long the database has not answered, in ms, if that is what the error says. */
function silenceOf(error: unknown): number | undefined {
  if (isInstance(error, KvTimeoutError)) return error.timeoutMs;
  return isInstance(error, KvUnavailableError) ? error.sinceMs : undefined;
}
