/**
 * A record that is rewritten whenever slots become free, so that others look at once.
 *
 * A hint and no more: on SQLite a watch does not see other OS processes, and everybody looks once in a heartbeat anyway.
 *
 * @module
 */

import { type Clock, pause } from "../clock.ts";

/** What {@linkcode listen} needs. */
export interface BellOptions {
  /** The database, to watch. */
  readonly kv: Deno.Kv;
  /** The record. */
  readonly key: Deno.KvKey;
  /** What the pause after a failure is timed by. */
  readonly clock: Clock;
  /** How long after a failure the watch is opened again, in ms. */
  readonly retryMs: number;
  /** Ends the listening. */
  readonly signal: AbortSignal;
}

/**
 * Calls back whenever the record has changed.
 *
 * @param options Which record.
 * @param rings Is called for each change, or once for several.
 * @returns A promise that resolves when the signal has aborted and nothing is left; it never rejects.
 */
export async function listen(options: BellOptions, rings: () => void): Promise<void> {
  const { clock, retryMs, signal } = options;
  let last: string | null | undefined;
  while (!signal.aborted) {
    try {
      await follow(options, (versionstamp) => {
        if (last !== undefined && last !== versionstamp) rings();
        last = versionstamp;
      });
    } catch {
      // Whoever looks finds out what is wrong with the database, and says so.
    }
    await pause(clock, retryMs, signal);
  }
}

async function follow({ kv, key, signal }: BellOptions, heard: (versionstamp: string | null) => void): Promise<void> {
  const reader = kv.watch([key]).getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  try {
    if (signal.aborted) cancel();
    for (let reading = await reader.read(); !reading.done; reading = await reader.read()) {
      heard(reading.value[0].versionstamp);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
