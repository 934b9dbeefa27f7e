/**
 * What the test with OS processes and the program that runs in each of them agree on.
 *
 * @module
 */

import type { Runnable } from "@pact/supervisor";
import { KvTable, type KvTableContext } from "@pact/supervisor/kv";

/** How fast the cluster is; at most two thirds of the time to live pass before a session fences itself. */
export const pace = { heartbeatMs: 500, ttlMs: 2_000 } as const;

/** Where the records of the cluster live. */
export const clusterPrefix = ["cluster"];

/** The processes. */
export const keys: readonly string[] = Array.from({ length: 500 }, (_, i) => `p${i}`);

/** How long a process waits between two writes: 500 processes make about 170 writes/s. */
export const pauseMs = { min: 2_000, max: 4_000 } as const;

/** One write of a process. */
export interface Line {
  /** The instance that wrote. */
  readonly owner: string;
  /** The token of the claim that it wrote under. */
  readonly token: string;
  /** 1 for the first write of the process under the token, one more for each next one. */
  readonly seq: number;
}

/**
 * Makes the key of a write.
 *
 * @param key Which process.
 * @param versionstamp The commit, or the symbol that the database replaces by it.
 */
export function lineKey(key: string, versionstamp: string | symbol): Deno.KvKey {
  return ["history", key, versionstamp as string];
}

/**
 * Opens the table.
 *
 * @param kv The database.
 * @param create Builds the process of a key.
 */
export function chaosTable<P extends Runnable>(kv: Deno.Kv, create: (key: string, context: KvTableContext) => P) {
  return new KvTable<string, null, P>(kv, {
    prefix: ["chaos"],
    create: (_spec, key, context) => create(key, context),
  });
}
