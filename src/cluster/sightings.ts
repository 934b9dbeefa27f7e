/**
 * Which sessions are alive, judged by one's own clock alone. Pure: time is handed in.
 *
 * Timestamps of other machines are never compared: a session is dead when its record has not moved for its time to live
 * since this observer first saw it stand still. The source of the idea: the leases of Gray and Cheriton (1989), with the
 * observer's own measure of time as in Kubernetes' leader election.
 *
 * @module
 */

import type { SessionSeen } from "./records.ts";
import { fenceAfterMs } from "./timing.ts";

/** What is known of a session. */
export interface Sighting {
  /** The commit at which it stands. */
  readonly versionstamp: string;
  /** When it was first seen to stand there, in ms of the own monotonic clock. */
  readonly sinceMs: number;
  /** For how long it may stand there, in ms. */
  readonly ttlMs: number;
  /** Whether it was seen to move, or to appear, since there was reason to doubt that it lives. */
  readonly hasMoved: boolean;
}

/** What happened between two looks. */
export interface Movements {
  /** Sessions that were not there before. */
  readonly joined: string[];
  /** Sessions that were there before and have beaten since. */
  readonly moved: string[];
  /** Sessions that are no longer there. */
  readonly left: string[];
}

/** Remembers since when each session has not moved. */
export class Sightings {
  readonly #seen: Map<string, Sighting> = new Map();
  #lookedMs = -Infinity;

  /**
   * Compares what was read with what was known.
   *
   * @param sessions What was read.
   * @param nowMs A moment after the reading, so that a session is never thought to stand still for longer than it does.
   */
  see(sessions: ReadonlyMap<string, SessionSeen>, nowMs: number): Movements {
    const movements: Movements = { joined: [], moved: [], left: [] };
    for (const [id, { versionstamp, ttlMs }] of sessions) {
      const known = this.#seen.get(id);
      if (known?.versionstamp === versionstamp) continue;
      (known ? movements.moved : movements.joined).push(id);
      // One that was not there a moment ago has been written since.
      const isNew = nowMs - this.#lookedMs < fenceAfterMs(ttlMs);
      this.#seen.set(id, { versionstamp, sinceMs: nowMs, ttlMs, hasMoved: known !== undefined || isNew });
    }
    this.#lookedMs = nowMs;
    for (const id of this.#seen.keys()) {
      if (sessions.has(id)) continue;
      this.#seen.delete(id);
      movements.left.push(id);
    }
    return movements;
  }

  /** Takes note that a session has not done what a living one does: it was not seen to move until it moves once more. */
  doubt(id: string): void {
    const seen = this.#seen.get(id);
    if (seen) this.#seen.set(id, { ...seen, hasMoved: false });
  }

  /** Forgets a session that is known to be gone. */
  forget(id: string): void {
    this.#seen.delete(id);
  }

  /** Forgets all: what was seen was in another database. */
  forgetAll(): void {
    this.#seen.clear();
    this.#lookedMs = -Infinity;
  }

  /** Returns what is known of a session. */
  get(id: string): Sighting | undefined {
    return this.#seen.get(id);
  }

  /** Tells whether a session moves, or at least has not stood still for so long that it has fenced itself. */
  isMoving(id: string, nowMs: number): boolean {
    const seen = this.#seen.get(id);
    return seen !== undefined && nowMs - seen.sinceMs < fenceAfterMs(seen.ttlMs);
  }

  /** Tells whether a session was seen to move, and not long ago: a record that just stands there may be a dead one's. */
  wasSeenMoving(id: string, nowMs: number): boolean {
    return this.isMoving(id, nowMs) && this.#seen.get(id)?.hasMoved === true;
  }

  /** Returns the sessions that have not moved for their time to live. */
  dead(nowMs: number): string[] {
    return [...this.#seen].filter(([, { sinceMs, ttlMs }]) => nowMs - sinceMs >= ttlMs).map(([id]) => id);
  }

  /**
   * Returns when the next session is dead unless it moves, in ms of the own monotonic clock; `Infinity` without sessions.
   *
   * @param self The session that does not count.
   */
  nextDeathMs(self?: string): number {
    const deaths = [...this.#seen].map(([id, { sinceMs, ttlMs }]) => id === self ? Infinity : sinceMs + ttlMs);
    return Math.min(...deaths);
  }
}
