/**
 * Asks what an inspector looks at: the supervisor for what runs here, the cluster for who owns what, the table for all keys.
 *
 * @module
 */

import type { PausedKey } from "../pause.ts";
import type { Entry } from "../table/table.ts";
import type { Trouble } from "../table/trouble.ts";
import { compareKeys } from "./key_order.ts";
import { textOf } from "./key_id.ts";
import type { InspectedTable, InspectSettings } from "./options.ts";
import { itemOf, type Knowledge, type Outlook, type ProcessItem } from "./process_item.ts";

/** What stands beside the entries of a table. */
export interface TableConditions<K> {
  /** That of the whole table. */
  readonly whole: PausedKey<K>["pause"] | undefined;
  readonly pauses: ReadonlyMap<K, PausedKey<K>["pause"]>;
  readonly troubles: ReadonlyMap<K, Trouble>;
}

/** Entries in the order of their keys, and the key to go on behind. */
export interface TablePage<K> {
  readonly entries: readonly Entry<K, unknown>[];
  readonly next?: K;
}

/** Which page. */
export interface TablePageOptions<K> {
  readonly after?: K;
  readonly prefix: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** What an inspector looks at. */
export class Sources<K> {
  readonly settings: InspectSettings<K>;
  /** The table of all instances. */
  readonly table: InspectedTable<K> | undefined;

  constructor(settings: InspectSettings<K>) {
    this.settings = settings;
    this.table = settings.table?.whole ?? settings.table;
  }

  /** What can be known now. */
  get outlook(): Outlook {
    const { cluster, supervisor } = this.settings;
    return {
      knowsOwners: cluster !== undefined && cluster.snapshot().sessions.length > 0,
      isRunning: supervisor?.summary().isRunning ?? false,
    };
  }

  /** Tells of a key, with what is remembered of it. */
  item(known: Omit<Knowledge, "own" | "owner"> & { readonly key: K }, outlook: Outlook): ProcessItem {
    const { supervisor, cluster } = this.settings;
    const owner = outlook.knowsOwners ? cluster?.sessionOf(known.key as never) : undefined;
    return itemOf({ ...known, own: supervisor?.status(known.key), owner }, outlook);
  }

  /** Reads one page of the table; of one that has no pages, all of it, and what is wanted is taken. */
  async page(options: TablePageOptions<K>): Promise<TablePage<K>> {
    const { table } = this;
    if (!table) return { entries: [] };
    if (table.page) return await table.page(options);
    const { after, prefix, limit, signal } = options;
    const found: Entry<K, unknown>[] = [];
    for await (const entry of table as AsyncIterable<Entry<K, unknown>>) {
      signal.throwIfAborted();
      if (after !== undefined && compareKeys(entry.key, after) <= 0) continue;
      if (textOf(entry.key).startsWith(prefix)) found.push(entry);
    }
    found.sort((one, other) => compareKeys(one.key, other.key));
    const entries = found.slice(0, limit), last = entries.at(-1);
    return found.length > limit && last ? { entries, next: last.key } : { entries };
  }

  /** Lists what is paused and what is not well: the cost depends on how many those are, not on how many entries there are. */
  async conditions(signal: AbortSignal): Promise<TableConditions<K>> {
    const pauses = new Map<K, PausedKey<K>["pause"]>(), troubles = new Map<K, Trouble>();
    let whole: PausedKey<K>["pause"] | undefined;
    for await (const { key, pause } of this.table?.pauses?.({ signal }) ?? []) {
      if (key === undefined) whole = pause;
      else pauses.set(key, pause);
    }
    for await (const { key, trouble } of this.table?.troubles?.({ signal }) ?? []) troubles.set(key, trouble);
    return { whole, pauses, troubles };
  }
}
