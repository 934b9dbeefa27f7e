/**
 * Listings around rows that the database holds and cannot read: damaged ones, or those of a newer program.
 *
 * One such row fails the whole batch, and the error does not tell which it is. So the batch is made smaller until only that
 * row fails, and its key is searched for, with about ten calls for each character of a text. A listing without such a row
 * costs nothing more.
 *
 * @module
 */

import { isInstance } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import { oneLine } from "../one_line.ts";
import type { KeyPart } from "./key_parts.ts";
import { firstPart, partAfter } from "./part_search.ts";
import type { CallOptions, KvStore } from "./store.ts";

/** How many characters of the database's own message a message shows. */
const maxShown = 200;

/** Tells whether the database failed because it holds a value that it cannot read. */
export function isUnreadable(error: unknown): boolean {
  return isInstance(error, Error) && /deserializ|value encoding/.test(error.message);
}

/** Makes the error of an entry that cannot be read. */
export function unreadableEntry(operation: string, key: unknown, cause: unknown): Error {
  const reason = isInstance(cause, Error) ? oneLine(cause.message, maxShown) : "unknown";
  return new Error(
    `Cannot ${operation} entry ${describeKey(key)}: the database holds a value there that it cannot read, current ` +
      `reason is "${reason}"; set or delete the entry`,
    { cause },
  );
}

/** What is listed: the rows below a prefix, and where to go on. */
export interface Position {
  /** What the keys begin with. */
  readonly prefix: Deno.KvKey;
  /** The first part behind the prefix; without it, the first of all. */
  readonly from?: KeyPart;
  /** The part behind the last one; without it, there is no end. */
  readonly to?: KeyPart;
  /** As the database gives it; "" at the beginning. */
  readonly cursor: string;
  /** The key of the row that the cursor is behind. */
  readonly last?: Deno.KvKey;
}

/** Some rows of a listing. */
export interface Batch {
  /** The rows that can be read. */
  readonly rows: readonly Deno.KvEntry<unknown>[];
  /** The row behind them, if that cannot be read. */
  readonly unreadable: { readonly key: Deno.KvKey; readonly error: unknown } | undefined;
  /** Where to go on; `undefined` at the end. */
  readonly next: Position | undefined;
}

/** How to read a batch. */
export interface BatchOptions extends CallOptions {
  /** The most rows. */
  readonly limit: number;
}

/**
 * Reads a batch of a listing. A row that cannot be read and lies deeper than one part below the prefix is passed over, with
 * all that lies below the same part.
 *
 * @param operation What it does, to be read after "Cannot".
 * @throws {unknown} As `KvStore.call`.
 */
export async function readBatch(
  store: KvStore,
  operation: string,
  position: Position,
  options: BatchOptions,
): Promise<Batch> {
  const { cursor } = position;
  try {
    const batch = await store.list(operation, selectorOf(position), { ...options, cursor });
    const last = batch.rows.at(-1)?.key;
    const next = batch.cursor === undefined ? undefined : { ...position, cursor: batch.cursor, last };
    return { rows: batch.rows, unreadable: undefined, next };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  const limit = options.limit >> 1;
  if (limit > 0) return await readBatch(store, operation, position, { ...options, limit });
  return await new Detour(store, operation, position, options).take();
}

function selectorOf({ prefix, from, to }: Position): Deno.KvListSelector {
  if (to === undefined) return from === undefined ? { prefix } : { prefix, start: [...prefix, from] };
  return from === undefined ? { prefix, end: [...prefix, to] } : { start: [...prefix, from], end: [...prefix, to] };
}

/** The way around one row: the next of a listing. */
class Detour {
  readonly #store: KvStore;
  readonly #operation: string;
  readonly #position: Position;
  readonly #options: CallOptions;

  constructor(store: KvStore, operation: string, position: Position, { purpose, signal }: CallOptions) {
    this.#store = store;
    this.#operation = operation;
    this.#position = position;
    this.#options = { purpose, signal };
  }

  async take(): Promise<Batch> {
    const { prefix, from = "", last } = this.#position;
    const begin = last ? await this.#behind(last) : { part: from, isPassedOver: false };
    if (begin.part === undefined || begin.isPassedOver) return this.#goOn(begin.part);
    const found = await firstPart(begin.part, (from, to) => this.#isAny(selectorOf({ prefix, from, to, cursor: "" })));
    if (found === undefined) return this.#goOn(undefined);
    return { ...this.#goOn(partAfter(found)), ...await this.#read([...prefix, found]) };
  }

  /** The row may lie below the last one, where no row of the table is. */
  async #behind(last: Deno.KvKey): Promise<{ part: KeyPart | undefined; isPassedOver: boolean }> {
    const prefix = last.slice(0, this.#position.prefix.length + 1);
    const isPassedOver = await this.#isAny({ prefix, start: [...last, new Uint8Array()] });
    return { part: partAfter(prefix[prefix.length - 1] as KeyPart), isPassedOver };
  }

  async #isAny(selector: Deno.KvListSelector): Promise<boolean> {
    try {
      const { rows } = await this.#store.list(this.#operation, selector, { limit: 1, ...this.#options });
      return rows.length > 0;
    } catch (error) {
      if (isUnreadable(error)) return true;
      throw error;
    }
  }

  /** Reads the row itself: it may have been mended meanwhile. */
  async #read(key: Deno.KvKey): Promise<Pick<Batch, "rows" | "unreadable">> {
    try {
      const row = await this.#store.call(this.#operation, () => this.#store.kv.get(key), this.#options);
      return { rows: row.versionstamp === null ? [] : [row], unreadable: undefined };
    } catch (error) {
      if (isUnreadable(error)) return { rows: [], unreadable: { key, error } };
      throw error;
    }
  }

  #goOn(from: KeyPart | undefined): Batch {
    const { prefix, to } = this.#position;
    return { rows: [], unreadable: undefined, next: from === undefined ? undefined : { prefix, from, to, cursor: "" } };
  }
}
