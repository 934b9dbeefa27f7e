/**
 * The processes of all instances: of those of this one what its supervisor knows, of others what the table remembers.
 *
 * @module
 */

import { hasMethods } from "../check.ts";
import { describeError } from "../error_data.ts";
import { compareKeys } from "../kv/key_order.ts";
import { states } from "../telemetry/figures.ts";
import { idOf, keyOfId, textOf } from "./key_id.ts";
import { Memory, type Row } from "./memory.ts";
import type { InspectSettings } from "./options.ts";
import { Problem, toJson } from "./problem.ts";

/** Of some keys this tells that their slot has no live owner, or that nothing that could know is looked at. */
const allStates: readonly string[] = [...states, "unowned", "unknown"];
/** States that few keys are in, which are found without a look at the entries. */
const rareStates: readonly string[] = states.filter((state) => state !== "queued" && state !== "running");

const maxLimit = 1_000;
/** How many entries are read for one page at most: a filter may let hardly any pass. */
const maxRead = 5_000;

type Query = ReturnType<typeof parseQuery>;

/** Shows processes. */
export class Processes<K> {
  readonly #settings: InspectSettings<K>;
  /** What the table remembers. */
  readonly memory: Memory<K>;

  constructor(settings: InspectSettings<K>) {
    this.#settings = settings;
    this.memory = new Memory(settings);
  }

  /** Lists one page, in the order of the keys. It has a cursor if there may be more. */
  async list(url: URL): Promise<object> {
    const query = parseQuery(url), { state, session, limit } = query;
    const at = this.#settings.clock.now(), knowsOwners = this.#knowsOwners, items = [];
    let read = 0;
    for await (const { rows, next } of this.#pages(query)) {
      for (const row of rows.sort((one, other) => compareKeys(one.key, other.key))) {
        const item = this.#describe(row, knowsOwners);
        if (item.state !== (state ?? item.state) || item.session !== (session ?? item.session)) continue;
        if (items.length === limit) return { at, items, cursor: items[limit - 1].id };
        items.push(item);
      }
      read += rows.length;
      if (read >= maxRead && next !== undefined) return { at, items, cursor: idOf(next) };
    }
    return { at, items };
  }

  /** Tells all of one process. */
  async one(key: K): Promise<object> {
    const { table, supervisor, clock, signal } = this.#settings, entry = await table?.get(key, { signal });
    if (!entry && !supervisor?.status(key)) throw new Problem(404, "There is no such process");
    const { pause, trouble } = entry ?? {};
    const item = this.#describe({ key, pause, trouble }, this.#knowsOwners);
    return { at: clock.now(), ...item, trouble, ...await this.#specOf(key, entry) };
  }

  /** Yields the keys that may be what is asked for. */
  async *#pages(query: Query): AsyncGenerator<{ rows: Row<K>[]; next?: K }, undefined> {
    const { search: prefix, state, session, limit } = query, { table, signal } = this.#settings;
    const wanted = (rows: Iterable<Row<K>>) =>
      [...rows].filter(({ key }) => isBehind(key, query.after) && textOf(key).startsWith(prefix));
    const isRare = state !== undefined && rareStates.includes(state);
    if (!table || isRare && this.#seesAll(session)) return yield { rows: wanted(this.#own(state)) };
    const { rows, whole } = isRare ? await this.memory.all() : {};
    if (rows && !(whole && state === "paused")) {
      const own = this.#own(state).map((row) => [row.key, row] as const);
      return yield { rows: wanted(new Map([...own, ...rows]).values()) };
    }
    const ending = wanted([...this.#own("stopping"), ...this.#own("stuck")]); // their entries may be gone
    const pageLimit = state === undefined && session === undefined ? Math.min(limit + 1, maxLimit) : maxLimit;
    let after = query.after as K | undefined;
    do {
      const { entries, next } = table.page
        ? await table.page({ after, prefix, limit: pageLimit, signal })
        : { entries: wanted(await Array.fromAsync(table as AsyncIterable<Row<K>>)), next: undefined };
      const listed = new Set(entries.map(({ key }) => key));
      const beside = ending.filter(({ key }) =>
        isBehind(key, after) && !listed.has(key) && (next === undefined || !isBehind(key, next))
      );
      yield { rows: [...entries, ...beside], next };
      after = next;
    } while (after !== undefined);
  }

  #describe({ key, pause, trouble }: Row<K>, knowsOwners: boolean) {
    const { supervisor, cluster, isShared } = this.#settings, own = supervisor?.status(key);
    const owner = knowsOwners ? cluster?.sessionOf(key as never) : undefined;
    const named = { id: idOf(key), key, session: owner?.id, isSeen: own !== undefined };
    if (own) {
      const { state, sinceAt, failures, retryAt, lastError, note } = own;
      return { ...named, state, sinceAt, failures, retryAt, lastError, pause: own.pause ?? pause, note };
    }
    const { state, changedAt, failures = 0, retryAt, lastError } = trouble?.endedAt === undefined ? trouble ?? {} : {};
    if (pause) return { ...named, state: "paused", sinceAt: pause.at, failures, lastError, pause };
    // A key without trouble runs where its slot is owned; one of this instance without a process waits for a look at it.
    const isOurs = supervisor && (knowsOwners ? owner?.isSelf : !isShared && supervisor.summary().isRunning);
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
    const { supervisor, cluster, isShared } = this.#settings, { isRunning, pass } = supervisor?.summary() ?? {};
    if (!isRunning || !pass) return false;
    const { session: self, sessions = [], slots } = cluster?.snapshot() ?? {};
    if (!isShared || (session !== undefined && session === self)) return true;
    return slots?.unowned.length === 0 && sessions.length > 0 && sessions.every(({ isSelf }) => isSelf);
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

function parseQuery({ search: text, searchParams }: URL) {
  const get = (name: string) => searchParams.get(name) ?? undefined;
  const state = get("state") || undefined, cursor = get("cursor"), limit = get("limit") ?? "100";
  if (!isEncoded(text)) throw new Problem(400, "The query must be UTF-8, percent-encoded");
  if (state !== undefined && !allStates.includes(state)) {
    throw new Problem(400, `The state must be one of ${allStates.join(", ")}`);
  }
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > maxLimit) {
    throw new Problem(400, `The limit must be a whole number from 1 to ${maxLimit}`);
  }
  const after = cursor === undefined ? undefined : keyOfId(cursor);
  if (cursor !== undefined && after === undefined) {
    throw new Problem(400, "The cursor must be one that a page has given");
  }
  return { state, search: get("search") ?? "", session: get("session") || undefined, after, limit: Number(limit) };
}

function isEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch (_malformed) {
    return false;
  }
}

/** Without a place, everything is behind it. */
function isBehind(key: unknown, place: unknown): boolean {
  return place === undefined || compareKeys(key, place) > 0;
}

function hasSpec(entry: object | undefined): entry is { spec(): Promise<unknown> } {
  return hasMethods(entry, "spec");
}
