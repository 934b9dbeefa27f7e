/**
 * The order in which the revisions of the program came, oldest first. Pure.
 *
 * No text, no clock and no order of observation decides what is newer. One record keeps the order, and it changes when an
 * instance joins whose revision no other session has: that revision is the newest from then on. So a restart beside others of
 * the same revision is no rollback, and going back to an earlier revision makes that one the newest, once the last session
 * of its former life was gone.
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

/** Returns the place of a revision in the order: a higher one is newer, and -1, before all others, is one that is not in it. */
export function rankOf(order: readonly string[], revision: string): number {
  return order.lastIndexOf(revision);
}
