/**
 * Counts what calls to a Deno KV are billed: 4 KiB a read unit, 1 KiB a write unit.
 *
 * - A key that is read counts its bytes, rounded up, at least one unit; so does each batch of a listing, as a whole.
 * - A mutation counts the bytes of its key and value, rounded up; a delete counts one unit.
 * - A message of a watch counts as a read of its keys, in a column of its own: how it is billed is documented nowhere.
 * - A check counts nothing, and neither does an operation that is refused or fails: that is documented nowhere either.
 *
 * @module
 */

import { serialize } from "node:v8";
import { type KeyPart, keySize, keyText } from "../../src/kv/key_parts.ts";

/** What can be called. A listing counts each batch, a watch each message. */
export type KvCall = "get" | "getMany" | "list" | "set" | "delete" | "commit" | "watch";

/** What was counted. */
export interface Units {
  /** Units of reads, without the watches. */
  readonly reads: number;
  /** Units of writes. */
  readonly writes: number;
  /** Units of reads that the messages of watches would be. */
  readonly watched: number;
  /** How many calls there were of each kind. */
  readonly calls: Readonly<Record<KvCall, number>>;
}

/** The sizes of the rows of one database, by key: each version of a row is measured once. */
export type RowSizes = Map<string, { readonly versionstamp: string; readonly size: number }>;

const readUnit = 4_096;
const writeUnit = 1_024;

/** What stands in a key in the place of the symbol. */
const someVersionstamp = "0".repeat(20);

/** Returns the bytes of a value in the database. */
export function valueSize(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (value instanceof Deno.KvU64) return 8;
  return serialize(value).byteLength;
}

/** Adds up what several meters counted. */
export function sumUnits(all: readonly Units[]): Units {
  const calls = noCalls();
  for (const each of all) for (const kind of callKinds) calls[kind] += each.calls[kind];
  const sum = (name: "reads" | "writes" | "watched") => all.reduce((total, each) => total + each[name], 0);
  return { reads: sum("reads"), writes: sum("writes"), watched: sum("watched"), calls };
}

/** Wraps a Deno KV and counts the units of what is done through it. Rows of a batch that are never handed out are not counted. */
export class MeteredKv implements Deno.Kv {
  readonly #kv: Deno.Kv;
  readonly #sizes: RowSizes;
  readonly #calls = noCalls();
  #reads = 0;
  #writes = 0;
  #watched = 0;

  /**
   * Begins to count.
   *
   * @param kv The database; `close` closes it.
   * @param sizes What is known of its rows, to be shared by all meters of one database.
   */
  constructor(kv: Deno.Kv, sizes: RowSizes = new Map()) {
    this.#kv = kv;
    this.#sizes = sizes;
  }

  /** What has been counted so far. */
  get units(): Units {
    return { reads: this.#reads, writes: this.#writes, watched: this.#watched, calls: { ...this.#calls } };
  }

  /** As `Deno.Kv.get`. */
  async get<T = unknown>(
    key: Deno.KvKey,
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<Deno.KvEntryMaybe<T>> {
    this.#calls.get++;
    const entry = await this.#kv.get<T>(key, options);
    this.#reads += readUnits(this.#rowSize(entry));
    return entry;
  }

  /** As `Deno.Kv.getMany`. */
  async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { consistency?: Deno.KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    this.#calls.getMany++;
    const entries = await this.#kv.getMany<T>(keys, options);
    for (const entry of entries) this.#reads += readUnits(this.#rowSize(entry));
    return entries;
  }

  /** As `Deno.Kv.list`. */
  list<T = unknown>(selector: Deno.KvListSelector, options: Deno.KvListOptions = {}): Deno.KvListIterator<T> {
    const listing = this.#kv.list<T>(selector, options);
    const next = listing.next.bind(listing);
    const { limit = Infinity, batchSize = Math.min(options.limit ?? 100, 500) } = options;
    let [rows, size, isOver] = [0, 0, false];
    // A for-await reads the property once: it cannot be put back.
    listing.next = async () => {
      const isCall = !isOver && rows < limit && rows % batchSize === 0;
      if (isCall) this.#calls.list++;
      const step = await next();
      if (isCall) {
        size = 0;
        this.#reads++;
      }
      if (step.done) {
        isOver = true;
        return step;
      }
      rows++;
      this.#reads -= readUnits(size);
      size += this.#rowSize(step.value);
      this.#reads += readUnits(size);
      return step;
    };
    return listing;
  }

  /** As `Deno.Kv.set`. */
  async set(key: Deno.KvKey, value: unknown, options?: { expireIn?: number }): Promise<Deno.KvCommitResult> {
    this.#calls.set++;
    const result = await this.#kv.set(key, value, options);
    this.#writes += writeUnits(key, value);
    return result;
  }

  /** As `Deno.Kv.delete`. */
  async delete(key: Deno.KvKey): Promise<void> {
    this.#calls.delete++;
    await this.#kv.delete(key);
    this.#writes++;
  }

  /** As `Deno.Kv.atomic`. */
  atomic(): Deno.AtomicOperation {
    return new MeteredAtomic(this.#kv.atomic(), (commit) => this.#commit(commit));
  }

  /** As `Deno.Kv.watch`. */
  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: Deno.KvKey }],
    options?: { raw?: boolean },
  ): ReadableStream<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    const reader = this.#kv.watch<T>(keys, options).getReader();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        this.#calls.watch++;
        for (const entry of value) this.#watched += readUnits(this.#rowSize(entry));
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** As `Deno.Kv.enqueue`; queues are not metered. */
  enqueue(...args: Parameters<Deno.Kv["enqueue"]>): Promise<Deno.KvCommitResult> {
    return this.#kv.enqueue(...args);
  }

