/**
 * A Deno KV that misbehaves on demand.
 *
 * @module
 */

import type { KvFault } from "./kv_faults.ts";

/** What can be made to misbehave. A listing counts when its first row is read, a watch with every reading. */
export type KvOperation = "get" | "getMany" | "set" | "delete" | "list" | "commit" | "watch";

/** Options of {@linkcode FaultyKv}. */
export interface FaultyKvOptions {
  /**
   * Decides what happens to a call when it begins; `undefined` lets it through. It is asked once for every call, except for
   * one that gets an injected fault.
   *
   * @default Lets everything through.
   */
  readonly decide?: (operation: KvOperation) => KvFault | undefined;
}

/**
 * Wraps a Deno KV and makes its calls fail: first with the faults that were injected, then with those that the option
 * `decide` returns. A call without a fault goes through unchanged.
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
 *
 * @example Every second commit is refused though it lands
 * ```ts
 * import { denyAfterLanding, FaultyKv } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using sound = await Deno.openKv(":memory:");
 * let commits = 0;
 * const faulty = new FaultyKv(sound, {
 *   decide: (operation) => operation === "commit" && ++commits % 2 === 0 ? denyAfterLanding() : undefined,
 * });
 * assertEquals((await faulty.atomic().set(["a"], 1).commit()).ok, true);
 * assertEquals((await faulty.atomic().set(["a"], 2).commit()).ok, false);
 * assertEquals((await sound.get(["a"])).value, 2);
 * ```
 */
export class FaultyKv implements Deno.Kv {
  readonly #kv: Deno.Kv;
  readonly #decide: (operation: KvOperation) => KvFault | undefined;
  readonly #faults = new Map<KvOperation, KvFault[]>();
  readonly #counts = new Map<KvOperation, number>();
  readonly #cuts = new Set<(error: unknown) => void>();

  /**
   * Wraps a database.
   *
   * @param kv The database that answers; `close` closes it.
   * @param options See {@linkcode FaultyKvOptions}.
   */
  constructor(kv: Deno.Kv, options: FaultyKvOptions = {}) {
    this.#kv = kv;
    this.#decide = options.decide ?? (() => undefined);
  }

  /**
   * Adds a fault after those that are still to come.
   *
   * @param operation The kind of call that it is for.
   * @param fault What happens to the call.
   * @param times The number of calls that it happens to.
   */
  inject(operation: KvOperation, fault: KvFault, times = 1): void {
    const faults = this.#faults.get(operation) ?? [];
    for (let i = 0; i < times; i++) faults.push(fault);
    this.#faults.set(operation, faults);
  }

  /**
   * Counts calls.
   *
   * @param operation The kind of call.
   * @returns How many have begun so far.
   */
  count(operation: KvOperation): number {
    return this.#counts.get(operation) ?? 0;
  }

  /**
   * Breaks every open watch.
   *
   * @param error The error that its reader gets.
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
    let readings = 0;
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
          const { done, value } = await this.#call("watch", () => reader.read(), readings++);
          if (!done) return controller.enqueue(value);
          controller.close();
          await end(undefined);
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

  #call<T>(operation: KvOperation, call: () => Promise<T>, readings = 0): Promise<T> {
    this.#counts.set(operation, this.count(operation) + 1);
    const fault = this.#faults.get(operation)?.shift() ?? this.#decide(operation);
    return fault ? fault(call, readings) : call();
  }
}
