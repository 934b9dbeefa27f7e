/**
 * What the test with OS processes and the program that runs in each of them agree on.
 *
 * @module
 */

import type { Runnable } from "@pact/supervisor";
import { KvTable, type KvTableContext } from "@pact/supervisor/kv";

/** How fast a cluster is. */
export interface Pace {
  readonly heartbeatMs: number;
  readonly ttlMs: number;
}

/** How fast the cluster is; at most two thirds of the time to live pass before a session fences itself. */
export const pace: Pace = { heartbeatMs: 500, ttlMs: 2_000 };

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
  /** No other write has it: a remote database may be sent one twice, and land it twice, when the reply was lost. */
  readonly id: string;
}

/** What an instance shows of itself. */
export interface Shown {
  /** The processes that run. */
  readonly running: readonly string[];
  /** How many calls of the library the database has not answered yet, watches left out. */
  readonly pendingCalls: number;
  /** How many rows the library has read so far. */
  readonly rows: number;
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
 * @param path The path or URL that it was opened with.
 */
export function chaosTable<P extends Runnable>(
  kv: Deno.Kv,
  create: (key: string, context: KvTableContext) => P,
  path?: string,
) {
  return new KvTable<string, null, P>(kv, {
    prefix: ["chaos"],
    path,
    create: (_spec, key, context) => create(key, context),
  });
}
