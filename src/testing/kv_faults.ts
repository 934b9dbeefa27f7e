/**
 * What can go wrong with a call to Deno KV.
 *
 * @module
 */

/** What happens in place of a call. It may make the call, once, several times, or not at all. */
export type KvFault = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Makes a fault that fails without making the call.
 *
 * @param error What the caller gets.
 * @returns The fault.
 *
 * @example A database that cannot be reached
 * ```ts
 * import { FaultyKv, failWith } from "@pact/supervisor/testing";
 * import { assertRejects } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("get", failWith(new TypeError("no route to host")));
 * await assertRejects(() => kv.get(["a"]), TypeError, "no route to host");
 * ```
 */
export function failWith(error: unknown): KvFault {
  return () => Promise.reject(error);
}

/**
 * Makes the fault of a database file that another connection has locked. Nothing of the call is applied.
 *
 * @returns The fault.
 *
 * @example A file that is locked twice
 * ```ts
 * import { FaultyKv, failLocked } from "@pact/supervisor/testing";
 * import { assertRejects } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("set", failLocked(), 2);
 * for (let i = 0; i < 2; i++) await assertRejects(() => kv.set(["a"], 1), TypeError, "database is locked");
 * await kv.set(["a"], 1);
 * ```
 */
export function failLocked(): KvFault {
  return () => Promise.reject(new TypeError("database is locked"));
}

/**
 * Makes a fault that makes the call late, or never.
 *
 * @param gate The call is made when this resolves.
 * @returns The fault.
 *
 * @example A read that overtakes a write
 * ```ts
 * import { FaultyKv, holdUntil } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * const gate = Promise.withResolvers<void>();
 * kv.inject("set", holdUntil(gate.promise));
 * const written = kv.set(["a"], 1);
 * assertEquals((await kv.get(["a"])).value, null);
 * gate.resolve();
 * await written;
 * ```
 */
export function holdUntil(gate: Promise<unknown>): KvFault {
  return async (call) => {
    await gate;
    return await call();
  };
}

/**
 * Makes a fault that makes the call and loses the reply.
 *
 * @param error What the caller gets instead.
 * @returns The fault.
 *
 * @example A write that landed though it failed
 * ```ts
 * import { FaultyKv, loseReply } from "@pact/supervisor/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("set", loseReply(new TypeError("connection reset")));
 * await assertRejects(() => kv.set(["a"], 1), TypeError, "connection reset");
 * assertEquals((await kv.get(["a"])).value, 1);
 * ```
 */
export function loseReply(error: unknown): KvFault {
  return async (call) => {
    await call();
    throw error;
  };
}

/**
 * Makes the fault of a remote database that sends a commit again after a lost reply: it lands, and then it is refused.
 *
 * @returns The fault, for "commit".
 *
 * @example A commit that landed though it was refused
 * ```ts
 * import { FaultyKv, denyAfterLanding } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("commit", denyAfterLanding());
 * assertEquals(await kv.atomic().set(["a"], 1).commit(), { ok: false });
 * assertEquals((await kv.get(["a"])).value, 1);
 * ```
 */
export function denyAfterLanding(): KvFault {
  return async <T>(call: () => Promise<T>) => {
    await call();
    return { ok: false } as T;
  };
}
