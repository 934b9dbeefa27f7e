/**
 * What a session proves before it is relied on: that it does not crash soon after its start. Pure: no wait, no clock.
 *
 * Three beats will do, unless the instance may be the next life of one that has crashed:
 *
 * ```text
 *   at the start of a session, one of the same revision is there
 *      ├─ it beats                                   ──▶ no doubt
 *      ├─ it leaves                                  ──▶ no doubt
 *      └─ it stands still, and is declared dead      ──▶ it has crashed before this one began
 *            ├─ after a long life                    ──▶ no doubt
 *            └─ young                                ──▶ this one may do the same: it has to grow older than that first
 * ```
 *
 * An instance that takes the place of one which has left is above doubt: that one has left a note, which the first to come
 * takes. Without it, good instances that restart at the time of a crash would be suspected with the one that crashes.
 *
 * @module
 */

import type { SessionSeen } from "./records.ts";

/** After how many acknowledged beats a session has proven itself if there is no doubt. */
export const beatsToProve = 3;

/** How many beats make a long life: what crashes more seldom than that does little harm. */
const beatsOfLongLife = 48;

/** The part of its time to live for which a session that lives does not stand still: it beats three times in all of it. */
const stillShare = 1 / 2;

/** A session that was there at the start, and has not beaten since. */
interface Still {
  readonly versionstamp: string;
  readonly ttlMs: number;
  readonly beats: number;
}

/** What speaks for a session from the start. */
export interface ProofOptions {
  /** Whether its instance had a session that was fenced, and so has lived for long already: nothing is left to prove. */
  readonly wasFenced: boolean;
  /** Whether its instance takes the place of one that has left: three beats will do in any case. */
  readonly isSuccessor: boolean;
}

/** The proof of one session. */
export class Proof {
  readonly #options: ProofOptions;
  #still: Map<string, Still> | undefined = undefined;
  #startedMs = 0;
  /** Whether one that was there at the start has crashed young. */
  #isDoubted = false;

  constructor(options: ProofOptions) {
    this.#options = options;
  }

  /** Tells whether a session has proven itself with so many acknowledged beats. */
  isGiven(beats: number): boolean {
    const { wasFenced, isSuccessor } = this.#options;
    if (wasFenced || isSuccessor) return wasFenced || beats >= beatsToProve;
    if (this.#still === undefined || this.#still.size > 0) return false;
    return beats >= (this.#isDoubted ? beatsOfLongLife : beatsToProve);
  }

  /**
   * Takes note of what was seen.
   *
   * @param sessions The other sessions of the same revision.
   * @param nowMs When they were seen.
   */
  see(sessions: ReadonlyMap<string, SessionSeen>, nowMs: number): void {
    if (this.#still === undefined) {
      this.#startedMs = nowMs;
      this.#still = new Map(sessions);
      return;
    }
    for (const [id, { versionstamp, ttlMs, beats }] of this.#still) {
      const seen = sessions.get(id);
      if (seen?.versionstamp === versionstamp) continue;
      this.#still.delete(id);
      const wasDead = seen === undefined && nowMs - this.#startedMs >= ttlMs * stillShare;
      if (wasDead && beats < beatsOfLongLife) this.#isDoubted = true;
    }
  }
}
