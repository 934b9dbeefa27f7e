/**
 * Follows one key of a database.
 *
 * @module
 */

import { onAbort } from "../process/on_abort.ts";

/**
 * Calls back with what stands at a key, at first and whenever it has changed, until the signal aborts or the watch ends.
 *
 * @param kv The database.
 * @param key The key.
 * @param signal Ends the watch.
 * @param heard Is called with the commit, `null` when nothing stands there.
 * @throws {unknown} What the watch fails with.
 */
export async function watchKey(
  kv: Deno.Kv,
  key: Deno.KvKey,
  signal: AbortSignal,
  heard: (versionstamp: string | null) => void,
): Promise<void> {
  const reader = kv.watch([key]).getReader();
  using _ending = onAbort(signal, () => void reader.cancel().catch(() => {}));
  for (let reading = await reader.read(); !reading.done; reading = await reader.read()) {
    heard(reading.value[0].versionstamp);
  }
}
