/**
 * The order in which the revisions of the program came, oldest first. Pure.
 *
 * No text, no clock and no order of observation decides what is newer. One record keeps the order, and it changes when an
 * instance joins whose revision no other session has: that revision is the newest from then on. So a restart beside others of
 * the same revision is no rollback, and going back to an earlier revision makes that one the newest, once the last session
 * of its former life was gone. Where a database was set back or emptied, the instances bring the order back that they knew.
 *
 * @module
 */

/** How many revisions the record remembers. */
const maxRevisions = 8;

/**
 * Returns the order when an instance joins.
 *
 * @param order The order so far.
 * @param revision The revision of the instance.
 * @param isAlive Whether another session has it.
 * @returns The new order; `undefined` if it stays as it is.
 */
export function orderAfterJoin(
  order: readonly string[],
  revision: string,
  isAlive: boolean,
): readonly string[] | undefined {
  if (isAlive || order.at(-1) === revision) return undefined;
  return [...order.filter((each) => each !== revision), revision].slice(-maxRevisions);
}

/**
 * Returns the order when an instance finds it in another history of the database, as that was set back or emptied. The instance
 * is no new one, so its revision does not become the newest for that: it comes right after those that the instance knew to be
 * older. Those that it never knew of may be newer.
 *
 * @param order The order that stands there now.
 * @param revision The revision of the instance.
 * @param known The order in the lost history.
 * @returns The new order; `undefined` if it stays as it is.
 */
export function orderAfterLoss(
  order: readonly string[],
  revision: string,
  known: readonly string[],
): readonly string[] | undefined {
  const isOlder = (each: string) => known.includes(each) && rankOf(known, each) < rankOf(known, revision);
  const others = order.filter((each) => each !== revision);
  const found = others.toSpliced(others.findLastIndex(isOlder) + 1, 0, revision).slice(-maxRevisions);
  const isSame = found.length === order.length && found.every((each, rank) => each === order[rank]);
  return isSame ? undefined : found;
}

/** Returns the place of a revision in the order: a higher one is newer, and -1, before all others, is one that is not in it. */
export function rankOf(order: readonly string[], revision: string): number {
  return order.lastIndexOf(revision);
}
