/**
 * Keeps calls back while earlier ones of the same purpose go unanswered. Time is handed in.
 *
 * @module
 */

/** A call that its caller no longer waits for, and that the database has not answered. */
export interface GivenUpCall {
  /** When it was made, in ms. */
  readonly sentMs: number;
  /** When its deadline is, or was, in ms. */
  readonly dueMs: number;
}

/**
 * The gate of one purpose.
 *
 * ```text
 *            as many calls as the limit are past their deadline
 *   open ────────────────────────────────────────────────────────▶ closed
 *     ◀──────────────────────────────────────────────────────────────┘
 *       one of them settles after all; or the database answers a probe
 * ```
 *
 * A database may answer probes and still leave every call of one purpose unanswered, as one that reads and cannot write. So
 * each time that only a probe has opened the gate, the next probe that can do so is twice as far away.
 *
 * @example One call that goes unanswered keeps the next one back
 * ```ts
 * import { Gate } from "./gate.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const gate = new Gate({ limit: 1, pauseMs: 1_000 });
 * const settle = gate.giveUp({ sentMs: 0, dueMs: 500 });
 * assertEquals([gate.isOpen(499), gate.isOpen(500)], [true, false]);
 * settle();
 * assertEquals(gate.isOpen(500), true);
 * ```
 */
export class Gate {
  readonly #limit: number;
  readonly #pauseMs: number;
  readonly #givenUp: Set<GivenUpCall> = new Set();
  readonly #waiters: Set<() => void> = new Set();
  /** How many times only a probe has opened it since a call was answered, and from when on the next one may, in ms. */
  #openings = 0;
  #opensMs = -Infinity;

  /** @param options How many unanswered calls close it, and for how long it stays closed at first if probes do not help. */
  constructor({ limit, pauseMs }: { readonly limit: number; readonly pauseMs: number }) {
    this.#limit = limit;
    this.#pauseMs = pauseMs;
  }

  /** Tells whether a call may be made. */
  isOpen(nowMs: number): boolean {
    if (this.#givenUp.size < this.#limit) return true;
    let overdue = 0;
    for (const { dueMs } of this.#givenUp) if (dueMs <= nowMs) overdue++;
    return overdue < this.#limit;
  }

  /** When the first call was made that has closed it, in ms. */
  get sinceMs(): number {
    return Math.min(...Array.from(this.#givenUp, ({ sentMs }) => sentMs));
  }

  /**
   * Takes note of a call that is no longer waited for, and not answered.
   *
   * @returns The function to call when it settles after all.
   */
  giveUp(call: GivenUpCall): () => void {
    this.#givenUp.add(call);
    return () => {
      this.answered();
      this.#open();
    };
  }

  /** Takes note that a call was answered. */
  answered(): void {
    this.#openings = 0;
    this.#opensMs = -Infinity;
  }

  /** Takes note that the database answers, though not the calls of this purpose. */
  probed(nowMs: number): void {
    if (this.#givenUp.size === 0 || nowMs < this.#opensMs) return;
    this.#opensMs = nowMs + this.#pauseMs * 2 ** this.#openings++;
    this.#open();
  }

  /**
   * Waits for it to open.
   *
   * @param opened Is called once then.
   * @returns Ends the wait.
   */
  wait(opened: () => void): Disposable {
    this.#waiters.add(opened);
    return { [Symbol.dispose]: () => void this.#waiters.delete(opened) };
  }

  #open(): void {
    this.#givenUp.clear();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const opened of waiters) opened();
  }
}
