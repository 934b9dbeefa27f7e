/**
 * The data behind the test server: entries in the order of their keys, and a counter of commits.
 *
 * @module
 */

import {
  type AtomicWrite,
  type AtomicWriteOutcome,
  le64,
  type Mutation,
  mutationType,
  type ReadRange,
  type StoredEntry,
  type StoredValue,
} from "./messages.ts";

/** Hears which keys a commit touched. */
export type CommitListener = (keys: ReadonlySet<string>) => void;

/** The first and the last byte of text as a part of a key. */
const textPart = { begin: "02", end: "00" };

const { asUintN } = BigInt;

/** The name of a counting mutation, and what it makes of what is there and what is given. */
const counts = new Map<number, [name: string, count: (stored: bigint, given: bigint) => bigint]>([
  [mutationType.sum, ["sum", (stored, given) => asUintN(64, stored + given)]],
  [mutationType.max, ["max", (stored, given) => stored > given ? stored : given]],
  [mutationType.min, ["min", (stored, given) => stored < given ? stored : given]],
]);

/** Keeps entries in memory, for good: times of expiry are ignored. Keys are hexadecimal text. */
export class Store {
  readonly #entries = new Map<string, StoredEntry>();
  /** The keys of the entries, sorted. */
  readonly #keys: string[] = [];
  readonly #listeners = new Set<CommitListener>();
  #commits = 0;

  /** What is at a key. */
  get(key: string): StoredEntry | undefined {
    return this.#entries.get(key);
  }

  /** What is in a range. */
  list({ start, end, limit, reverse }: ReadRange): StoredEntry[] {
    const from = this.#position(start);
    const to = this.#position(end);
    const keys = reverse
      ? this.#keys.slice(Math.max(from, to - limit), to).reverse()
      : this.#keys.slice(from, Math.min(to, from + limit));
    return keys.flatMap((key) => this.get(key) ?? []);
  }

  /**
   * Applies a write, unless a check fails.
   *
   * @throws {TypeError} If a mutation cannot be applied; those before it stay, as in Deno KV on SQLite.
   */
  commit({ checks, mutations }: AtomicWrite): AtomicWriteOutcome {
    const failedChecks = checks.flatMap(({ key, versionstamp }, index) =>
      (this.get(key)?.versionstamp ?? "") === versionstamp ? [] : [index]
    );
    if (failedChecks.length > 0) return { failedChecks };
    const versionstamp = toVersionstamp(++this.#commits);
    const keys = new Set<string>();
    for (const mutation of mutations) keys.add(this.#apply(mutation, versionstamp));
    for (const listener of this.#listeners) listener(keys);
    return { versionstamp };
  }

  /** Calls a listener after every commit, until it is taken off. */
  listen(listener: CommitListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Returns the key that it touched. */
  #apply(mutation: Mutation, versionstamp: string): string {
    const isSuffixed = mutation.type === mutationType.setSuffixVersionstampedKey;
    const key = isSuffixed ? mutation.key + toTextPart(versionstamp) : mutation.key;
    const value = mutate(mutation, this.get(key));
    this.#put(key, value && { ...value, key, versionstamp });
    return key;
  }

  #put(key: string, entry: StoredEntry | undefined): void {
    const isNew = !this.#entries.has(key);
    if (entry) {
      if (isNew) this.#keys.splice(this.#position(key), 0, key);
      this.#entries.set(key, entry);
    } else if (this.#entries.delete(key)) this.#keys.splice(this.#position(key), 1);
  }

  /** How many keys are before this one. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle] < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function mutate({ type, value }: Mutation, stored: StoredValue | undefined): StoredValue | undefined {
  if (type === mutationType.delete) return undefined;
  if (type === mutationType.set || type === mutationType.setSuffixVersionstampedKey) return value;
  const counting = counts.get(type);
  if (!counting) throw new TypeError(`Cannot mutate: the type is unknown, current value is ${type}`);
  const [name, count] = counting;
  const given = toNumber(value, `Failed to perform '${name}' mutation on a non-U64 operand`);
  if (!stored) return toValue(given);
  return toValue(
    count(toNumber(stored, `Failed to perform '${name}' mutation on a non-U64 value in the database`), given),
  );
}

function toNumber({ data, encoding }: StoredValue, refusal: string): bigint {
  if (encoding === le64) return new DataView(data.buffer, data.byteOffset, data.length).getBigUint64(0, true);
  throw new TypeError(refusal);
}

function toValue(number: bigint): StoredValue {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setBigUint64(0, number, true);
  return { data, encoding: le64 };
}

/** Ten bytes that sort like the number. */
function toVersionstamp(commit: number): string {
  return commit.toString(16).padStart(16, "0").padEnd(20, "0");
}

function toTextPart(text: string): string {
  return textPart.begin + new TextEncoder().encode(text).toHex() + textPart.end;
}
