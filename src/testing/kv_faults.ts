/**
 * What can go wrong with a call to Deno KV.
 *
 * @module
 */

/**
 * What happens instead of a call. It may make the call once, several times, or not at all. `readings` is the number of
 * earlier readings of the same watch, and 0 for any other call.
 */
export type KvFault = <T>(call: () => Promise<T>, readings: number) => Promise<T>;

/**
 * Makes a fault that fails without making the call.
 *
 * @param error The error that the caller gets.
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
 * Makes the fault of a database file that another connection has locked. The call changes nothing. In Deno 2 this happens to
 * a commit that has checks; where Deno KV is written in JavaScript, to any write: "set", "delete" and "commit".
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
 * Makes the fault of a remote call, or of a watch, that is given up after many tries: it fails late. Where Deno KV is written
 * in JavaScript this happens after 12 tries, and after 12 reconnects of a watch; in Deno 2 both go on for ever, as with
 * {@linkcode hang}.
 *
 * @param gate Resolves when the call is given up.
 * @param error The error that the caller gets then.
 * @param options `hasLanded`: whether the call is made, and only its replies are lost. Not for "watch". By default it is not.
 * @returns The fault.
 *
 * @example A write whose caller learns late that it may not have landed
 * ```ts
 * import { FaultyKv, giveUp } from "@pact/supervisor/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * const gate: PromiseWithResolvers<void> = Promise.withResolvers();
 * kv.inject("set", giveUp(gate.promise, new Error("failed after 12 retries")));
 * const written = kv.set(["a"], 1);
 * assertEquals((await kv.get(["a"])).value, null);
 * gate.resolve();
 * await assertRejects(() => written, Error, "failed after 12 retries");
 * ```
 */
export function giveUp(
  gate: Promise<unknown>,
  error: unknown,
  { hasLanded = false }: { readonly hasLanded?: boolean } = {},
): KvFault {
  return async (call) => {
    await Promise.all([hasLanded ? call() : undefined, gate]);
    throw error;
  };
}

/**
 * Makes a fault that makes the call late, or never.
 *
 * @param gate Resolves when the call may be made.
 * @returns The fault.
 *
 * @example A read that overtakes a write
 * ```ts
 * import { FaultyKv, holdUntil } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * const gate: PromiseWithResolvers<void> = Promise.withResolvers();
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
 * Makes a fault that never makes the call and never ends, like a call to a remote database that is gone.
 *
 * @returns The fault.
 *
 * @example A read that never ends
 * ```ts
 * import { FaultyKv, hang } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("get", hang());
 * const first = await Promise.race([kv.get(["a"]).then(() => "hung"), kv.get(["a"]).then(() => "sound")]);
 * assertEquals(first, "sound");
 * ```
 */
export function hang(): KvFault {
  return () => new Promise(() => {});
}

/**
 * Makes a fault that makes the call at once and returns its reply late, or never.
 *
 * @param gate Resolves when the reply may come.
 * @returns The fault.
 *
 * @example A write that lands while its caller waits
 * ```ts
 * import { FaultyKv, holdReply } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * const gate: PromiseWithResolvers<void> = Promise.withResolvers();
 * kv.inject("set", holdReply(gate.promise));
 * let isReplied = false;
 * const written = kv.set(["a"], 1).then(() => isReplied = true);
 * for await (const [{ value }] of kv.watch([["a"]])) if (value === 1) break;
 * assertEquals(isReplied, false);
 * gate.resolve();
 * await written;
 * ```
 */
export function holdReply(gate: Promise<unknown>): KvFault {
  return async (call) => {
    const [reply] = await Promise.allSettled([call()]);
    await gate;
    if (reply.status === "rejected") throw reply.reason;
    return reply.value;
  };
}

/**
 * Makes the fault of a watch that goes stale: its first reading is right, the later ones come late, or never.
 *
 * @param gate Resolves when later readings may be made.
 * @default Never.
 * @returns The fault, for "watch".
 *
 * @example A watch that is silent after its first reading
 * ```ts
 * import { FaultyKv, staleWatch } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"), {
 *   decide: (operation) => operation === "watch" ? staleWatch() : undefined,
 * });
 * const reader = kv.watch([["a"]]).getReader();
 * assertEquals((await reader.read()).value?.[0].value, null);
 * const told = reader.read().then(() => "told");
 * await kv.set(["a"], 1);
 * assertEquals(await Promise.race([told, kv.get(["a"]).then(() => "nothing")]), "nothing");
 * await reader.cancel();
 * ```
 */
export function staleWatch(gate: Promise<unknown> = new Promise(() => {})): KvFault {
  return async (call, readings) => {
    if (readings > 0) await gate;
    return await call();
  };
}

/**
 * Makes the fault of a watch that ends by itself, without an error, as where Deno KV is written in JavaScript when a reading of
 * a file fails.
 *
 * @returns The fault, for "watch".
 *
 * @example A watch that ends after its first reading
 * ```ts
 * import { endWatch, FaultyKv } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * const reader = kv.watch([["a"]]).getReader();
 * await reader.read();
 * kv.inject("watch", endWatch());
 * assertEquals((await reader.read()).done, true);
 * ```
 */
export function endWatch(): KvFault {
  return <T>() => Promise.resolve({ done: true, value: undefined } as T);
}

/**
 * Makes a fault that makes the call and loses the reply.
 *
 * @param error The error that the caller gets instead.
 * @returns The fault.
 *
 * @example A write that lands though it fails
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
 * Makes the fault of a remote database that repeats a commit after a lost reply: it lands, and then it is refused.
 *
 * @returns The fault, for "commit".
 *
 * @example A commit that lands though it is refused
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
