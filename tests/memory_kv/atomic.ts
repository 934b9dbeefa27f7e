/**
 * An atomic operation on an in-memory Deno KV.
 *
 * @module
 */

import type { NumberMutation } from "./number.ts";
import { settle } from "./settle.ts";
import { storeValue } from "./value.ts";
import type { PlannedMutation } from "./write.ts";

/** Writes what was put together. */
export type MemoryCommit = (
  checks: readonly Deno.AtomicCheck[],
  mutations: readonly PlannedMutation[],
) => string | null;

/** Puts an atomic operation together as that of Deno KV does. */
export class MemoryAtomic implements Deno.AtomicOperation {
  readonly #commit: MemoryCommit;
  readonly #checks: Deno.AtomicCheck[] = [];
  readonly #mutations: PlannedMutation[] = [];

  /** Begins an empty operation. */
  constructor(commit: MemoryCommit) {
    this.#commit = commit;
  }

  /** As `Deno.AtomicOperation.check`. */
  check(...checks: Deno.AtomicCheck[]): this {
    for (const { key, versionstamp } of checks) this.#checks.push({ key, versionstamp });
    return this;
  }

  /** As `Deno.AtomicOperation.mutate`. */
  mutate(...mutations: Deno.KvMutation[]): this {
    for (const mutation of mutations) this.#mutations.push(planMutation(mutation));
    return this;
  }

  /** As `Deno.AtomicOperation.sum`. */
  sum(key: Deno.KvKey, n: bigint): this {
    return this.#compute("sum", key, n);
  }

  /** As `Deno.AtomicOperation.min`. */
  min(key: Deno.KvKey, n: bigint): this {
    return this.#compute("min", key, n);
  }

  /** As `Deno.AtomicOperation.max`. */
  max(key: Deno.KvKey, n: bigint): this {
    return this.#compute("max", key, n);
  }

  /** As `Deno.AtomicOperation.set`. */
  set(key: Deno.KvKey, value: unknown, options?: { expireIn?: number }): this {
    this.#mutations.push(planSet(key, value, options?.expireIn));
    return this;
  }

  /** As `Deno.AtomicOperation.delete`. */
  delete(key: Deno.KvKey): this {
    this.#mutations.push({ type: "delete", key });
    return this;
  }

  /** Refuses: there are no queues. */
  enqueue(): never {
    throw noQueues();
  }

  /** As `Deno.AtomicOperation.commit`. It is written when this returns, before the promise resolves. */
  commit(): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    return settle(() => {
      const versionstamp = this.#commit(this.#checks, this.#mutations);
      return versionstamp === null ? { ok: false } : { ok: true, versionstamp };
    });
  }

  /** Refuses to be awaited, as the real one. */
  then(): never {
    throw new TypeError("'Deno.AtomicOperation' is not a promise: did you forget to call 'commit()'");
  }

  #compute(type: NumberMutation, key: Deno.KvKey, n: bigint): this {
    this.#mutations.push({ type, key, value: storeValue(new Deno.KvU64(n)) });
    return this;
  }
}

/**
 * Plans a set.
 *
 * @param key The key.
 * @param value The value. It is copied.
 * @param expireIn How long it is kept at least, in ms.
 * @returns The mutation.
 * @throws {TypeError} When the value cannot be cloned, or the time is no whole number from 0 on.
 */
export function planSet(key: Deno.KvKey, value: unknown, expireIn: number | undefined): PlannedMutation {
  if (expireIn !== undefined && (!Number.isInteger(expireIn) || expireIn < 0)) {
    throw new TypeError(`expireIn must be a non-negative integer: received ${expireIn}`);
  }
  return { type: "set", key, value: storeValue(value), expireIn };
}

/**
 * Makes the error for a call that wants a queue.
 *
 * @returns The error.
 */
export function noQueues(): TypeError {
  return new TypeError("Cannot use a queue: MemoryKv has none, open a real Deno KV");
}

function planMutation(mutation: Deno.KvMutation): PlannedMutation {
  const { type, key } = mutation;
  if (type === "delete") {
    if ("value" in mutation && mutation.value) throw new TypeError("Invalid mutation 'delete' with value");
    return { type, key };
  }
  if (!["set", "sum", "min", "max"].includes(type)) throw new TypeError("Invalid mutation type");
  if (!Object.hasOwn(mutation, "value")) throw new TypeError(`Invalid mutation '${type}' without value`);
  if (type !== "set") return { type, key, value: storeValue(mutation.value) };
  return planSet(key, mutation.value, typeof mutation.expireIn === "number" ? mutation.expireIn : undefined);
}
