/**
 * Reads a table page by page, in the order of the database, without reading what lies before the page.
 *
 * @module
 */

import { checkShape, checkWhole } from "../check.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Conditions } from "./conditions.ts";
import { type KeyPart, keyText } from "./key_parts.ts";
import type { KvTableKey } from "./keyspace.ts";
import { entriesOf, type EntrySource, type KvEntry } from "./kv_entry.ts";
import { firstAfterTexts, partAfter } from "./part_search.ts";
import type { KvStore } from "./store.ts";
import { type Position, readBatch } from "./unreadable.ts";

/** Which page of a table to read. */
export interface PageOptions<K> {
  /** The key behind which the page begins; without it, at the first one. It need not be in the table any more. */
  readonly after?: K;
  /** What the text of a key begins with: that of a bigint ends with `n`. */
  readonly prefix?: string;
  /**
   * The most entries, from 1 to 1 000.
   *
   * @default {100}
   */
  readonly limit?: number;
  /** Abandons the call. */
  readonly signal?: AbortSignal;
}

/** A page of a table, in the order of the database: texts, bigints, numbers, false, true. */
export interface Page<K, Spec, P> {
  /** The entries; there may be fewer than asked for, or none, before the end. */
  readonly entries: readonly KvEntry<K, Spec, P>[];
  /** The key behind which the next page begins; absent at the end. */
  readonly next?: K;
}

/** How many rows are passed over at most for one page, because their keys do not begin as they should. */
const maxPassedOver = 5_000;

/** What can begin the text of a key that is no text. */
const mayBeginOther = /^(-?\d*n?|-?\d+\.\d*|-?\d\S*e\S*|-?I\w*|t\w*|f\w*)$/;

/** What a page is read with. */
export interface PageSource<K extends KvTableKey, Spec, P extends Runnable> {
  readonly store: KvStore;
  readonly source: EntrySource<K, Spec, P>;
  readonly conditions: Conditions;
}

/**
 * Reads a page.
 *
 * @throws {TypeError} If an option has a wrong shape.
 * @throws {RangeError} If `limit` is out of range.
 */
export async function readPage<K extends KvTableKey, Spec, P extends Runnable>(
  { store, source, conditions }: PageSource<K, Spec, P>,
  options: PageOptions<K>,
): Promise<Page<K, Spec, P>> {
  const { after, prefix = "", limit = 100, signal = new AbortController().signal } = options;
  checkShape("prefix", "a string", prefix, typeof prefix === "string");
  checkWhole("limit", limit, 1, 1_000);
  const { keys } = source.settings;
  if (after !== undefined) keys.entry(after); // refuses what can be no key
  const from = after === undefined ? prefix : later(partAfter(after), prefix);
  const list = await conditions.all(signal);
  const entries: KvEntry<K, Spec, P>[] = [];
  let position: Position | undefined = from === undefined ? undefined : { prefix: keys.prefix, from, cursor: "" };
  for (let seen = 0; position;) {
    const { reading } = source.versions;
    const batch = await readBatch(store, "list the entries", position, { purpose: "listing", limit, signal });
    position = batch.next;
    for (const entry of entriesOf(batch, { list, reading }, source)) {
      const text = textOf(entry.key);
      if (text.startsWith(prefix)) entries.push(entry);
      else if (typeof entry.key === "string") {
        // The texts that begin so are behind us, and only they are next to each other.
        position = mayBeginOther.test(prefix) ? { prefix: keys.prefix, from: firstAfterTexts, cursor: "" } : undefined;
        break;
      }
      const isFull = entries.length === limit || ++seen === maxPassedOver;
      if (isFull) return { entries, next: entry.key };
    }
  }
  return { entries };
}

/** Of a place to go on from and the first text that begins as it should, the one further back. */
function later(part: KeyPart | undefined, prefix: string): KeyPart | undefined {
  return typeof part === "string" && part < prefix ? prefix : part;
}

function textOf(key: KvTableKey): string {
  return typeof key === "string" ? key : keyText([key]).slice(1, -1);
}
