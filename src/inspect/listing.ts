/**
 * Lists the processes of all instances, page by page, in the order of their keys.
 *
 * What few keys can be, such as parked, is looked for among the keys that are paused or not well and those that this instance
 * knows, without reading the table; everything else goes through its pages.
 *
 * @module
 */

import type { Pause } from "../pause.ts";
import type { Trouble } from "../table/trouble.ts";
import { idOf, keyOfId, textOf } from "./key_id.ts";
import { compareKeys } from "./key_order.ts";
import { Problem } from "./problem.ts";
import { type ItemState, itemStates, type ProcessItem } from "./process_item.ts";
import type { Sources } from "./sources.ts";

/** What is asked for. */
export interface ListingQuery {
  /** Only this state. */
  readonly state?: ItemState;
  /** What the text of a key begins with. */
  readonly search: string;
  /** Only keys that this session owns. */
  readonly session?: string;
  /** The key behind which it begins. */
  readonly after?: unknown;
  readonly limit: number;
}

/** A page. */
export interface Listing {
  readonly items: readonly ProcessItem[];
  /** Where the next page begins; absent on the last one. */
  readonly cursor?: string;
}

/** A key, and what is remembered of it. */
interface Row<K> {
  readonly key: K;
  readonly pause?: Pause;
  readonly trouble?: Trouble;
}

const maxLimit = 1_000;
/** How many entries are read for one page at most: a filter may let hardly any pass. */
const maxRead = 5_000;

/** States that are known without a look at the entries. */
const knownStates: ReadonlySet<ItemState> = new Set<ItemState>(
  ["starting", "stopping", "stuck", "retrying", "parked", "resting", "paused"],
);

/**
 * Reads a query.
 *
 * @throws {Problem} 400, if a parameter is wrong.
 */
export function parseQuery(parameters: URLSearchParams): ListingQuery {
  const state = parameters.get("state"), limit = parameters.get("limit"), cursor = parameters.get("cursor");
  const session = parameters.get("session"), search = parameters.get("search") ?? "";
  if (state !== null && !itemStates.includes(state as ItemState)) {
    throw new Problem(400, `The state must be one of ${itemStates.join(", ")}`);
  }
  if (limit !== null && !(/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= maxLimit)) {
    throw new Problem(400, `The limit must be a whole number from 1 to ${maxLimit}`);
  }
  const after = cursor === null ? undefined : keyOfId(cursor);
  if (cursor !== null && after === undefined) throw new Problem(400, "The cursor must be one that a page has given");
  return {
    ...state !== null && { state: state as ItemState },
    search,
    ...session !== null && { session },
    ...after !== undefined && { after },
    limit: limit === null ? 100 : Number(limit),
  };
}

/** Lists one page. */
export async function list<K>(sources: Sources<K>, query: ListingQuery, signal: AbortSignal): Promise<Listing> {
  if (!sources.table) return cut(ownRows(sources, query), sources, query);
  if (query.state !== undefined && knownStates.has(query.state)) {
    if (seesAll(sources, query)) return cut(ownRows(sources, query), sources, query);
    const { whole, pauses, troubles } = await sources.conditions(signal);
    if (!(whole && query.state === "paused")) {
      const rows = new Map(ownRows(sources, query).map((row) => [row.key, row]));
      for (const key of [...pauses.keys(), ...troubles.keys()]) rows.set(key, { key });
      const known = (key: K) => ({ key, pause: pauses.get(key) ?? whole, trouble: troubles.get(key) });
      return cut(Array.from(rows.keys(), known), sources, query);
    }
  }
  return await listTable(sources, query, signal);
}

/** Whether this instance itself knows all keys that are asked for, so that the table need not be read. */
function seesAll<K>({ settings: { supervisor, cluster } }: Sources<K>, { session }: ListingQuery): boolean {
  const summary = supervisor?.summary();
  if (!summary?.isRunning || !summary.pass) return false;
  const { sessions, slots: { unowned }, session: self } = cluster?.snapshot() ??
    { sessions: [], slots: { unowned: [] } };
  if (session !== undefined && session === self) return true;
  return unowned.length === 0 && sessions.every(({ isSelf }) => isSelf);
}

/** Goes through the pages of the table until there is one item more than asked for. */
async function listTable<K>(sources: Sources<K>, query: ListingQuery, signal: AbortSignal): Promise<Listing> {
  const { search: prefix, state, session, limit } = query;
  const isFiltered = state !== undefined || session !== undefined;
  const beyond = unlisted(sources, query);
  const items: ProcessItem[] = [];
  let after = query.after as K | undefined;
  for (let read = 0;;) {
    const options = { after, prefix, limit: Math.min(isFiltered ? maxLimit : limit + 1, maxLimit), signal };
    const { entries, next } = await sources.page(options);
    const rows = merge(entries, beyond, { after, next });
    const listing = cut(rows, sources, { ...query, after, limit: limit - items.length });
    items.push(...listing.items);
    if (listing.cursor !== undefined) return { items, cursor: listing.cursor };
    if (next === undefined) return { items };
    read += entries.length;
    after = next;
    if (read >= maxRead) return { items, cursor: idOf(after) };
  }
}

/** Of rows, takes those that are asked for, up to the limit; there is a cursor exactly if there are more. */
function cut<K>(rows: readonly Row<K>[], sources: Sources<K>, query: ListingQuery): Listing {
  const { search, state, session, after, limit } = query;
  const { outlook } = sources;
  const items: ProcessItem[] = [];
  for (const row of rows.toSorted((one, other) => compareKeys(one.key, other.key))) {
    if (after !== undefined && compareKeys(row.key, after) <= 0) continue;
    if (!textOf(row.key).startsWith(search)) continue;
    const item = sources.item(row, outlook);
    if (state !== undefined && item.state !== state) continue;
    if (session !== undefined && item.session !== session) continue;
    const last = items.at(-1);
    if (items.length === limit) return { items, cursor: last?.id ?? idOf(after) };
    items.push(item);
  }
  return { items };
}

/** The keys that this instance knows. */
function ownRows<K>({ settings: { supervisor } }: Sources<K>, { state }: ListingQuery): Row<K>[] {
  const processes = supervisor?.snapshot().processes ?? [];
  return processes.filter((each) => state === undefined || each.state === state);
}

/** Keys that may be gone from the table, whose processes have not ended. */
function unlisted<K>(sources: Sources<K>, query: ListingQuery): Row<K>[] {
  const { stopping = 0, stuck = 0 } = sources.settings.supervisor?.summary().counts ?? {};
  if (stopping + stuck === 0) return [];
  const rows = [
    ...ownRows(sources, { ...query, state: "stopping" }),
    ...ownRows(sources, { ...query, state: "stuck" }),
  ];
  return rows.map(({ key }) => ({ key }));
}

/** Adds to a page of the table the keys that belong between its ends. */
function merge<K>(
  entries: readonly Row<K>[],
  beyond: readonly Row<K>[],
  { after, next }: { readonly after?: K; readonly next?: K },
): Row<K>[] {
  const rows = entries.map(({ key, pause, trouble }) => ({ key, pause, trouble }));
  if (beyond.length === 0) return rows;
  const listed = new Set(rows.map(({ key }) => key));
  const isBetween = (key: K) =>
    (after === undefined || compareKeys(key, after) > 0) && (next === undefined || compareKeys(key, next) <= 0);
  return [...rows, ...beyond.filter(({ key }) => isBetween(key) && !listed.has(key))];
}
