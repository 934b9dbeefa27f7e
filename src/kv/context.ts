/**
 * What a runnable is built with beside its spec and key: the seam between a table and a cluster.
 *
 * @module
 */

/** The right to run a process in a cluster, for the process to prove with every write. */
export interface Claim {
  /** Add it to your own atomic operations: the database refuses them once the claim is somebody else's. */
  readonly check: Deno.AtomicCheck;
  /**
   * Commits an atomic operation under the claim: adds the check, and tries again while a database file is locked, which on
   * a file that several OS processes write to is the normal case.
   *
   * @param atomic The operation, without the check.
   * @returns As `Deno.AtomicOperation.commit`: `ok` is false when the claim is somebody else's now, or a check of your own
   * failed.
   * @throws {KvTimeoutError} When the database did not answer in time; the write may have landed or not.
   */
  commit(atomic: Deno.AtomicOperation): Promise<Deno.KvCommitResult | Deno.KvCommitError>;
  /** Aborts when the claim is lost. */
  readonly signal: AbortSignal;
  /** Sorts behind the token of every former holder, for systems other than the database. */
  readonly token: string;
}

/** What a runnable is built with beside its spec and key. */
export interface KvTableContext {
  /** The claim under which the process runs; absent outside of a cluster. */
  readonly claim?: Claim;
}
