/**
 * One call to Deno KV that ends.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { onAbort } from "../on_abort.ts";
import { deadline } from "./deadline.ts";
import { isClosed, isLocked, KvClosedError, KvTimeoutError, KvUnavailableError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import type { Gates } from "./gates.ts";

/** The longest pause before a locked database is tried a second time; without it several writers live-lock. */
const minLockedPauseMs = 5;
/** The longest pause of all. Each is up to twice as long as the last one, or many writers would keep each other out. */
const maxLockedPauseMs = 80;

/** What a {@linkcode Call} is made of. */
export interface CallSettings<T> {
  /** What it does, to be read after "Cannot". */
  readonly operation: string;
  /** Makes the call once. */
  readonly attempt: () => Promise<T>;
  /** Abandons it. */
  readonly signal: AbortSignal | undefined;
  /** Measures the deadline. */
  readonly clock: Clock;
  /** How long it may wait at its gate, and then for an answer, in ms. */
  readonly timeoutMs: number;
  /** Randomness for the pauses. */
  readonly random: () => number;
  /** The gate of its purpose. */
  readonly gate: Gate;
  /** All gates of the handle. */
  readonly gates: Gates;
  /** The calls that are under way. */
  readonly pending: Set<Call<unknown>>;
  /** Is called when the database has answered, however late. */
  readonly answered: () => void;
}

/**
 * One call.
 *
 * ```text
 *   waiting at its gate ──▶ sent, again while the database is locked ──▶ answered
 *      │ deadline, signal     │ deadline, signal
 *      ▼                      ▼
 *   nothing was sent        given up ──▶ answered after all: its gate opens, the answer is ignored
 * ```
 */
export class Call<T> {
  /** What the database answers, or why it is not waited for. */
  readonly answer: Promise<T>;
  readonly #settings: CallSettings<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #isOver = false;
  #deadline: Timer | undefined = undefined;
  #waiting: Disposable | undefined = undefined;
  /** When it was sent first, in ms; `undefined` while it waits at its gate. */
  #sentMs: number | undefined = undefined;
  #isInFlight = false;
  #locked: unknown = undefined;
  #pauseMs = minLockedPauseMs;
  #retry: Timer | undefined = undefined;
  #listening: Disposable | undefined = undefined;
  #settledLate: () => void = () => {};

  constructor(settings: CallSettings<T>) {
    const { clock, gate, gates, signal, pending } = settings;
    this.#settings = settings;
    ({ promise: this.answer, resolve: this.#resolve, reject: this.#reject } = Promise.withResolvers<T>());
    pending.add(this as Call<unknown>);
    this.#listening = onAbort(signal, () => this.#fail(signal?.reason));
    if (gate.isOpen(clock.monotonic())) this.#send();
    else {
      this.#armDeadline();
      this.#waiting = gates.wait(gate, () => this.#send());
    }
  }

  /** Gives it up: it has taken too long, in ms. */
  expire(afterMs: number): void {
    const { operation, clock, gate } = this.#settings;
    const nowMs = clock.monotonic();
    if (this.#sentMs === undefined) this.#fail(new KvUnavailableError(operation, Math.round(nowMs - gate.sinceMs)));
    else this.#fail(new KvTimeoutError(operation, afterMs, { cause: this.#locked }), nowMs);
  }

  #armDeadline(): void {
    const { clock, timeoutMs } = this.#settings;
    this.#deadline?.cancel();
    this.#deadline = deadline(clock, timeoutMs, () => this.expire(timeoutMs));
  }

  /** Each call is sent by itself, and has its whole time from then on: the answer to an earlier one may be older than the question. */
  #send(): void {
    this.#waiting = undefined;
    this.#sentMs = this.#settings.clock.monotonic();
    this.#armDeadline();
    this.#try();
  }

  #try(): void {
    this.#isInFlight = true;
    void Promise.try(this.#settings.attempt).then((value) => this.#answered(value), (error) => this.#failed(error));
  }

  #answered(value: T): void {
    const { gate, gates, answered } = this.#settings;
    if (this.#isOver) this.#settledLate();
    else {
      this.#end();
      gate.answered();
      this.#resolve(value);
    }
    gates.answered();
    answered();
  }

  #failed(error: unknown): void {
    const { operation, clock, random } = this.#settings;
    this.#isInFlight = false;
    if (this.#isOver) return this.#settledLate();
    if (!isLocked(error)) return this.#fail(isClosed(error) ? new KvClosedError(operation, { cause: error }) : error);
    this.#locked = error;
    this.#retry = clock.timer(() => this.#try(), random() * this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, maxLockedPauseMs);
  }

  /** An abandoned call closes its gate only if it is not answered by its deadline: its signal may have been impatient. */
  #fail(error: unknown, dueMs?: number): void {
    if (this.#isOver) return;
    const { gate, timeoutMs } = this.#settings;
    const sentMs = this.#sentMs;
    this.#end();
    if (this.#isInFlight && sentMs !== undefined) {
      this.#settledLate = gate.giveUp({ sentMs, dueMs: dueMs ?? sentMs + timeoutMs });
    }
    this.#reject(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#settings.pending.delete(this as Call<unknown>);
    this.#deadline?.cancel();
    this.#retry?.cancel();
    this.#waiting?.[Symbol.dispose]();
    this.#listening?.[Symbol.dispose]();
  }
}
