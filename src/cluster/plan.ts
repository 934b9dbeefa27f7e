/**
 * The rule of ownership: which slots a session takes and which it hands over. Pure: no wait, no clock, time is handed in.
 *
 * ```text
 *             its owner has no session             take
 *   unowned ◀─────────────────────────── owned ◀────────── unowned, preferred here, or nobody came for a heartbeat
 *      ▲                                   │ preferred elsewhere
 *      │ released                          ▼
 *      └────────────────────────── handing over: its processes stop, no others start
 * ```
 *
 * @module
 */

import type { ClusterView, SlotSeen } from "./ledger.ts";

/** What a session knows when it decides. */
export interface Situation {
  /** The session that decides. */
  readonly self: string;
  /** Which session should own each slot. */
  readonly preferred: readonly string[];
  /** Tells whether a session moves, so that it can be expected to take what it should own. */
  readonly isResponsive: (session: string) => boolean;
  /** What stands in the database. */
  readonly view: ClusterView;
  /** The slots that are held, and whether each is being handed over. */
  readonly held: ReadonlyMap<number, { readonly isHandingOver: boolean }>;
  /** Slots that were taken for unowned at an earlier look, and since when, in ms. */
  readonly unownedSince: ReadonlyMap<number, number>;
  /** Now, in ms. */
  readonly nowMs: number;
  /** For how long an unowned slot is left to the session that should own it, in ms. */
  readonly graceMs: number;
  /** How many slots are handed over at the same time at most. */
  readonly maxHandingOver: number;
}

/** What the session should do. */
export interface Plan {
  /** Slots to take. */
  readonly take: readonly SlotSeen[];
  /** Held slots to hand over from now on. */
  readonly handOver: readonly number[];
  /** Slots that were being handed over and are wanted here again. */
  readonly keep: readonly number[];
  /** Slots without an owner that has a session, and since when, in ms. */
  readonly unowned: ReadonlyMap<number, number>;
}

/**
 * Decides what a session should do.
 *
 * @param situation What it knows.
 * @returns What to do.
 */
export function plan(situation: Situation): Plan {
  const { self, preferred, isResponsive, view, held, unownedSince, nowMs, graceMs } = situation;
  const take: SlotSeen[] = [];
  const leaving: number[] = [];
  const keep: number[] = [];
  const unowned = new Map<number, number>();
  for (let slot = 0; slot < preferred.length; slot++) {
    const hold = held.get(slot);
    const isOurs = preferred[slot] === self;
    if (hold) {
      if (isOurs && hold.isHandingOver) keep.push(slot);
      if (!isOurs && !hold.isHandingOver && isResponsive(preferred[slot])) leaving.push(slot);
      continue;
    }
    const seen = seenAt(slot, view);
    if (seen.owner === self) take.push(seen); // it landed late: written anew, nothing of before can undo it
    else if (seen.owner === undefined || !view.sessions.has(seen.owner)) {
      const since = unownedSince.get(slot) ?? nowMs;
      unowned.set(slot, since);
      if (isOurs || nowMs - since >= graceMs) take.push(seen);
    }
  }
  return { take, handOver: leaving.slice(0, roomFor(situation, keep)), keep, unowned };
}

function roomFor({ held, maxHandingOver }: Situation, keep: readonly number[]): number {
  const already = [...held.values()].filter(({ isHandingOver }) => isHandingOver).length;
  return Math.max(0, maxHandingOver - (already - keep.length));
}

function seenAt(slot: number, { claims }: ClusterView): SlotSeen {
  const claim = claims.get(slot);
  return { slot, versionstamp: claim?.versionstamp ?? null, owner: claim?.record.session };
}
