/**
 * What a cluster stores in the database: sessions, what they say of themselves once, and claims.
 *
 * @module
 */

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
  /** The commit of the claim, `null` when there is none; {@linkcode unreadableStamp} if it cannot be read. */
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

/** Tells the id of a session from what else may be the last part of a key. */
export function isSessionId(id: unknown): id is string {
  return typeof id === "string" && /^[0-9a-f-]+$/.test(id);
}

/** Tells a session record in our format from any other value. */
export function isSessionRecord(value: unknown): value is SessionRecord {
  const { ttlMs, slots } = (value ?? {}) as Partial<SessionRecord>;
  return isClaimRecord(value) && Number.isFinite(ttlMs) && Number.isInteger(slots);
}

/** Tells a claim in our format from any other value; a session record has all that a claim has. */
export function isClaimRecord(value: unknown): value is ClaimRecord {
  const { format, session, nonce } = (value ?? {}) as Partial<ClaimRecord>;
  return format === recordFormat && typeof session === "string" && typeof nonce === "number";
}

/** Reads what a session says of itself; `undefined` if nothing stands there that this version can read. */
export function toInfo(value: unknown): SessionInfo | undefined {
  const { format, revision, info } = (value ?? {}) as Partial<InfoRecord>;
  if (format !== recordFormat || typeof revision !== "string") return undefined;
  return info === undefined ? { revision } : { revision, info };
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
      first: "",
      mismatch: "the database cannot read its record",
    };
  }
  if (!isSessionRecord(value)) {
    const { format, first } = (value ?? {}) as Partial<SessionRecord>;
    const mismatch = format === recordFormat
      ? "no version writes such a record"
      : `this version reads format ${recordFormat}, its format is ${describeValue(format)}`;
    return { versionstamp, ttlMs: own.ttlMs, accepts: false, first: typeof first === "string" ? first : "", mismatch };
  }
  const { ttlMs, slots, accepts, first = versionstamp } = value;
  const counts = toCounts(value.counts);
  if (slots === own.slots) return { versionstamp, ttlMs, accepts, first, mismatch: undefined, ...counts && { counts } };
  const mismatch =
    `all instances need the same number of slots, current values are ${slots} there and ${own.slots} here`;
  return { versionstamp, ttlMs, accepts: false, first, mismatch };
}

/** Reads what is said of the keys; nothing is believed of it. */
function toCounts(value: unknown): Counts | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const isCount = (count: unknown): count is number => Number.isSafeInteger(count) && (count as number) > 0;
  const counts: [string, unknown][] = Object.entries(value).slice(0, maxStates);
  return Object.fromEntries(counts.filter((each): each is [string, number] => isCount(each[1])));
}
