/**
 * Errors of calls to Deno KV.
 *
 * @module
 */

import { isInstance } from "../error_data.ts";

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
 * Says that Deno KV has not answered calls of the same kind for a while, and so was not asked: nothing was read or written.
 *
 * @example Tell what is not sent from what may have landed
 * ```ts
 * import { KvTable, KvTimeoutError, KvUnavailableError } from "@pact/supervisor/kv";
 * import { FaultyKv, hang } from "@pact/supervisor/testing";
 * import { nop } from "@pact/supervisor";
 * import { assertRejects } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"), { decide: () => hang() });
 * const table = new KvTable(kv, { prefix: ["bots"], create: () => nop, timeoutMs: 10 });
 * await assertRejects(() => table.set("acme", 1), KvTimeoutError);
 * await assertRejects(() => table.set("acme", 2), KvUnavailableError, "nothing was sent");
 * ```
 */
export class KvUnavailableError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "KvUnavailableError";
  /** What was asked for, for example `set entry "acme"`. */
  readonly operation: string;
  /** How long ago the call was made that is still not answered, in ms. */
  readonly sinceMs: number;

  /**
   * Makes the error.
   *
   * @param operation What was asked for.
   * @param sinceMs How long ago the call was made that is still not answered, in ms.
   */
  constructor(operation: string, sinceMs: number) {
    super(`Cannot ${operation}: Deno KV has not answered for ${sinceMs} ms; nothing was sent`);
    this.operation = operation;
    this.sinceMs = sinceMs;
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

/** Tells whether the database could not serve a call because of another one: nothing of it was applied. */
export function isLocked(error: unknown): boolean {
  return isInstance(error, Error) && error.message.includes("database is locked");
}

/** Tells whether Deno failed a call because the handle is closed. */
export function isClosed(error: unknown): boolean {
  return isInstance(error, Error) && (error.name === "BadResource" || error.message === "Database is closed.");
}
