/**
 * Everything that is told of one process.
 *
 * @module
 */

import { describeError } from "../error_data.ts";
import { describeValue } from "../errors.ts";
import { hasMethods } from "../check.ts";
import type { Trouble } from "../table/trouble.ts";
import { Problem, toJson } from "./problem.ts";
import type { ProcessItem } from "./process_item.ts";
import type { Sources } from "./sources.ts";

/** One process. */
export interface ProcessDetail extends ProcessItem {
  /** When this was true, epoch ms. */
  readonly at: number;
  /** What the table remembers, if something is wrong or was until a day ago. */
  readonly trouble?: Trouble;
  /** Its spec, if that is shown and the table has such things. */
  readonly spec?: unknown;
  /** Why its spec cannot be shown. */
  readonly specError?: string;
}

/**
 * Tells of one process: of all that this instance knows, and the table.
 *
 * @throws {Problem} 404, if neither knows the key.
 */
export async function oneProcess<K>(sources: Sources<K>, key: K, signal: AbortSignal): Promise<ProcessDetail> {
  const { table, settings: { clock, supervisor } } = sources;
  const entry = await table?.get(key, { signal });
  if (!entry && !supervisor?.status(key)) throw new Problem(404, "There is no such process");
  const { pause, trouble } = entry ?? {};
  const item = sources.item({ key, pause, trouble }, sources.outlook);
  return { at: clock.now(), ...item, ...trouble && { trouble }, ...await specOf(sources, key, entry) };
}

/** What a user's own function makes of a spec may be anything, and fail. */
async function specOf<K>(
  { settings: { showSpec } }: Sources<K>,
  key: K,
  entry: object | undefined,
): Promise<Pick<ProcessDetail, "spec" | "specError">> {
  if (!showSpec || !hasSpec(entry)) return {};
  try {
    const spec = await entry.spec();
    const shown = typeof showSpec === "function" ? await showSpec(spec, key) : spec;
    return { spec: shown === undefined ? null : jsonOrText(shown) };
  } catch (error) {
    return { specError: describeError(error) };
  }
}

function hasSpec(entry: object | undefined): entry is { spec(): Promise<unknown> } {
  return hasMethods(entry, "spec");
}

/** A spec may refer to itself: it is told in a few words then. */
function jsonOrText(spec: unknown): unknown {
  try {
    return JSON.parse(toJson(spec));
  } catch (_cyclic) {
    return describeValue(spec);
  }
}
