/**
 * The rule of who may be given slots: sessions that have proven themselves, of the newest revision. Pure: no wait, no clock.
 *
 * ```text
 *   a slot has no owner, or one that accepts nothing ──▶ to the receivers, each its share
 *   its owner is of the receivers' revision          ──▶ balanced among the sharers
 *   its owner is of another revision                 ──▶ stays, until its owner leaves, drains or dies
 * ```
 *
 * So when all instances of a new revision are up before the old ones stop, each slot moves once: to where it belongs among the
 * new ones. And what crashes soon after each start is given nothing, as long as there is a session that does not.
 *
 * @module
 */

/** What counts of a session. */
export interface Standing {
  readonly id: string;
  /** Whether it can be given slots: it looks around, and is not being drained. */
  readonly accepts: boolean;
  /** Whether it has lived for long enough to be relied on. */
  readonly isProven: boolean;
  /** Whether it has lived for as long as one that is not in doubt needs to prove itself. */
  readonly isGrown: boolean;
  /** The place of its revision in their order. */
  readonly rank: number;
  /** Whether it owns slots. */
  readonly isOwner: boolean;
}

/** Shares all slots out among sessions: returns the session of each slot, by slot. */
export type Place = (sessions: readonly Standing[]) => readonly string[];

/**
 * Returns the sessions that slots without an owner go to: the proven ones that accept slots; if there are none, those that
 * have lived for a while; then any that accept; if none accepts, any. Of these, the ones of the newest revision.
 */
export function receiversOf(standings: readonly Standing[]): readonly Standing[] {
  const accepting = standings.filter(({ accepts }) => accepts);
  const proven = accepting.filter(({ isProven }) => isProven);
  const grown = accepting.filter(({ isGrown }) => isGrown);
  const pool = [proven, grown, accepting, standings].find(({ length }) => length > 0) ?? [];
  const newest = Math.max(...pool.map(({ rank }) => rank));
  return pool.filter(({ rank }) => rank === newest);
}

/**
 * Returns the sessions among which the slots of the receivers' revision are balanced: the receivers, and those beside them
 * that own slots already, such as the ones that were there first when a cluster starts.
 */
export function sharersOf(standings: readonly Standing[]): readonly Standing[] {
  const receivers = receiversOf(standings);
  return standings.filter((standing) => {
    const { accepts, rank, isOwner } = standing;
    return accepts && (receivers.includes(standing) || (isOwner && rank === receivers[0].rank));
  });
}

/**
 * Tells which session takes each slot if it has no owner: the one where it will stay, or, if that is no receiver yet, a
 * receiver. To share the slots out among the receivers alone would have some go back and forth.
 */
export function takersOf(standings: readonly Standing[], place: Place): readonly string[] {
  const [receivers, sharers] = [receiversOf(standings), sharersOf(standings)];
  const received = place(receivers);
  if (sharers.length <= receivers.length) return received;
  const ids = new Set(receivers.map(({ id }) => id));
  return place(sharers).map((id, slot) => ids.has(id) ? id : received[slot]);
}

/**
 * Tells where each slot belongs, given who owns it now.
 *
 * @param standings All sessions that this one can work with.
 * @param owners The session that owns each slot, by slot; `undefined` for none.
 * @param place Shares all slots out among sessions.
 * @returns The session of each slot, by slot.
 */
export function homesOf(
  standings: readonly Standing[],
  owners: readonly (string | undefined)[],
  place: Place,
): string[] {
  const byId = new Map(standings.map((standing) => [standing.id, standing]));
  const sharers = sharersOf(standings);
  const received = takersOf(standings, place);
  const shared = sharers.length > 0 ? place(sharers) : received;
  return owners.map((id, slot) => {
    const owner = id === undefined ? undefined : byId.get(id);
    if (!owner) return received[slot];
    if (!owner.accepts) return sharers.length > 0 ? received[slot] : owner.id;
    return owner.rank === sharers[0].rank ? shared[slot] : owner.id;
  });
}

/**
 * Returns the sessions that have not taken what they should have. Each may be dead, though its record is not judged so for
 * long: what is handed over to it would be without an owner again and again.
 *
 * @param takers The session that should take each slot if it has no owner, by slot.
 * @param owners The session that owns each slot, by slot.
 * @param overdue The slots that were without an owner for the whole grace.
 */
export function missingOf(
  takers: readonly string[],
  owners: readonly (string | undefined)[],
  overdue: readonly number[],
): ReadonlySet<string> {
  return new Set(overdue.filter((slot) => takers[slot] !== owners[slot]).map((slot) => takers[slot]));
}
