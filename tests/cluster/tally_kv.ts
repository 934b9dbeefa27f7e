/**
 * A Deno KV that counts the rows that it hands out and the calls that are not answered yet.
 *
 * @module
 */

import { FaultyKv, type KvOperation } from "../../src/testing/mod.ts";

/** Calls of which the first part is no whole: a listing goes on, and a watch waits as long as nothing changes. */
const uncounted: readonly KvOperation[] = ["list", "watch"];

/** Counts what goes through it and changes nothing. */
export class TallyKv extends FaultyKv {
  /** How many calls are not answered yet. */
  readonly #pending: { calls: number };
  #rows = 0;

  constructor(kv: Deno.Kv) {
    const pending = { calls: 0 };
    super(kv, {
      decide: (operation) => uncounted.includes(operation) ? undefined : (call) => track(pending, call),
    });
    this.#pending = pending;
  }

  /** How many calls are not answered yet, watches left out. */
  get pendingCalls(): number {
    return this.#pending.calls;
  }

  /** How many rows were read so far: one for each key that was asked for, and for each that a listing found. */
  get rows(): number {
    return this.#rows;
  }

  override async get<T = unknown>(...args: Parameters<Deno.Kv["get"]>): Promise<Deno.KvEntryMaybe<T>> {
    const entry = await super.get<T>(...args);
    this.#rows++;
    return entry;
  }

  override async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    const entries = await super.getMany<T>(keys, options);
    this.#rows += keys.length;
    return entries;
  }

  override list<T = unknown>(selector: Deno.KvListSelector, options?: Deno.KvListOptions): Deno.KvListIterator<T> {
    const listing = super.list<T>(selector, options);
    const next = listing.next.bind(listing);
    listing.next = async () => {
      const result = await track(this.#pending, next);
      if (!result.done) this.#rows++;
      return result;
    };
    return listing;
  }
}

async function track<T>(pending: { calls: number }, call: () => Promise<T>): Promise<T> {
  pending.calls++;
  try {
    return await call();
  } finally {
    pending.calls--;
  }
}
