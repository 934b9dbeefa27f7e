/**
 * Calls to Deno KV that end: each within its deadline, on the caller's signal, and repeated while the file is locked.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { isInstance } from "../error_data.ts";
import { onAbort } from "../on_abort.ts";
import { deadline } from "./deadline.ts";

/** The longest pause before a locked database is tried a second time; without it several writers live-lock. */
const minLockedPauseMs = 5;
/** The longest pause of all. Each is up to twice as long as the last one, or many writers would keep each other out. */
const maxLockedPauseMs = 80;

/**
 * Says that Deno KV did not answer in time. A write may or may not have landed: repeat it, or read it back.
 *
 * @example Repeat a write that may have landed
 * ```ts
 * import { KvTable, KvTimeoutError } from "@pact/supervisor/kv";
 * import { FaultyKv, loseReply } from "@pact/supervisor/testing";
 * import { nop } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("commit", loseReply(new KvTimeoutError("set entry", 10_000)));
 * const table = new KvTable(kv, { prefix: ["bots"], create: () => nop });
 * const write = () => table.set("acme", 1);
 * await write().catch((error) => error instanceof KvTimeoutError ? write() : Promise.reject(error));
 * assertEquals((await kv.get(["bots", "acme"])).value, 1);
 * ```
 */
export class KvTimeoutError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "KvTimeoutError";
  /** What was asked for, for example `set entry "acme"`. */
  readonly operation: string;
  /** The deadline, in ms. */
  readonly timeoutMs: number;

  /**
   * Makes the error.
   *
   * @param operation What was asked for.
   * @param timeoutMs The deadline, in ms.
   * @param options The error of the last failed try, if any, as `cause`.
   */
  constructor(operation: string, timeoutMs: number, options?: ErrorOptions) {
    super(
      `Cannot ${operation}: Deno KV did not answer within the deadline, current value is ${timeoutMs} ms; ` +
        `a write may or may not have landed`,
      options,
    );
    this.operation = operation;
    this.timeoutMs = timeoutMs;
  }
}

/**
 * Says that the database handle is closed.
 *
 * @example A table does not outlive its database
 * ```ts
 * import { KvClosedError, KvTable } from "@pact/supervisor/kv";
 * import { nop } from "@pact/supervisor";
 * import { assertRejects } from "@std/assert";
 *
 * const kv = await Deno.openKv(":memory:");
 * const table = new KvTable(kv, { prefix: ["bots"], create: () => nop });
 * kv.close();
 * await assertRejects(() => table.get("acme"), KvClosedError);
 * ```
 */
export class KvClosedError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "KvClosedError";
  /** What was asked for, for example `list the entries`. */
  readonly operation: string;

  /**
   * Makes the error.
   *
   * @param operation What was asked for.
   * @param options Deno's error as `cause`.
   */
  constructor(operation: string, options?: ErrorOptions) {
    super(`Cannot ${operation}: the Deno KV handle is closed`, options);
    this.operation = operation;
  }
}

/** What a {@linkcode KvStore} needs besides the database. */
export interface KvStoreOptions {
  /** Measures the deadlines. */
  readonly clock: Clock;
  /** How long one call may take, in ms, including its repetitions. */
  readonly timeoutMs: number;
  /** Randomness for the pauses: returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
}

/**
 * What calls are for. While a call of one purpose has gone unanswered for too long, no further one of that purpose is made.
 */
export type Purpose =
  | "heartbeat"
  | "sessions"
  | "burial"
  | "claims"
  | "ownership"
  | "bell"
  | "join"
  | "generation"
  | "log"
  | "look"
  | "listing"
  | "write";

/** Options of a call. */
export interface CallOptions {
  /** What it is for. */
  readonly purpose: Purpose;
  /** Abandons the call. */
  readonly signal?: AbortSignal;
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
 * and takes no signal. An abandoned call goes on in the background, and its outcome is ignored.
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
  /** Gives up the calls that are under way: they have taken too long, in ms. */
  #pending: Set<(timeoutMs: number) => void> = new Set();

  /** Wraps a database, which the caller closes. */
  constructor(kv: Deno.Kv, options: KvStoreOptions) {
    this.kv = kv;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs;
  }

  /**
   * Shortens the deadline of every call, of those under way too, until the result is disposed of: the program is about to end.
   *
   * @param timeoutMs How long a call may take from now on, in ms.
   * @returns Brings back the deadline of before.
   */
  hurry(timeoutMs: number): Disposable {
    const pending = this.#pending;
    const giveUp = deadline(this.#options.clock, timeoutMs, () => pending.forEach((expire) => expire(timeoutMs)));
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
   * Makes a call, and repeats it while the database is locked: a call that fails so has changed nothing.
   *
   * @param operation What the call does, to be read after "Cannot".
   * @param attempt Makes the call once.
   * @param options What it is for, and a signal that abandons it.
   * @returns The result of the call.
   * @throws {KvTimeoutError} If the deadline passes.
   * @throws {KvClosedError} If the database is closed.
   * @throws {unknown} The reason of the signal, or what the call rejects with.
   */
  call<T>(operation: string, attempt: () => Promise<T>, { signal }: CallOptions): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { clock, random } = this.#options;
    const timeoutMs = this.#timeoutMs, pending = this.#pending;
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      let locked: unknown;
      let retry: Timer | undefined;
      let pauseMs = minLockedPauseMs;
      const end = () => {
        isOver = true;
        pending.delete(expire);
        giveUp.cancel();
        retry?.cancel();
        listening[Symbol.dispose]();
      };
      const fail = (error: unknown) => {
        end();
        reject(error);
      };
      const abort = () => fail(signal?.reason);
      const expire = (afterMs: number) => fail(new KvTimeoutError(operation, afterMs, { cause: locked }));
      const giveUp = deadline(clock, timeoutMs, () => expire(timeoutMs));
      const listening = onAbort(signal, abort);
      const failed = (error: unknown) => {
        if (isOver) return;
        if (!isLocked(error)) return fail(isClosed(error) ? new KvClosedError(operation, { cause: error }) : error);
        locked = error;
        retry = clock.timer(run, random() * pauseMs);
        pauseMs = Math.min(2 * pauseMs, maxLockedPauseMs);
      };
      const run = () =>
        void Promise.try(attempt).then((value) => {
          end();
          resolve(value);
        }, failed);
      pending.add(expire);
      run();
    });
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
}

function isLocked(error: unknown): boolean {
  return isInstance(error, Error) && error.message.includes("database is locked");
}

function isClosed(error: unknown): boolean {
  return isInstance(error, Error) && (error.name === "BadResource" || error.message === "Database is closed.");
}
