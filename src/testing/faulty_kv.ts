/**
 * A Deno KV that misbehaves on demand.
 *
 * @module
 */

import type { KvFault } from "./kv_faults.ts";

/** What can be made to misbehave. A listing counts when its first row is asked for, a watch with every reading. */
export type KvOperation = "get" | "getMany" | "set" | "delete" | "list" | "commit" | "watch";

/**
 * Wraps a real Deno KV and injects faults, call by call. Calls without a fault go through unchanged.
 *
 * @example A write whose reply is lost has landed
 * ```ts
 * import { FaultyKv, loseReply } from "@pact/supervisor/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * using kv = new FaultyKv(await Deno.openKv(":memory:"));
 * kv.inject("set", loseReply(new Error("connection reset")));
 * await assertRejects(() => kv.set(["a"], 1), Error, "connection reset");
 * assertEquals((await kv.get(["a"])).value, 1);
 * ```
 */
export class FaultyKv implements Deno.Kv {
  readonly #kv: Deno.Kv;
  readonly #faults = new Map<KvOperation, KvFault[]>();
  readonly #counts = new Map<KvOperation, number>();
  readonly #cuts = new Set<(error: unknown) => void>();

  /**
   * Wraps a database.
   *
   * @param kv The database that answers. It is closed by `close`.
   */
  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /**
   * Adds a fault behind those that are still to come.
   *
   * @param operation Which calls it is for.
   * @param fault What happens to the call.
   * @param times To how many calls.
   */
  inject(operation: KvOperation, fault: KvFault, times = 1): void {
    const faults = this.#faults.get(operation) ?? [];
    for (let i = 0; i < times; i++) faults.push(fault);
    this.#faults.set(operation, faults);
  }

  /**
   * Counts calls.
   *
   * @param operation Which calls.
   * @returns How many began so far.
   */
  count(operation: KvOperation): number {
    return this.#counts.get(operation) ?? 0;
  }

  /**
   * Breaks every watch that is open.
   *
   * @param error What its reader gets.
   */
  cutWatches(error: unknown): void {
    for (const cut of this.#cuts) cut(error);
  }

  /** As `Deno.Kv.get`. */
  get<T = unknown>(
    key: Deno.KvKey,
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<Deno.KvEntryMaybe<T>> {
    return this.#call("get", () => this.#kv.get<T>(key, options));
  }

  /** As `Deno.Kv.getMany`. */
  getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    return this.#call("getMany", () => this.#kv.getMany<T>(keys, options));
  }

  /** As `Deno.Kv.set`. */
  set(key: Deno.KvKey, value: unknown, options?: { expireIn?: number }): Promise<Deno.KvCommitResult> {
    return this.#call("set", () => this.#kv.set(key, value, options));
  }

  /** As `Deno.Kv.delete`. */
  delete(key: Deno.KvKey): Promise<void> {
    return this.#call("delete", () => this.#kv.delete(key));
  }

  /** As `Deno.Kv.list`. */
  list<T = unknown>(selector: Deno.KvListSelector, options?: Deno.KvListOptions): Deno.KvListIterator<T> {
    const listing = this.#kv.list<T>(selector, options);
    const next = listing.next.bind(listing);
    let isFirst = true;
    // A for-await reads the property once: it cannot be put back.
    listing.next = () => {
      if (!isFirst) return next();
      isFirst = false;
      return this.#call("list", next);
    };
    return listing;
  }

  /** As `Deno.Kv.atomic`. */
  atomic(): Deno.AtomicOperation {
    const operation = this.#kv.atomic();
    const commit = operation.commit.bind(operation);
    operation.commit = () => this.#call("commit", commit);
    return operation;
  }

  /** As `Deno.Kv.watch`. */
  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { raw?: boolean },
  ): ReadableStream<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    const reader = this.#kv.watch<T>(keys, options).getReader();
    let cut: (error: unknown) => void;
    const end = (reason: unknown) => {
      this.#cuts.delete(cut);
      return reader.cancel(reason);
    };
    return new ReadableStream({
      start: (controller) => {
        cut = (error) => {
          controller.error(error);
          void end(error);
        };
        this.#cuts.add(cut);
      },
      pull: async (controller) => {
        try {
          const { done, value } = await this.#call("watch", () => reader.read());
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          cut(error);
        }
      },
      cancel: end,
    }, { highWaterMark: 0 });
  }

  /** As `Deno.Kv.enqueue`. */
  enqueue(...args: Parameters<Deno.Kv["enqueue"]>): Promise<Deno.KvCommitResult> {
    return this.#kv.enqueue(...args);
  }

  /** As `Deno.Kv.listenQueue`. */
  listenQueue(...args: Parameters<Deno.Kv["listenQueue"]>): Promise<void> {
    return this.#kv.listenQueue(...args);
  }

  /** As `Deno.Kv.commitVersionstamp`. */
  commitVersionstamp(): symbol {
    return this.#kv.commitVersionstamp();
  }

  /** As `Deno.Kv.close`. */
  close(): void {
    this.#kv.close();
  }

  /** As `Deno.Kv.close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #call<T>(operation: KvOperation, call: () => Promise<T>): Promise<T> {
    this.#counts.set(operation, this.count(operation) + 1);
    const fault = this.#faults.get(operation)?.shift();
    return fault ? fault(call) : call();
  }
}
