/**
 * What a cluster stores in the database: sessions, what they say of themselves once, and claims.
 *
 * @module
 */

import { isObject } from "../check.ts";
import { describeValue } from "../errors.ts";

/** The format of all records. What is written in another one is not touched while its writer is alive. */
export const recordFormat = 1;

/** How many states are read of a session: a later version may have more of them than this one. */
const maxStates = 16;

/** In place of the commit of a record that the database cannot read, which does not tell it. */
export const unreadableStamp = "";

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
  /**
   * Whether it can be given slots: it has looked around not long ago. Never in the first write, which may land long after it
   * was given up, when its instance is gone.
   */
  readonly accepts: boolean;
  /** How many of its beats were acknowledged. */
  readonly beats?: number;
  /** Whether it has lived for long enough to be relied on; left out until it has. */
  readonly isProven?: boolean;
  /**
   * The commit of the session's first record, which does not have it itself. Of two sessions that cannot work with each other
   * the one whose first record is older stays.
   */
  readonly first?: string;
  /** How many keys of the instance are in each state; left out if it has not been told that. */
  readonly counts?: Counts;
}

/** How many keys are in each state; a state that no key is in is left out. */
export type Counts = Readonly<Record<string, number>>;

/** What a session says of itself once, since it never changes: it stands in the database exactly as long as the session does. */
export interface InfoRecord extends SessionInfo {
  /** {@linkcode recordFormat}. */
  readonly format: number;
}

/** What an instance shows of itself. */
export interface SessionInfo {
  /** The version of the program. */
  readonly revision: string;
  /** Any plain data, for people. */
  readonly info?: unknown;
}

/** The order of the revisions that instances have had. */
export interface RevisionsRecord {
  /** {@linkcode recordFormat}. */
  readonly format: number;
  /** The newest one is the last. */
  readonly revisions: readonly string[];
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

/** A session as it was read. */
export interface SessionSeen {
  /** The commit of its last heartbeat; {@linkcode unreadableStamp} if its record cannot be read, and so is never seen to move. */
  readonly versionstamp: string;
  /** After how long without a heartbeat it may be declared dead, in ms. */
  readonly ttlMs: number;
  /** Whether it can be given slots. */
  readonly accepts: boolean;
  /** How many of its beats were acknowledged. */
  readonly beats: number;
  /** Whether it has lived for long enough to be relied on. */
  readonly isProven: boolean;
  /** The commit of its first record; "", before all others, if that is not known. */
  readonly first: string;
  /** How many keys of its instance are in each state, if it says so. */
  readonly counts?: Counts;
  /** Why this instance cannot work with it, if it cannot. */
  readonly mismatch: string | undefined;
}

/** A slot as it was read. */
export interface SlotSeen {
  readonly slot: number;
  /** The commit of the claim; `null` without a claim, {@linkcode unreadableStamp} if it cannot be read. */
  readonly versionstamp: string | null;
  /** The session that owns it; `undefined` when there is no claim, or none that can be read. */
  readonly owner: string | undefined;
}

/** All records of a cluster at one moment, or nearly: rows that are read in several batches may belong to several. */
export interface ClusterView {
  /** The sessions by id. */
  readonly sessions: ReadonlyMap<string, SessionSeen>;
  /** What stands in the place of each claim, by slot. */
  readonly claims: ReadonlyMap<number, SlotSeen>;
}

/** The most characters of a session's id, which is a part of keys. */
export const maxIdLength = 64;

/** Tells the id of a session from what else may be the last part of a key, or stand in a record. */
export function isSessionId(id: unknown): id is string {
  return typeof id === "string" && id.length <= maxIdLength && /^[0-9a-f-]+$/.test(id);
}

/** Tells a session record in our format from any other value. */
export function isSessionRecord(value: unknown): value is SessionRecord {
  const { ttlMs, slots } = (value ?? {}) as Partial<SessionRecord>;
  return isClaimRecord(value) && Number.isFinite(ttlMs) && Number.isInteger(slots);
}

/** Tells a claim in our format from any other value; a session record has all that a claim has. */
export function isClaimRecord(value: unknown): value is ClaimRecord {
  const { format, session, nonce } = (value ?? {}) as Partial<ClaimRecord>;
  // What is no id could be the key of something else, or of nothing: a session that is thought to be gone, or never is.
  return format === recordFormat && isSessionId(session) && typeof nonce === "number";
}

/** Reads what a session says of itself; `undefined` if nothing stands there that this version can read. */
export function toInfo(value: unknown): SessionInfo | undefined {
  const { format, revision, info } = (value ?? {}) as Partial<InfoRecord>;
  if (format !== recordFormat || typeof revision !== "string") return undefined;
  return info === undefined ? { revision } : { revision, info };
}

/** The most characters of a revision. */
export const maxRevision = 200;

/** Reads the order of the revisions, without what can be none; empty if nothing stands there that this version can read. */
export function toRevisions(value: unknown): readonly string[] {
  const { format, revisions } = (value ?? {}) as Partial<RevisionsRecord>;
  if (format !== recordFormat || !Array.isArray(revisions)) return [];
  return revisions.filter((revision) => typeof revision === "string" && revision.length <= maxRevision);
}

/**
 * Reads what stands in the place of a session. Whatever it is, it is alive as long as it moves.
 *
 * @param row What stands there.
 * @param own How this instance divides the keys, and the time to live of a record that cannot be read.
 */
export function toSession(
  { value, versionstamp }: { readonly value: unknown; readonly versionstamp: string },
  own: { readonly slots: number; readonly ttlMs: number },
): SessionSeen {
  if (versionstamp === unreadableStamp) {
    return {
      versionstamp,
      ttlMs: own.ttlMs,
      accepts: false,
      beats: 0,
      isProven: false,
      first: "",
      mismatch: "the database cannot read its record",
    };
  }
  if (!isSessionRecord(value)) {
    const { format, first } = (value ?? {}) as Partial<SessionRecord>;
    const mismatch = format === recordFormat
      ? "no version writes such a record"
      : `this version reads format ${recordFormat}, its format is ${describeValue(format)}`;
    const known = { accepts: false, beats: 0, isProven: false, first: typeof first === "string" ? first : "" };
    return { versionstamp, ttlMs: own.ttlMs, ...known, mismatch };
  }
  const { ttlMs, slots, accepts, beats = 0, isProven = false, first = versionstamp } = value;
  const counts = toCounts(value.counts), known = { versionstamp, ttlMs, beats, isProven, first };
  if (slots === own.slots) return { ...known, accepts, mismatch: undefined, ...counts && { counts } };
  const mismatch =
    `all instances need the same number of slots, current values are ${slots} there and ${own.slots} here`;
  return { versionstamp, ttlMs, accepts: false, beats, isProven, first, mismatch };
}

/** Reads what is said of the keys; nothing is believed of it. */
function toCounts(value: unknown): Counts | undefined {
  if (!isObject(value)) return undefined;
  const isCount = (count: unknown): count is number => Number.isSafeInteger(count) && (count as number) > 0;
  const counts: [string, unknown][] = Object.entries(value).slice(0, maxStates);
  return Object.fromEntries(counts.filter((each): each is [string, number] => isCount(each[1])));
}
