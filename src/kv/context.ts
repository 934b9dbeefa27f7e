/**
 * What a runnable is built with in addition to its spec and key: where a table and a cluster meet.
 *
 * @module
 */

/** The right to run a process in a cluster, which the process proves with every write. */
export interface Claim {
  /** Add it to your own atomic operations: the database refuses them once another session has the claim. */
  readonly check: Deno.AtomicCheck;
  /**
   * Commits an atomic operation under the claim: adds the check, and tries again while the database file is locked,
   * which is normal for a file that several OS processes write to.
   *
   * @param atomic The operation, without the check.
   * @returns As `Deno.AtomicOperation.commit`: `ok` is false if the instance has lost the claim, which it may know without
   * asking the database, if another session has it now, or if a check of your own failed.
   * @throws {ClaimLostError} If the process was abandoned; nothing is sent then.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   */
  commit(atomic: Deno.AtomicOperation): Promise<Deno.KvCommitResult | Deno.KvCommitError>;
  /** Aborts when the claim is lost, or the process was abandoned. */
  readonly signal: AbortSignal;
  /**
   * Sorts behind the token of every former holder, for systems other than the database. It only grows within one history of
   * the database: in one that is set back to an earlier copy, or replaced, tokens begin again where that stands.
   */
  readonly token: string;
}

/** What a runnable is built with in addition to its spec and key. */
export interface KvTableContext {
  /** The claim under which the process runs; absent outside of a cluster. */
  readonly claim?: Claim;
}

/** What a trouble is reported with in a cluster. */
export interface ReportContext {
  /** The claim under which it is written: the report of a former owner is dropped. */
  readonly claim?: Pick<Claim, "check">;
  /** Who writes it. */
  readonly session?: string;
}
