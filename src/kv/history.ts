/**
 * The history of a database: all of its commits, one after the other. A database that is set back to an earlier copy, emptied
 * or replaced by another one goes on in another history, in which versionstamps begin again where that stands: what was known
 * by its versionstamp is not known any more.
 *
 * ```text
 *   history 1   ── 1 ── 2 ── 3 ── 4 ── 5          a reader knows 5
 *                       │
 *   the copy            ╰─ 3' ── 4' ── 5' ──▶     the same numbers, other commits
 * ```
 *
 * Each reader notices by itself: a table by its change log, a cluster by its own records. Those on one handle tell each other.
 *
 * @module
 */

/**
 * Says that a database is not the one that was read before: it was set back to an earlier copy, emptied, or replaced by
 * another one. Everything is looked at again then, and what differs by its value is replaced.
 *
 * @example What a supervisor is told by its table
 * ```ts
 * import { DatabaseReplacedError } from "@pact/supervisor/kv";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new DatabaseReplacedError("its last change is gone");
 * assertEquals(error.message, "The database was set back, emptied or replaced: its last change is gone");
 * ```
 */
export class DatabaseReplacedError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "DatabaseReplacedError";
  /** What shows it. */
  readonly evidence: string;

  /**
   * Makes the error.
   *
   * @param evidence What shows it.
   */
  constructor(evidence: string) {
    super(`The database was set back, emptied or replaced: ${evidence}`);
    this.evidence = evidence;
  }
}

/** Is told what shows that the database goes on in another history. */
export type HistoryListener = (evidence: string) => void;

/** What is known of the history of the database behind one handle. */
export class History {
  readonly #listeners: Set<HistoryListener> = new Set();
  #number = 0;

  /** How many times another history was noticed. */
  get number(): number {
    return this.#number;
  }

  /** Is told from now on, until the result is disposed of. */
  listen(listener: HistoryListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Takes note that the database goes on in another history, and tells all who read it. */
  changed(evidence: string): void {
    this.#number++;
    for (const listener of [...this.#listeners]) listener(evidence);
  }
}

const histories = new WeakMap<Deno.Kv, History>();

/** Returns the history of the database behind a handle: one for all who use that. */
export function historyOf(kv: Deno.Kv): History {
  const history = histories.get(kv) ?? new History();
  histories.set(kv, history);
  return history;
}
