/**
 * Whether an instance can join at all: asked before it writes anything that others would have to live with.
 *
 * @module
 */

import { type Clock, pause } from "../clock.ts";
import { KvClosedError } from "../kv/store.ts";
import { ClusterMismatchError, LocalDatabaseError } from "./errors.ts";
import type { ClusterFailedEvent } from "./events.ts";
import type { Ledger } from "./ledger.ts";
import { Sightings } from "./sightings.ts";

/** What an admission needs from the instance. */
export interface AdmissionHost {
  /** The database. */
  readonly ledger: Ledger;
  /** Only the monotonic clock counts. */
  readonly clock: Clock;
  /** How often everybody beats, in ms. */
  readonly heartbeatMs: number;
  /** Checks that others can see the database, unless that is known. */
  assertShared(): Promise<void>;
  /** Is told that the database failed. */
  failed(operation: ClusterFailedEvent["operation"], error: unknown): void;
}

/** How long is waited before the database is asked again, in heartbeats. */
const retryShare = 0.2;

/**
 * Waits until the instance can join. While the database does not answer it is asked again and again. A session that this
 * instance cannot work with keeps it out only if it moves: one that does not is declared dead as any other.
 *
 * @param host What it needs from the instance.
 * @param signal Ends the wait.
 * @throws {LocalDatabaseError} When others cannot see the database.
 * @throws {ClusterMismatchError} When there are others that it cannot work with.
 * @throws {KvClosedError} When the database is closed.
 */
export async function admit(host: AdmissionHost, signal: AbortSignal): Promise<void> {
  const { clock, heartbeatMs } = host;
  const sightings = new Sightings();
  while (!signal.aborted) {
    try {
      await host.assertShared();
      if (await isAdmitted(host, sightings)) return;
    } catch (error) {
      if (signal.aborted) return;
      const isHopeless = [ClusterMismatchError, LocalDatabaseError, KvClosedError].some((kind) =>
        error instanceof kind
      );
      if (isHopeless) throw error;
      host.failed("join", error);
    }
    await pause(clock, heartbeatMs * retryShare, signal);
  }
}

async function isAdmitted({ ledger, clock }: AdmissionHost, sightings: Sightings): Promise<boolean> {
  const { sessions } = await ledger.look();
  const { moved } = sightings.see(sessions, clock.monotonic());
  for (const id of moved) {
    const misfit = sessions.get(id)?.misfit;
    if (misfit) throw new ClusterMismatchError(`Cannot be in one cluster with session ${id}: ${misfit}`);
  }
  const misfits = new Set([...sessions].filter(([, { misfit }]) => misfit !== undefined).map(([id]) => id));
  for (const id of sightings.dead(clock.monotonic())) {
    if (misfits.has(id) && await ledger.bury(id, sessions.get(id)!.versionstamp)) misfits.delete(id);
  }
  return misfits.size === 0;
}
