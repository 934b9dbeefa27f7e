/**
 * A Deno KV in memory that does everything at once: for simulations.
 *
 * @module
 */

import { systemClock } from "../../src/clock.ts";
import { MemoryAtomic, noQueues, planSet } from "./atomic.ts";
import { encodeKey } from "./key.ts";
import { listSizes, MemoryListIterator } from "./list.ts";
import { settle } from "./settle.ts";
import { copySelector, type KeyRange, packSelector, toRange } from "./selector.ts";
import { type MemoryCopy, type MemoryRecord, MemoryStore, toEntry } from "./store.ts";
import { MemoryWatch } from "./watch.ts";
import { assertWithinLimits, packWrite, type PlannedMutation, versionstampSymbol } from "./write.ts";

/** What a `MemoryKv` can be told. */
export interface MemoryKvOptions {
  /**
   * Tells the time, in epoch ms: for `expireIn` and `sweep`.
   *
   * @default The clock of the machine.
   */
  readonly now?: () => number;
}

/**
 * A Deno KV in memory, deterministic and fast. A call has its whole effect before it returns; its promise resolves in a
 * microtask. It uses no timer and no randomness, so a simulation over it can be repeated exactly.
 *
 * What it promises is what `Deno.openKv(":memory:")` does, errors and their texts included: a test holds 10 000 random
 * operations against it. What it does not promise:
 * - Versionstamps count by one; the real ones skip some. Only their order means anything.
 * - Nothing expires by itself: `sweep` deletes. Deno KV too promises only the earliest moment.
 * - There are no queues, and no consistency but the strong one.
 * - Options and selectors of a wrong type, a proxy, a `SharedArrayBuffer`, and a bigint in a key of more than 255 bytes
 *   may fail with another text, or be taken.
 * - Two `next` of one listing at the same time give two entries; the real one may give one twice.
 *
 * It needs `"unstable": ["kv"]` for `Deno.KvU64`.
 *
 * @example Two handles on one database
 * ```ts
 * import { MemoryKv } from "./memory_kv.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const kv = new MemoryKv();
 * using other = kv.open();
 * await kv.set(["a"], 1);
 * kv.close();
 * assertEquals((await other.get(["a"])).value, 1);
 * ```
 */
export class MemoryKv implements Deno.Kv {
  #store: MemoryStore;
  readonly #watches = new Set<MemoryWatch>();
  #isClosed = false;

  /**
   * Makes an empty database and its first handle.
   *
   * @param options See {@linkcode MemoryKvOptions}.
   */
  constructor(options: MemoryKvOptions = {}) {
    this.#store = new MemoryStore(options.now ?? (() => systemClock.now()));
  }

  /**
   * Opens another handle on the same database. Each is closed on its own; the data lives on, also without any.
   *
   * @returns The handle.
   */
  open(): MemoryKv {
    const handle = new MemoryKv();
    handle.#store = this.#store;
    return handle;
  }

  /**
   * Deletes what has expired. Until then an expired entry is there: it can be read, and a check for null fails.
   *
   * @param nowMs The moment, in epoch ms.
   * @returns How many entries were deleted.
   *
   * @example An expired entry
   * ```ts
   * import { MemoryKv } from "./memory_kv.ts";
   * import { assertEquals } from "@std/assert";
   *
   * let now = 0;
   * using kv = new MemoryKv({ now: () => now });
   * await kv.set(["a"], 1, { expireIn: 500 });
   * now = 60_000;
   * assertEquals((await kv.get(["a"])).value, 1);
   * assertEquals(kv.sweep(), 1);
   * assertEquals((await kv.get(["a"])).value, null);
   * ```
   */
  sweep(nowMs: number = this.#store.now()): number {
    return this.#store.sweep(nowMs);
  }

  /** Copies all that stands in the database. */
  copy(): MemoryCopy {
    return this.#store.copy();
  }

  /**
   * Sets the database back to a copy, or replaces it by that of another one, under all of its handles: as a server does that
   * is started again with another file. Versionstamps begin again where the copy stood.
   *
   * @example A commit that is gone, and another one of the same versionstamp
   * ```ts
   * import { MemoryKv } from "./memory_kv.ts";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = new MemoryKv();
   * const copy = kv.copy();
   * const { versionstamp } = await kv.set(["a"], 1);
   * kv.restore(copy);
   * assertEquals((await kv.get(["a"])).value, null);
   * assertEquals((await kv.set(["a"], 2)).versionstamp, versionstamp);
   * ```
   */
  restore(copy: MemoryCopy): void {
    this.#store.restore(copy);
  }

