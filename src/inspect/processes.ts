/**
 * The processes of all instances: of those of this one what its supervisor knows, of others what the table remembers.
 *
 * States that few keys are in, such as parked, are looked for among the keys that this instance knows and those that are
 * paused or not well, without a look at the entries; everything else goes through the pages of the table.
 *
 * @module
 */

import { hasMethods } from "../check.ts";
import { describeError } from "../error_data.ts";
import type { Pause } from "../pause.ts";
import type { Trouble } from "../table/trouble.ts";
import { idOf, keyOfId, textOf } from "./key_id.ts";
import { compareKeys } from "./key_order.ts";
import type { InspectSettings } from "./options.ts";
import { Problem, toJson } from "./problem.ts";

/** The states that a supervisor tells of. */
export const states = [
  "queued",
  "starting",
  "running",
  "stopping",
  "stuck",
  "retrying",
  "parked",
  "resting",
  "paused",
] as const;

/** What else is told of a key: its slot has no live owner; nothing that could know is looked at. */
const allStates: readonly string[] = [...states, "unowned", "unknown"];
const rareStates: readonly string[] = states.filter((state) => state !== "queued" && state !== "running");

const maxLimit = 1_000;
/** How many entries are read for one page at most: a filter may let hardly any pass. */
const maxRead = 5_000;
/** How old what the table remembers may be, in ms: several requests share one look. */
const maxAgeMs = 2_000;

/** A key, and what is remembered of it. */
interface Row<K> {
  readonly key: K;
  readonly pause?: Pause;
  readonly trouble?: Trouble;
}

/** What is remembered of all keys that are paused or not well, and the pause of the whole table. */
interface Remembered<K> {
  readonly rows: ReadonlyMap<K, Row<K>>;
  readonly whole?: Pause;
}

/** Reads a query. */
function parseQuery(parameters: URLSearchParams) {
  const get = (name: string) => parameters.get(name) ?? undefined;
  const state = get("state"), cursor = get("cursor"), limit = get("limit") ?? "100";
  if (state !== undefined && !allStates.includes(state)) {
    throw new Problem(400, `The state must be one of ${allStates.join(", ")}`);
  }
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > maxLimit) {
    throw new Problem(400, `The limit must be a whole number from 1 to ${maxLimit}`);
  }
  const after = cursor === undefined ? undefined : keyOfId(cursor);
  if (cursor !== after && after === undefined) throw new Problem(400, "The cursor must be one that a page has given");
  return { state, search: get("search") ?? "", session: get("session"), after, limit: Number(limit) };
}

type Query = ReturnType<typeof parseQuery>;

/** Shows processes. */
export class Processes<K> {
  readonly #settings: InspectSettings<K>;
  #readMs = -Infinity;
  #reading: Promise<Remembered<K>> | undefined = undefined;

  constructor(settings: InspectSettings<K>) {
    this.#settings = settings;
  }

  /**
   * Lists one page, in the order of the keys.
   *
   * @throws {Problem} 400, if a parameter is wrong.
   */
  async list(parameters: URLSearchParams): Promise<object> {
    const query = parseQuery(parameters), rows = await this.#withoutEntries(query);
    return rows ? this.#cut(rows, query) : await this.#fromEntries(query);
  }

