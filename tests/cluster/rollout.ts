/**
 * What the test of a rollout and the program that runs in each OS process agree on.
 *
 * @module
 */

import type { Runnable } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";

/** The processes. */
export const keys: readonly string[] = Array.from({ length: 60 }, (_, i) => `k${i}`);

/**
 * How often the sessions beat. A slot that is left waits a heartbeat for the session that should take it: one that the machine
 * holds up for longer would make another session take it, and the slot move twice.
 */
export const rolloutPace = { heartbeatMs: 1_000, ttlMs: 3_000 };

/** Opens the table. */
export function rolloutTable(kv: Deno.Kv, create: (key: string) => Runnable): KvTable<string, null, Runnable> {
  return new KvTable(kv, { prefix: ["rollout"], pollMs: 50, create: (_spec: null, key: string) => create(key) });
}
