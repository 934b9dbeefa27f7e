/**
 * Hears the bell, the record that is rewritten with every change of claims or sessions, so that others look at once.
 *
 * A hint and no more: every session looks once in a heartbeat anyway, and each look lists the bell. It is watched. On one file
 * a watch does not see other OS processes, so there it is polled as well: a cheap read. A remote database bills each read, and
 * its watch sees everybody.
 *
 * @module
 */

import { type Clock, maxTimerMs, pause } from "../clock.ts";
import { isUnreadable } from "../kv/unreadable.ts";
import { watchKey } from "../kv/watch_key.ts";

/** What {@linkcode listen} needs. */
export interface BellOptions {
  /** The database, to watch. */
  readonly kv: Deno.Kv;
  /** The record. */
  readonly key: Deno.KvKey;
  /** What the polls are timed by. */
  readonly clock: Clock;
  /** How often the record is read, and how long after a failure the watch is opened again, in ms. */
  readonly pollMs: number;
  /** Reads the commit of the record; left out where a watch sees everybody: then nothing is polled. */
  readonly read: (() => Promise<string | null>) | undefined;
  /** Ends the listening. */
  readonly signal: AbortSignal;
}

/**
 * Calls back whenever the record has changed.
 *
 * @param rings Is called with the commit of the record for each change, or once for several.
 * @returns A promise that resolves when the signal has aborted and nothing is left; it never rejects.
 */
export async function listen(options: BellOptions, rings: (versionstamp: string | null) => void): Promise<void> {
  const { kv, key, clock, read, signal } = options;
  let last: string | null | undefined;
  const heard = (versionstamp: string | null) => {
    if (last !== undefined && last !== versionstamp) rings(versionstamp);
    last = versionstamp;
  };
  const watch = async () => {
    try {
      await watchKey(kv, key, signal, ({ versionstamp }) => heard(versionstamp));
    } catch (error) {
      // Deno keeps each watch that fails so, for ever: there is no second one, and the polls or the looks do.
      if (isUnreadable(error)) await pause(clock, maxTimerMs, signal);
    }
  };
  await Promise.all([
    repeat(options, watch),
    read && repeat(options, async () => heard(await read())),
  ]);
}

/** The next look announces what is wrong with the database: failures are silent here. */
async function repeat({ clock, pollMs, signal }: BellOptions, attempt: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await attempt().catch(() => {});
    await pause(clock, pollMs, signal);
  }
}
