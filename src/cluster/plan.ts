/**
 * The rule of ownership: which slots a session takes and which it hands over. Pure: no wait, no clock, time is handed in.
 *
 * ```text
 *             its owner has no session             take
 *   unowned ◀─────────────────────────── owned ◀────────── unowned, and preferred here or its grace is over
 *      ▲                                 │   ▲
 *      │ released           preferred    │   │ wanted here again, or a process did not end in time
 *      │                    elsewhere    ▼   │
 *      └────────────────────────── handing over: its processes stop, no others start
 * ```
 *
 * @module
 */

import type { ClusterView, SlotSeen } from "./records.ts";

/** A slot that is held. */
export interface SlotHeld {
  /** Since when it is being handed over, in ms; `undefined` when it is not. */
  readonly handingOverSinceMs: number | undefined;
  /** Whether a process still runs there that did not end when the slot was to be handed over. */
  readonly isBlocked: boolean;
}

/** What a session knows when it decides. */
export interface Situation {
  /** The session that decides. */
  readonly self: string;
  /** Which session should own each slot, given who owns it now. */
  readonly preferred: readonly string[];
  /** Which session should take each slot if it has no owner. */
  readonly takers: readonly string[];
  /** Tells whether a session can be relied on to take what is handed over to it. */
  readonly canReceive: (session: string) => boolean;
  /** Whether this one takes what another one should have taken, and has not. */
  readonly mayStepIn: boolean;
  /** What stands in the database. */
  readonly view: ClusterView;
  /** The slots that are held. */
  readonly held: ReadonlyMap<number, SlotHeld>;
  /** Slots that an earlier look found unowned, and since when, in ms. */
  readonly unownedSince: ReadonlyMap<number, number>;
  /** Now, in ms. */
  readonly nowMs: number;
  /** For how long an unowned slot is left to the session that should take it, in ms. */
  readonly graceMs: number;
  /** How long the processes of a slot may take to end before its hand-over is given up, in ms. */
  readonly handOverMs: number;
  /** How many slots are on their way to others at the same time at most. */
  readonly maxHandingOver: number;
}

/** What the session should do. */
export interface Plan {
  /** Slots to take. */
  readonly take: readonly SlotSeen[];
  /** Held slots to hand over from now on. */
  readonly handOver: readonly number[];
  /** Slots that were being handed over and are wanted here again. */
  readonly reclaim: readonly number[];
  /** Slots that cannot be handed over for now: a process did not end in time. */
  readonly giveUp: readonly number[];
  /** Slots without an owner that has a session, and since when, in ms. */
  readonly unowned: ReadonlyMap<number, number>;
  /** How many slots may have to be taken soon: those that this session should own, and those that another one should take. */
  readonly awaited: number;
}

/** Decides what a session should do. */
export function plan(situation: Situation): Plan {
  const { self, preferred, takers, canReceive, held, unownedSince, nowMs, graceMs } = situation;
  const take: SlotSeen[] = [];
  const elsewhere: number[] = [];
  const reclaim: number[] = [];
  const giveUp: number[] = [];
  const unowned = new Map<number, number>();
  let onTheirWay = 0;
  let awaited = 0;
  for (let slot = 0; slot < preferred.length; slot++) {
    const hold = held.get(slot);
    if (hold) {
      const { handingOverSinceMs } = hold;
      if (handingOverSinceMs !== undefined) {
        if (preferred[slot] === self) reclaim.push(slot);
        else if (nowMs - handingOverSinceMs >= situation.handOverMs) giveUp.push(slot);
        else onTheirWay++;
      } else if (preferred[slot] !== self && canReceive(preferred[slot]) && !hold.isBlocked) elsewhere.push(slot);
      continue;
    }
    const seen = seenAt(slot, situation);
    if (seen.owner === self) take.push(seen); // a take landed late: written again, so that no earlier write can undo it
    else if (isUnowned(seen, situation)) {
      const sinceMs = unownedSince.get(slot) ?? nowMs;
      unowned.set(slot, sinceMs);
      if (takers[slot] === self || (situation.mayStepIn && nowMs - sinceMs >= graceMs)) {
        take.push(seen);
      } else {
        onTheirWay++;
        awaited++;
      }
    } else if (preferred[slot] === self) awaited++;
  }
  const room = Math.max(0, situation.maxHandingOver - onTheirWay);
  return { take, handOver: elsewhere.slice(0, room), reclaim, giveUp, unowned, awaited };
}

function seenAt(slot: number, { view }: Situation): SlotSeen {
  return view.claims.get(slot) ?? { slot, versionstamp: null, owner: undefined };
}

/** A claim that we cannot read belongs to a session that we cannot work with, as long as there is one. */
function isUnowned({ owner, versionstamp }: SlotSeen, { view: { sessions } }: Situation): boolean {
  if (owner !== undefined) return !sessions.has(owner);
  return versionstamp === null || [...sessions.values()].every(({ mismatch }) => mismatch === undefined);
}
