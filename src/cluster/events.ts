/**
 * What a cluster announces.
 *
 * @module
 */

/** This instance sees a session for the first time, its own one first of all. The session may have been dead for a while. */
export interface SessionJoinedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "session-joined";
  /** The session. */
  readonly session: string;
  /** Whether it is this instance. */
  readonly isSelf: boolean;
}

/** A session is gone: it left, or another session declared it dead. */
export interface SessionLeftEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "session-left";
  /** The session. */
  readonly session: string;
  /** Whether it is this instance. */
  readonly isSelf: boolean;
}

/** This instance has declared a session dead, since its record had not moved for its time to live. */
export interface SessionDeadEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "session-dead";
  /** The session. */
  readonly session: string;
  /** How long its record was seen to stand still, in ms. */
  readonly silentMs: number;
}

/** This instance can no longer rely on its session: all that it owned was aborted. It joins again by itself. */
export interface SessionFencedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "session-fenced";
  /** The session, which is over. */
  readonly session: string;
  /**
   * Why: no heartbeat was acknowledged in time, other sessions had declared it dead, or the database is not the one any more in
   * which it joined, of which `database-replaced` has told.
   */
  readonly cause: "silent" | "declared-dead" | "database-replaced";
  /** How long ago its last acknowledged heartbeat began, in ms. */
  readonly silentMs: number;
  /** How many slots it owned. */
  readonly slots: number;
}

/** This instance owns a slot from now on. */
export interface SlotClaimedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "slot-claimed";
  /** The slot. */
  readonly slot: number;
  /** The fencing token, which sorts behind that of every former owner. */
  readonly token: string;
}

/** This instance no longer owns a slot. */
export interface SlotReleasedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "slot-released";
  /** The slot. */
  readonly slot: number;
  /** Why: its processes had ended and it was given back, or another session had taken it. */
  readonly cause: "handed-over" | "lost";
  /**
   * How long the hand-over took, in ms, until its processes had ended; absent if it was lost, or given back by an instance that
   * leaves.
   */
  readonly handOverMs?: number;
}

/** This instance stays out of the cluster: it belongs to a timeline that may not join. */
export interface ClusterIdleEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "cluster-idle";
  /** The timeline of this instance. */
  readonly timeline: string;
}

/**
 * This instance waits outside of the cluster: a session lives that it cannot work with, which has other `slots` or another
 * format of records. Announced when that is found, and again every ten minutes, or every time to live if that is longer.
 */
export interface ClusterWaitingEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "cluster-waiting";
  /** The other session. */
  readonly session: string;
  /** Why the two cannot work together. */
  readonly reason: string;
  /** For how long this instance has waited so far, in ms. */
  readonly waitedMs: number;
}

/**
 * The database does not answer. Further calls that it does not answer are not announced, and few are made, until it does:
 * then there is a `database-available`. When that was true for less than a time to live, the next one comes only when no call
 * has gone unanswered for that long: a database may answer reads and no writes.
 */
export interface DatabaseUnavailableEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "database-unavailable";
  /** What the call was for that was not answered in time. */
  readonly operation: ClusterFailedEvent["operation"];
  /** What it failed with: a `KvTimeoutError` or a `KvUnavailableError`. */
  readonly error: unknown;
}

/** The database answers again. */
export interface DatabaseAvailableEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "database-available";
  /** How long it had not answered, in ms: counted from the call that it did not answer. */
  readonly forMs: number;
}

/**
 * The database is not the one any more in which the session joined: it is fenced. Either it was set back to an earlier copy,
 * emptied, or replaced by another one. Then the instance joins again, everything is looked at, and what has another value than
 * before is replaced. Or the former database is still read, and what is opened with its path or URL is another one, which
 * others may use: a file was renamed over or deleted, or another server has the URL. Then the instance waits until it reaches
 * the database that is there, which for a file takes a start of the program.
 */
export interface DatabaseReplacedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "database-replaced";
  /** Which of the two. */
  readonly cause: "another-history" | "elsewhere";
  /** What has shown it, as a text to read. */
  readonly evidence: string;
}

/**
 * A call to the database failed. It is made again; as long as it fails in the same way again and again, at most a time to live
 * apart, that is not announced.
 */
export interface ClusterFailedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "cluster-failed";
  /** What the call was for. */
  readonly operation: "join" | "heartbeat" | "look" | "claim" | "release" | "leave" | "changes";
  /** What it failed with. */
  readonly error: unknown;
}

/**
 * What happens in a cluster, as this instance sees it: past facts, plain data. Of its own session it announces
 * `session-joined`, then any number of `slot-claimed` and `slot-released`, then either `session-fenced` or `session-left`;
 * after `session-fenced` all its claims are void and the next `session-joined` has another id. A `database-unavailable` is
 * followed by a `database-available` before there is another one.
 */
export type ClusterEvent =
  | SessionJoinedEvent
  | SessionLeftEvent
  | SessionDeadEvent
  | SessionFencedEvent
  | SlotClaimedEvent
  | SlotReleasedEvent
  | ClusterIdleEvent
  | ClusterWaitingEvent
  | ClusterFailedEvent
  | DatabaseReplacedEvent
  | DatabaseUnavailableEvent
  | DatabaseAvailableEvent;

/** An event without its time. */
export type UndatedEvent = ClusterEvent extends infer E ? E extends ClusterEvent ? Omit<E, "at"> : never : never;
