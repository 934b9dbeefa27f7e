/**
 * Calls to Deno KV that end: each within its deadline, on the caller's signal, and repeated while the file is locked.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { EventStream, type Listener } from "../event_stream.ts";
import { Call } from "./call.ts";
import { deadline } from "./deadline.ts";
import { Gates, type Purpose } from "./gates.ts";

/** What a {@linkcode KvStore} needs besides the database. */
export interface KvStoreOptions {
  /** Measures the deadlines. */
  readonly clock: Clock;
  /** How long one call may take, in ms, including its repetitions. */
  readonly timeoutMs: number;
  /** Randomness for the pauses: returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** What the database was opened with, if anything: a server that has gone can be asked whether it is back. */
  readonly path?: string;
  /**
   * How often the database is asked whether it is back, in ms; more and more seldom unless `path` is a URL.
   *
   * @default {timeoutMs}
   */
  readonly probeMs?: number;
  /** Is called whenever the database has answered, however late. */
  readonly answered?: () => void;
}

/** Options of a call. */
export interface CallOptions {
  /** What it is for. */
  readonly purpose: Purpose;
  /** Abandons the call. */
  readonly signal?: AbortSignal;
}

/** A call to the database that has ended, or is not waited for any more. */
export interface KvCall {
  /** What it was for. */
  readonly operation: Purpose;
  /** How long it took, in ms, the wait while the database did not answer earlier ones and all repetitions included. */
  readonly durationMs: number;
  /** What it failed with; absent if it did not. */
  readonly error?: unknown;
}

/** Rows of a listing and where to continue. */
export interface KvBatch {
  /** The rows, in the order of their keys. */
  readonly rows: readonly Deno.KvEntry<unknown>[];
  /** Where to continue; `undefined` at the end. */
  readonly cursor: string | undefined;
}

/**
 * A database that was opened elsewhere, with a deadline on every call: a remote database repeats a failing call for ever
 * and takes no signal. An abandoned call goes on in the background, and its outcome is ignored. So that they do not pile up
 * while the database is away, each purpose has a gate.
 *
 * @example A call and a batch of a listing
 * ```ts
 * import { KvStore } from "./store.ts";
 * import { systemClock } from "../clock.ts";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const store = new KvStore(kv, { clock: systemClock, timeoutMs: 1_000, random: Math.random });
 * await store.call("set it", () => kv.set(["a"], 1), { purpose: "write" });
 * const { rows } = await store.list("list it", { prefix: [] }, { purpose: "listing", limit: 10 });
 * assertEquals(rows.map((row) => row.value), [1]);
 * ```
 */
export class KvStore {
  /** The database. */
  readonly kv: Deno.Kv;
  readonly #options: KvStoreOptions;
  #timeoutMs: number;
  readonly #gates: Gates;
  readonly #ended: EventStream<KvCall> = new EventStream();
  /** The calls that are under way. */
  #pending: Set<Call<unknown>> = new Set();

  /** Wraps a database, which the caller closes. */
  constructor(kv: Deno.Kv, options: KvStoreOptions) {
    this.kv = kv;
    this.#options = options;
    const { clock, timeoutMs, path, probeMs = timeoutMs } = options;
    this.#timeoutMs = timeoutMs;
    this.#gates = Gates.of(kv, clock, { path, probeMs });
  }

  /**
   * Shortens the deadline of every call, of those under way too, until the result is disposed of: the program is about to end.
   *
   * @param timeoutMs How long a call may take from now on, in ms.
   * @returns Brings back the deadline of before.
   */
  hurry(timeoutMs: number): Disposable {
    const pending = this.#pending;
    const giveUp = deadline(this.#options.clock, timeoutMs, () => pending.forEach((call) => call.expire(timeoutMs)));
    this.#pending = new Set();
    this.#timeoutMs = timeoutMs;
    return {
      [Symbol.dispose]: () => {
        giveUp.cancel();
        this.#timeoutMs = this.#options.timeoutMs;
      },
    };
  }

  /**
   * Makes a call, and repeats it while the database is locked: a call that fails so has changed nothing. While earlier calls
   * of the same purpose go unanswered it waits, and is not made if they are not answered by its deadline.
   *
   * @param operation What the call does, to be read after "Cannot".
   * @param attempt Makes the call once.
   * @param options What it is for, and a signal that abandons it.
   * @returns The result of the call.
   * @throws {KvTimeoutError} If the deadline passes after the call was made: a write may or may not have landed.
   * @throws {KvUnavailableError} If the deadline passes before the call was made.
   * @throws {KvClosedError} If the database is closed.
   * @throws {unknown} The reason of the signal, or what the call rejects with.
   */
  call<T>(operation: string, attempt: () => Promise<T>, { purpose, signal }: CallOptions): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { clock, random, answered = nothing } = this.#options;
    const call = { operation, attempt, signal, clock, random, timeoutMs: this.#timeoutMs, pending: this.#pending };
    const { answer } = new Call({ ...call, gate: this.#gates.of(purpose), gates: this.#gates, answered });
    if (this.#ended.observed) this.#time(answer, purpose);
    return answer;
  }

  /**
   * Tells of each call that is made from now on when it has ended. While there is no listener, nothing is measured.
   *
   * @param listener Is called right after the end. What it throws is printed and changes nothing.
   * @param options A signal that ends it.
   * @returns Ends it when disposed of.
   */
  observe(listener: Listener<KvCall>, { signal }: { readonly signal?: AbortSignal } = {}): Disposable {
    return this.#ended.subscribe(listener, { signal });
  }

  /**
   * Reads one batch of a listing.
   *
   * @param operation What the call does, to be read after "Cannot".
   * @param options The most rows and the cursor of the last batch, beside those of a call.
   * @throws {unknown} As {@linkcode KvStore.call}.
   */
  list(
    operation: string,
    selector: Deno.KvListSelector,
    options: CallOptions & { limit: number; cursor?: string },
  ): Promise<KvBatch> {
    const { limit, cursor, ...call } = options;
    return this.call(operation, async () => {
      const rows: Deno.KvEntry<unknown>[] = [];
      const listing = this.kv.list(selector, { limit, batchSize: limit, cursor });
      for await (const row of listing) rows.push(row);
      // After the last row the cursor is "", which would start all over again.
      return { rows, cursor: rows.length === limit ? listing.cursor : undefined };
    }, call);
  }

  #time(answer: Promise<unknown>, operation: Purpose): void {
    const { clock } = this.#options, beganMs = clock.monotonic();
    const ended = (failure?: { readonly error: unknown }) =>
      this.#ended.emit({ operation, durationMs: Math.max(0, clock.monotonic() - beganMs), ...failure });
    answer.then(() => ended(), (error) => ended({ error }));
  }
}

function nothing(): void {}
