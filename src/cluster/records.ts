/**
 * What a cluster stores in the database: sessions and claims.
 *
 * @module
 */

import { ClusterMismatchError } from "./errors.ts";

/** The format of all records. A reader that finds another one does not touch the record. */
export const recordFormat = 1;

/** One instance of the program, as long as its record moves. */
export interface SessionRecord {
  /** {@linkcode recordFormat}. */
  readonly format: number;
  /** Which session. */
  readonly session: string;
  /** Differs with every write of the session, to recognise one whose reply was lost. */
  readonly nonce: number;
  /** After how long without a heartbeat others may declare the session dead, in ms. */
  readonly ttlMs: number;
  /** Into how many slots the session divides the keys. */
  readonly slots: number;
  /** False in the first write alone, which may land long after it was given up: nobody may be there then. */
  readonly hasBeaten: boolean;
}

/** Who owns a slot. It changes only when the owner does, so its versionstamp is the fencing token. */
export interface ClaimRecord {
  /** {@linkcode recordFormat}. */
  readonly format: number;
  /** The owner. */
  readonly session: string;
  /** Differs with every write of the owner. */
  readonly nonce: number;
}

/** A record and the commit that wrote it. */
export interface Stored<R> {
  /** What is written. */
  readonly record: R;
  /** The commit. */
  readonly versionstamp: string;
}

/**
 * Checks a record of a session.
 *
 * @param key Where it stands.
 * @param value What stands there.
 * @param slots Into how many slots this instance divides the keys.
 * @throws {ClusterMismatchError} When it is in another format, or of another number of slots.
 */
export function assertSessionRecord(key: Deno.KvKey, value: unknown, slots: number): asserts value is SessionRecord {
  assertClaimRecord(key, value);
  const { ttlMs, slots: theirs, session } = value as SessionRecord;
  if (!Number.isFinite(ttlMs) || session !== key.at(-1)) throw unreadable(key, value);
  if (theirs === slots) return;
  throw new ClusterMismatchError(
    `Cannot be in one cluster with session ${session}: all instances need the same number of slots, ` +
      `current values are ${theirs} there and ${slots} here`,
  );
}

/**
 * Checks a claim.
 *
 * @param key Where it stands.
 * @param value What stands there.
 * @throws {ClusterMismatchError} When it is in another format.
 */
export function assertClaimRecord(key: Deno.KvKey, value: unknown): asserts value is ClaimRecord {
  if (!isClaimRecord(value)) throw unreadable(key, value);
}

/**
 * Tells a claim from anything else.
 *
 * @param value Any value.
 * @returns Whether it is one, in our format.
 */
export function isClaimRecord(value: unknown): value is ClaimRecord {
  const { format, session, nonce } = (value ?? {}) as Partial<ClaimRecord>;
  return format === recordFormat && typeof session === "string" && typeof nonce === "number";
}

function unreadable(key: Deno.KvKey, value: unknown): ClusterMismatchError {
  return new ClusterMismatchError(
    `Cannot read the record at ${key.map(String).join("/")}: this version reads format ${recordFormat}, ` +
      `current format is ${String((value as Partial<ClaimRecord> | null)?.format)}`,
  );
}
