/**
 * Errors of a cluster.
 *
 * @module
 */

import { oneLine, quote } from "../one_line.ts";

/** How many characters of a path a message shows. */
const maxShownPath = 300;
/** How many characters of a session's id a message shows: another program may have written it. */
export const maxShownId = 100;

/**
 * Why a process was aborted: its instance no longer owns its slot, or can no longer be sure of that.
 *
 * @example Told by the signal of a claim
 * ```ts
 * import { ClaimLostError } from "@pact/supervisor/cluster";
 * import { assertEquals } from "@std/assert";
 *
 * const losing = new AbortController();
 * losing.abort(new ClaimLostError("no heartbeat was acknowledged in time"));
 * assertEquals(losing.signal.reason.message, "The claim is lost: no heartbeat was acknowledged in time");
 * ```
 */
export class ClaimLostError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "ClaimLostError";

  /**
   * Makes the error.
   *
   * @param reason Why the claim is lost.
   */
  constructor(reason: string) {
    super(`The claim is lost: ${reason}`);
  }
}

/**
 * Says that other instances cannot see the database, so that a cluster on it would be alone.
 *
 * @example A database in memory
 * ```ts
 * import { Cluster, LocalDatabaseError } from "@pact/supervisor/cluster";
 * import { assertRejects } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const cluster = new Cluster(kv);
 * await assertRejects(() => cluster.run(() => {}), LocalDatabaseError, "allowLocal");
 * ```
 */
export class LocalDatabaseError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "LocalDatabaseError";
  /** The path that was given, if any. */
  readonly path: string | undefined;

  /**
   * Makes the error.
   *
   * @param path The path that was given, if any.
   * @param reason Why other instances cannot see the database, and what would be right.
   */
  constructor(path: string | undefined, reason: string) {
    super(
      `Cannot run a cluster: ${reason}, current path is ${path === undefined ? "none" : quote(path, maxShownPath)}`,
    );
    this.path = path;
  }
}

/**
 * Says that this instance cannot work with another one, which has another number of slots or another format of records. With
 * the option `onMismatch: "fail"` it ends the run.
 *
 * @example Two instances with different options
 * ```ts
 * import { Cluster, ClusterMismatchError } from "@pact/supervisor/cluster";
 * import { assertRejects } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const options = { allowLocal: true, heartbeatMs: 50, ttlMs: 500, onMismatch: "fail" } as const;
 * const one = new Cluster(kv, { ...options, slots: 256 });
 * const other = new Cluster(kv, { ...options, slots: 128 });
 * await one.run(async () => {
 *   await assertRejects(() => other.run(() => {}), ClusterMismatchError, "256 there and 128 here");
 * });
 * ```
 */
export class ClusterMismatchError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "ClusterMismatchError";
  /** The session of the other one. */
  readonly session: string;
  /** Why the two cannot work together. */
  readonly reason: string;

  /**
   * Makes the error.
   *
   * @param session The session of the other one.
   * @param reason Why the two cannot work together.
   */
  constructor(session: string, reason: string) {
    super(`Cannot be in one cluster with session ${oneLine(session, maxShownId)}: ${reason}`);
    this.session = session;
    this.reason = reason;
  }
}