  /** As `Deno.Kv.listenQueue`; queues are not metered. */
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

  async #commit({ operation, units }: MeteredCommit): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    this.#calls.commit++;
    const result = await operation.commit();
    if (result.ok) this.#writes += units;
    return result;
  }

  #rowSize({ key, value, versionstamp }: Deno.KvEntryMaybe<unknown>): number {
    if (versionstamp === null) return 0;
    const name = keyText(partsOf(key));
    const known = this.#sizes.get(name);
    if (known?.versionstamp === versionstamp) return known.size;
    const size = pairSize(key, value);
    this.#sizes.set(name, { versionstamp, size });
    return size;
  }
}

/** An operation that is about to be committed, and what it counts if it is not refused. */
interface MeteredCommit {
  readonly operation: Deno.AtomicOperation;
  readonly units: number;
}

/** Counts the mutations that are added to an operation. */
class MeteredAtomic implements Deno.AtomicOperation {
  readonly #operation: Deno.AtomicOperation;
  readonly #commit: (commit: MeteredCommit) => Promise<Deno.KvCommitResult | Deno.KvCommitError>;
  #units = 0;

  constructor(
    operation: Deno.AtomicOperation,
    commit: (commit: MeteredCommit) => Promise<Deno.KvCommitResult | Deno.KvCommitError>,
  ) {
    this.#operation = operation;
    this.#commit = commit;
  }

  check(...checks: Deno.AtomicCheck[]): this {
    this.#operation.check(...checks);
    return this;
  }

  mutate(...mutations: Deno.KvMutation[]): this {
    this.#operation.mutate(...mutations);
    for (const mutation of mutations) {
      this.#units += mutation.type === "delete" ? 1 : writeUnits(mutation.key, mutation.value);
    }
    return this;
  }

  sum(key: Deno.KvKey, n: bigint): this {
    this.#operation.sum(key, n);
    return this.#add(writeUnits(key, new Deno.KvU64(n)));
  }

  min(key: Deno.KvKey, n: bigint): this {
    this.#operation.min(key, n);
    return this.#add(writeUnits(key, new Deno.KvU64(n)));
  }

  max(key: Deno.KvKey, n: bigint): this {
    this.#operation.max(key, n);
    return this.#add(writeUnits(key, new Deno.KvU64(n)));
  }

  set(key: Deno.KvKey, value: unknown, options?: { expireIn?: number }): this {
    this.#operation.set(key, value, options);
    return this.#add(writeUnits(key, value));
  }

  delete(key: Deno.KvKey): this {
    this.#operation.delete(key);
    return this.#add(1);
  }

  enqueue(...args: Parameters<Deno.AtomicOperation["enqueue"]>): this {
    this.#operation.enqueue(...args);
    return this;
  }

  commit(): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    return this.#commit({ operation: this.#operation, units: this.#units });
  }

  #add(units: number): this {
    this.#units += units;
    return this;
  }
}

const callKinds: readonly KvCall[] = ["get", "getMany", "list", "set", "delete", "commit", "watch"];

function noCalls(): Record<KvCall, number> {
  return { get: 0, getMany: 0, list: 0, set: 0, delete: 0, commit: 0, watch: 0 };
}

function readUnits(size: number): number {
  return Math.max(1, Math.ceil(size / readUnit));
}

function writeUnits(key: Deno.KvKey, value: unknown): number {
  return Math.ceil(pairSize(key, value) / writeUnit);
}

function pairSize(key: Deno.KvKey, value: unknown): number {
  return keySize(partsOf(key)) + valueSize(value);
}

function partsOf(key: Deno.KvKey): KeyPart[] {
  return key.map((part) => typeof part === "symbol" ? someVersionstamp : part);
}
