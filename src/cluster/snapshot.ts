/**
 * The picture of a cluster as one instance sees it.
 *
 * @module
 */

import type { Instance } from "./instance.ts";

/** A session as this instance sees it. */
export interface SessionSnapshot {
  /** Which session. */
  readonly id: string;
  /** Whether it is this instance. */
  readonly isSelf: boolean;
  /** For how long its record was seen not to move, or no beat of its own was acknowledged, in ms. */
  readonly silentMs: number;
  /** After how long of that it is declared dead, in ms. */
  readonly ttlMs: number;
  /** How many claims bear its name. */
  readonly slots: number;
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

/**
 * Takes the picture of a running instance.
 *
 * @param instance The instance.
 * @param at Now, in epoch ms.
 * @returns Plain data.
 */
export function takeSnapshot(instance: Instance, at: number): ClusterSnapshot {
  const { member: { session, ownership: { claims, unowned } }, isLeaving, slots: total } = instance;
  const held = [...claims.held];
  return {
    at,
    state: isLeaving ? "leaving" : session.versionstamp === null || session.isOver ? "joining" : "member",
    session: session.isOver ? undefined : session.id,
    sessions: sessionsOf(instance),
    slots: {
      total,
      owned: held.map(([slot]) => slot),
      handingOver: held.filter(([, { handingOverSinceMs }]) => handingOverSinceMs !== undefined).map(([slot]) => slot),
      unowned: [...unowned.keys()].filter((slot) => !claims.held.has(slot)),
    },
  };
}

function sessionsOf(
  { member: { session, ownership: { view } }, sightings, clock, ttlMs }: Instance,
): SessionSnapshot[] {
  const counts = new Map<string, number>();
  for (const { owner } of view.claims.values()) {
    if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return [...view.sessions.keys()].map((id) => {
    const isSelf = id === session.id;
    const seen = sightings.get(id);
    const silentMs = isSelf ? session.silentMs : seen ? clock.monotonic() - seen.sinceMs : 0;
    return { id, isSelf, silentMs: Math.round(silentMs), ttlMs: seen?.ttlMs ?? ttlMs, slots: counts.get(id) ?? 0 };
  });
}