  /**
   * Tells all of one process.
   *
   * @throws {Problem} 404, if neither the table nor this instance knows the key.
   */
  async one(key: K): Promise<object> {
    const { table, supervisor, clock, signal } = this.#settings, entry = await table?.get(key, { signal });
    if (!entry && !supervisor?.status(key)) throw new Problem(404, "There is no such process");
    const { pause, trouble } = entry ?? {};
    const item = this.#describe({ key, pause, trouble }, this.#knowsOwners);
    return { at: clock.now(), ...item, trouble, ...await this.#specOf(key, entry) };
  }

  /** Has what the table remembers read again: it has been changed here. */
  forget(): void {
    this.#readMs = -Infinity;
  }

  /** Finds all keys that can be in a state without reading the table; `undefined` if that cannot be. */
  async #withoutEntries({ state, session }: Query): Promise<Row<K>[] | undefined> {
    const own = this.#own(state);
    if (!this.#settings.table) return own;
    if (state === undefined || !rareStates.includes(state)) return undefined;
    if (this.#seesAll(session)) return own;
    const { rows, whole } = await this.#remembered();
    if (whole && state === "paused") return undefined;
    return [...new Map([...own.map((row) => [row.key, row] as const), ...rows]).values()];
  }

  /** Goes through the pages of the table until there is one item more than asked for. */
  async #fromEntries(query: Query) {
    const { search: prefix, state, session, limit } = query;
    const pageLimit = state === undefined && session === undefined ? Math.min(limit + 1, maxLimit) : maxLimit;
    const ending = [...this.#own("stopping"), ...this.#own("stuck")]; // their entries may be gone
    const items: object[] = [];
    let after = query.after as K | undefined;
    for (let read = 0;;) {
      const { entries, next } = await this.#page({ after, prefix, limit: pageLimit, signal: this.#settings.signal });
      const listed = new Set(entries.map(({ key }) => key));
      const beside = ending.filter(({ key }) =>
        !listed.has(key) && (next === undefined || compareKeys(key, next) <= 0)
      );
      const page = this.#cut([...entries, ...beside], { ...query, after, limit: limit - items.length });
      items.push(...page.items);
      read += entries.length;
      after = next;
      if (page.cursor !== undefined || after === undefined) return { items, cursor: page.cursor };
      if (read >= maxRead) return { items, cursor: idOf(after) };
    }
  }

  /** Of rows, takes those that are asked for, up to the limit; there is a cursor exactly if there are more. */
  #cut(rows: Row<K>[], { search, state, session, after, limit }: Query) {
    const items = [], knowsOwners = this.#knowsOwners;
    for (const row of rows.sort((one, other) => compareKeys(one.key, other.key))) {
      const isBefore = after !== undefined && compareKeys(row.key, after) <= 0;
      if (isBefore || !textOf(row.key).startsWith(search)) continue;
      const item = this.#describe(row, knowsOwners);
      if (item.state !== (state ?? item.state) || item.session !== (session ?? item.session)) continue;
      if (items.length === limit) return { items, cursor: items.at(-1)?.id ?? idOf(after) };
      items.push(item);
    }
    return { items };
  }

  #describe({ key, pause, trouble }: Row<K>, knowsOwners: boolean) {
    const { supervisor, cluster } = this.#settings, own = supervisor?.status(key);
    const owner = knowsOwners ? cluster?.sessionOf(key as never) : undefined;
    const named = { id: idOf(key), key, session: owner?.id, isSeen: own !== undefined };
    if (own) {
      const { state, sinceAt, failures, retryAt, lastError, pause, note } = own;
      return { ...named, state, sinceAt, failures, retryAt, lastError, pause, note };
    }
    const { state, changedAt, failures = 0, retryAt, lastError } = trouble?.endedAt === undefined ? trouble ?? {} : {};
    if (pause) return { ...named, state: "paused", sinceAt: pause.at, failures, lastError, pause };
    // A key without trouble runs where its slot is owned; one of this instance without a process waits for a look at it.
    const isOurs = knowsOwners ? owner?.isSelf : supervisor?.summary().isRunning;
    const unseen = isOurs ? "queued" : !knowsOwners ? "unknown" : owner ? "running" : "unowned";
    return { ...named, state: state ?? unseen, sinceAt: changedAt, failures, retryAt, lastError };
  }

  /** The keys that this instance knows. */
  #own(state: string | undefined): Row<K>[] {
    const { supervisor } = this.#settings, counts: Record<string, number> = supervisor?.summary().counts ?? {};
    if (state !== undefined && !counts[state]) return [];
    return supervisor?.snapshot().processes.filter((each) => each.state === (state ?? each.state)) ?? [];
  }

  get #knowsOwners(): boolean {
    return (this.#settings.cluster?.snapshot().sessions.length ?? 0) > 0;
  }

  /** Whether this instance itself knows all keys that are asked for. */
  #seesAll(session: string | undefined): boolean {
    const { supervisor, cluster } = this.#settings, { isRunning, pass } = supervisor?.summary() ?? {};
    const seen = cluster?.snapshot();
    if (!isRunning || !pass) return false;
    if (!seen || (session !== undefined && session === seen.session)) return true;
    return seen.slots.unowned.length === 0 && seen.sessions.every(({ isSelf }) => isSelf);
  }

  /** Reads a page of the table; of one that has no pages, everything. */
  async #page(options: { after?: K; prefix: string; limit: number; signal: AbortSignal }) {
    const table = this.#settings.table!;
    if (table.page) return await table.page(options);
    options.signal.throwIfAborted();
    return { entries: await Array.fromAsync(table as AsyncIterable<Row<K>>), next: undefined };
  }

  /** Lists what is paused and what is not well: the cost depends on how many those are, not on how many entries there are. */
  #remembered(): Promise<Remembered<K>> {
    const nowMs = this.#settings.clock.monotonic();
    if (this.#reading && nowMs - this.#readMs < maxAgeMs) return this.#reading;
    this.#readMs = nowMs;
    this.#reading = this.#read();
    this.#reading.catch(() => this.forget());
    return this.#reading;
  }

  async #read(): Promise<Remembered<K>> {
    const { table, signal } = this.#settings, rows = new Map<K, Row<K>>();
    let whole: Pause | undefined;
    for await (const { key, trouble } of table?.troubles?.({ signal }) ?? []) rows.set(key, { key, trouble });
    for await (const { key, pause } of table?.pauses?.({ signal }) ?? []) {
      if (key === undefined) whole = pause;
      else rows.set(key, { ...rows.get(key), key, pause });
    }
    if (whole) { for (const [key, row] of rows) rows.set(key, { pause: whole, ...row }); }
    return { rows, whole };
  }

  /** What a function of the user's makes of a spec may be anything, and fail. */
  async #specOf(key: K, entry: object | undefined) {
    const { showSpec } = this.#settings;
    if (!showSpec || !hasSpec(entry)) return {};
    try {
      const spec = await entry.spec(), shown = showSpec === true ? spec : await showSpec(spec, key);
      return { spec: JSON.parse(toJson(shown)) };
    } catch (error) {
      return { specError: describeError(error) };
    }
  }
}

function hasSpec(entry: object | undefined): entry is { spec(): Promise<unknown> } {
  return hasMethods(entry, "spec");
}
