/**
 * The table that the fleet runs and the writer writes: a number under every key.
 *
 * @module
 */

import type { Runnable } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";

/** Where the entries live. */
export const prefix = ["fleet"];

/** How many entries there are at the beginning. */
export const size = 200;

/** One more than `size` in five: with one delete on four sets the size stays about the same. */
export const keys: readonly string[] = Array.from({ length: size * 5 / 4 }, (_, i) => `k${i}`);

/**
 * Opens the table.
 *
 * @param kv The database.
 * @param create Builds the runnable of an entry.
 * @returns The table.
 */
export function fleetTable<P extends Runnable>(kv: Deno.Kv, create: (value: number, key: string) => P) {
  return new KvTable<string, number, P>(kv, { prefix, create });
}