  /** As `Deno.Kv.get`. */
  get<T = unknown>(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<T>> {
    return settle(() => toEntry<T>(this.#lookUp([encodeKey(key)])[0], key));
  }

  /** As `Deno.Kv.getMany`. */
  getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    return settle(() => {
      const records = this.#lookUp(keys.map(encodeKey));
      return records.map((record, i) => toEntry(record, keys[i])) as { [K in keyof T]: Deno.KvEntryMaybe<T[K]> };
    });
  }

  /** As `Deno.Kv.set`. */
  set(key: Deno.KvKey, value: unknown, options?: { expireIn?: number }): Promise<Deno.KvCommitResult> {
    return settle(() => ({ ok: true, versionstamp: this.#commit([], [planSet(key, value, options?.expireIn)])! }));
  }

  /** As `Deno.Kv.delete`. */
  delete(key: Deno.KvKey): Promise<void> {
    return settle(() => void this.#commit([], [{ type: "delete", key }]));
  }

  /** As `Deno.Kv.list`: a snapshot per batch only. */
  list<T = unknown>(selector: Deno.KvListSelector, options: Deno.KvListOptions = {}): Deno.KvListIterator<T> {
    const { limit, batchSize } = listSizes(options);
    const { reverse = false } = options;
    const copy = copySelector(selector);
    return new MemoryListIterator<T>({
      selector: () => packSelector(copy),
      limit,
      batchSize,
      cursor: options.cursor || undefined,
      read: (packed, from) => this.#read(() => toRange(packed, reverse, from), batchSize, reverse),
    });
  }

  /** As `Deno.Kv.atomic`. */
  atomic(): Deno.AtomicOperation {
    return new MemoryAtomic((checks, mutations) => this.#commit(checks, mutations));
  }

  /** As `Deno.Kv.watch`. */
  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { raw?: boolean },
  ): ReadableStream<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    const encodedKeys = keys.map(encodeKey);
    this.#assertOpen();
    if (keys.length > 10) throw new TypeError("Too many keys (max 10)");
    encodedKeys.forEach((encoded) => assertReadable(encoded, maxReadKeySize));
    const watch = new MemoryWatch(this.#store, {
      keys: [...keys],
      encodedKeys,
      isRaw: options?.raw ?? false,
      onEnd: (ended) => this.#watches.delete(ended),
    });
    this.#watches.add(watch);
    return watch.stream as ReadableStream<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }>;
  }

  /** Refuses: there are no queues. */
  enqueue(): Promise<Deno.KvCommitResult> {
    return Promise.reject(noQueues());
  }

  /** Refuses: there are no queues. */
  listenQueue(): Promise<void> {
    return Promise.reject(noQueues());
  }

  /** As `Deno.Kv.commitVersionstamp`. */
  commitVersionstamp(): symbol {
    return versionstampSymbol;
  }

  /**
   * Closes this handle and ends its watches. Other handles stay open.
   *
   * @throws {Deno.errors.BadResource} When it is closed already.
   */
  close(): void {
    this.#assertOpen();
    this[Symbol.dispose]();
  }

  /** Closes this handle, if it is open. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const watch of [...this.#watches]) watch.end();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("Bad resource ID");
  }

  #lookUp(encodedKeys: readonly string[]): (MemoryRecord | undefined)[] {
    this.#assertOpen();
    if (encodedKeys.length > 10) throw new TypeError("Too many ranges (max 10)");
    // A key is read as the range up to the key and a zero byte, which must not be too long either.
    for (const encoded of encodedKeys) assertReadable(encoded, maxReadKeySize - 1);
    return encodedKeys.map((encoded) => this.#store.get(encoded));
  }

  #read(range: () => KeyRange, limit: number, reverse: boolean): MemoryRecord[] {
    this.#assertOpen();
    const { start, end } = range();
    assertReadable(start, maxReadKeySize);
    assertReadable(end, maxReadKeySize);
    if (limit > 1_000) throw new TypeError("Too many entries (max 1000)");
    return this.#store.read({ start, end }, limit, reverse);
  }

  #commit(checks: readonly Deno.AtomicCheck[], mutations: readonly PlannedMutation[]): string | null {
    const write = packWrite(checks, mutations);
    this.#assertOpen();
    assertWithinLimits(write);
    return this.#store.commit(write);
  }
}

const maxReadKeySize = 2_049;

function assertReadable(encoded: string, maxSize: number): void {
  if (encoded.length > maxSize) throw new TypeError(`Key too large for read (max ${maxReadKeySize} bytes)`);
}
