/**
 * The picture of a cluster as one instance sees it.
 *
 * @module
 */

import type { Instance } from "./instance.ts";
import type { Session } from "./session.ts";

/** A session as this instance sees it. */
export interface SessionSnapshot {
  /** Which session. */
  readonly id: string;
  /** Whether it is this instance. */
  readonly isSelf: boolean;
  /** How long ago its last heartbeat was: its record was seen to move, or one of its own was acknowledged, in ms. */
  readonly heartbeatAgeMs: number;
  /** After how long of that it is declared dead, in ms. */
  readonly ttlMs: number;
  /** How many claims bear its name. */
  readonly slots: number;
  /** Whether it can be given slots: it looks around, and is not being drained. */
  readonly accepts: boolean;
  /** Whether it has lived for long enough to be relied on: three heartbeats of this session, or a fence before it. */
  readonly isProven: boolean;
  /** The version of the program that its instance is; `""` if it has not said so. */
  readonly revision: string;
  /** What its instance shows of itself, if anything: the option `info`. */
  readonly info?: unknown;
  /** How many of its keys are in each state, as of its last heartbeat; absent if it does not say so. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** The session that owns the slot of a key. */
export interface SessionOfKey {
  /** Which session. */
  readonly id: string;
  /** What its instance shows of itself, the option `info`; `undefined` if that is nothing. */
  readonly info: unknown;
  /** Whether it is this instance. */
  readonly isSelf: boolean;
}

/** How an instance takes part: not running; on another timeline; on its way in; in; on its way out. */
export type ClusterState = "stopped" | "idle" | "joining" | "member" | "leaving";

/** A cluster as this instance sees it: as of its last look, its own slots as of now. Plain data, JSON-friendly. */
export interface ClusterSnapshot {
  /** When it was taken, in epoch ms. */
  readonly at: number;
  /** How this instance takes part. */
  readonly state: ClusterState;
  /** The session of this instance, while it has one. */
  readonly session: string | undefined;
  /** All sessions. */
  readonly sessions: readonly SessionSnapshot[];
  /** The slots. */
  readonly slots: {
    /** How many there are. */
    readonly total: number;
    /** Those that this instance owns, those being handed over included. */
    readonly owned: readonly number[];
    /** Those that this instance hands over. */
    readonly handingOver: readonly number[];
    /** Those whose owner has no session, or that have none. */
    readonly unowned: readonly number[];
  };
}

/** Takes the picture. */
export function takeSnapshot({ clock, isIdle, membership, settings: { slots: total } }: Instance): ClusterSnapshot {
  const at = clock.now();
  if (!membership) {
    const slots = { total, owned: [], handingOver: [], unowned: [] };
    return { at, state: isIdle ? "idle" : "stopped", session: undefined, sessions: [], slots };
  }
  const { session, isLeaving } = membership;
  const { id, heartbeat, claims, ownership: { unowned } } = session;
  const held = [...claims.held];
  return {
    at,
    state: isLeaving ? "leaving" : heartbeat.versionstamp === null || heartbeat.isOver ? "joining" : "member",
    session: heartbeat.isOver ? undefined : id,
    sessions: sessionsOf(session),
    slots: {
      total,
      owned: held.map(([slot]) => slot),
      handingOver: held.filter(([, { handingOverSinceMs }]) => handingOverSinceMs !== undefined).map(([slot]) => slot),
      unowned: [...unowned.keys()].filter((slot) => !claims.held.has(slot)),
    },
  };
}

function sessionsOf(
  { id: self, heartbeat, ownership: { view }, instance, membership: { sightings, infos } }: Session,
): SessionSnapshot[] {
  const { clock, timing } = instance;
  const counts = new Map<string, number>();
  for (const { owner } of view.claims.values()) {
    if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return [...view.sessions].map(([id, { accepts, isProven, counts: told }]) => {
    const isSelf = id === self;
    const seen = sightings.get(id);
    const ageMs = isSelf ? heartbeat.silentMs : seen ? clock.monotonic() - seen.sinceMs : 0;
    const ttlMs = seen?.ttlMs ?? timing.ttlMs;
    const processes = isSelf ? instance.counts() : told;
    const heartbeatAgeMs = Math.round(ageMs);
    const seenOf = { id, isSelf, heartbeatAgeMs, ttlMs, slots: counts.get(id) ?? 0, accepts, isProven };
    return { ...seenOf, ...infos.of(id), ...processes && { counts: processes } };
  });
}
