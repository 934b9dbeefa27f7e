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
  /** The place of its revision in their order. */
  readonly rank: number;
  /** Whether it owns slots. */
  readonly isOwner: boolean;
}

/**
 * Returns the sessions that slots without an owner go to: the proven ones that accept slots; if there are none, any that
 * accept; if none accepts, any. Of these, the ones of the newest revision.
 */
export function receiversOf(standings: readonly Standing[]): readonly Standing[] {
  const accepting = standings.filter(({ accepts }) => accepts);
  const proven = accepting.filter(({ isProven }) => isProven);
  const pool = [proven, accepting, standings].find(({ length }) => length > 0) ?? [];
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
  place: (sessions: readonly Standing[]) => readonly string[],
): string[] {
  const byId = new Map(standings.map((standing) => [standing.id, standing]));
  const sharers = sharersOf(standings);
  const received = place(receiversOf(standings));
  const shared = sharers.length > 0 ? place(sharers) : received;
  return owners.map((id, slot) => {
    const owner = id === undefined ? undefined : byId.get(id);
    if (!owner) return received[slot];
    if (!owner.accepts) return sharers.length > 0 ? received[slot] : owner.id;
    return owner.rank === sharers[0].rank ? shared[slot] : owner.id;
  });
}
