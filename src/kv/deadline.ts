/**
 * The deadline of a call.
 *
 * @module
 */

import { type Clock, stallMs, type Timer, turn } from "../clock.ts";

/** How many turns of the event loop an answer that is there takes to arrive at most: one from a file, three over a network. */
const turnsToArrive = 10;

/**
 * Calls back when time is up. After a stall of the event loop what has come meanwhile is served first: an answer that is there
 * is not too late.
 *
 * @param delayMs How long the call may take, in ms.
 * @param callback Gives the call up.
 * @returns The deadline, to cancel it.
 */
export function deadline(clock: Clock, delayMs: number, callback: () => void): Timer {
  const dueMs = clock.monotonic() + delayMs;
  let isOver = false;
  const timer = clock.timer(async () => {
    const isStalled = clock.monotonic() - dueMs > stallMs;
    for (let turns = 0; isStalled && !isOver && turns < turnsToArrive; turns++) await turn();
    if (!isOver) callback();
  }, delayMs);
  return {
    cancel() {
      isOver = true;
      timer.cancel();
    },
  };
}
