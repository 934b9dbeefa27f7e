/**
 * What a cluster announces.
 *
 * @module
 */

/** A session is there that this instance had not seen before; the own one first of all. It may be dead for a while. */
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

/** A session is gone: it left, or another one has declared it dead. */
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
  /** For how long it was seen to stand still, in ms. */
  readonly silentMs: number;
}

/** This instance can no longer be sure of its session: everything it owned was aborted. It joins again by itself. */
export interface SessionFencedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "session-fenced";
  /** The session, which is over. */
  readonly session: string;
  /** Why: no heartbeat was acknowledged in time, or others had declared the session dead. */
  readonly cause: "silent" | "declared-dead";
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

/** This instance does not own a slot any more. */
export interface SlotReleasedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "slot-released";
  /** The slot. */
  readonly slot: number;
  /** Why: its processes had ended and it was given back, or another session had taken it. */
  readonly cause: "handed-over" | "lost";
}

/** This instance stays out of the cluster: it belongs to another timeline than the one that may join. */
export interface ClusterIdleEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "cluster-idle";
  /** The timeline of this instance. */
  readonly timeline: string;
}

/** The database failed. It is asked again. */
export interface ClusterFailedEvent {
  /** When, in epoch ms. */
  readonly at: number;
  /** Which event. */
  readonly type: "cluster-failed";
  /** What was being done. */
  readonly operation: "join" | "heartbeat" | "look" | "claim" | "release" | "leave" | "changes";
  /** What it failed with. */
  readonly error: unknown;
}

/**
 * What happens in a cluster, as this instance sees it. All are past facts and plain data. Of its own session it announces
 * `session-joined`, then any number of `slot-claimed` and `slot-released`, then either `session-fenced` or `session-left`;
 * after `session-fenced` all its claims are void and the next `session-joined` has another id.
 */
export type ClusterEvent =
  | SessionJoinedEvent
  | SessionLeftEvent
  | SessionDeadEvent
  | SessionFencedEvent
  | SlotClaimedEvent
  | SlotReleasedEvent
  | ClusterIdleEvent
  | ClusterFailedEvent;

/** An event to which the moment is still to be added. */
export type UndatedEvent = ClusterEvent extends infer E ? E extends ClusterEvent ? Omit<E, "at"> : never : never;
