/**
 * Reads a whole table.
 *
 * @module
 */

import { turn } from "../clock.ts";
import { onAbort } from "../process/on_abort.ts";
import type { Entry, Table } from "../table/table.ts";

/** After how many rows the event loop gets a turn. */
const rowsPerTurn = 1_024;

/**
 * Reads every row of a table, and lets the event loop take a turn now and then.
 *
 * @param table The table. When it iterates synchronously too, that is how it is read: a promise per row costs more than all
 * that is done with the row.
 * @param signal Ends the reading; the iterator is told, so that a `next` that is pending can settle.
 * @param see Is called with every row.
 * @param fail Is called when the iterator could not be closed.
 * @returns Whether the end was reached.
 * @throws {unknown} What the table throws.
 */
export async function readRows<K, P>(
  table: Table<K, P>,
  signal: AbortSignal,
  see: (entry: Entry<K, P>) => void,
  fail: (error: unknown) => void,
): Promise<boolean> {
  let rows = 0;
  if (table[Symbol.iterator]) {
    for (const entry of table as Iterable<Entry<K, P>>) {
      see(entry);
      if (++rows % rowsPerTurn === 0) await turn();
      if (signal.aborted) return false;
    }
    return true;
  }
  const iterator = table[Symbol.asyncIterator]();
  using _closing = onAbort(signal, () => close(iterator).catch(fail));
  for (;;) {
    const { done, value } = await iterator.next();
    if (signal.aborted || done) return !signal.aborted;
    see(value);
    if (++rows % rowsPerTurn === 0) await turn();
  }
}

async function close(iterator: AsyncIterator<unknown>): Promise<void> {
  await iterator.return?.();
}
