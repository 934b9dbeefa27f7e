/**
 * Follows one key of a database.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";

/**
 * Calls back once at first and whenever a key changes, until the signal aborts or the watch ends.
 *
 * @param heard Takes the commit of the entry at the key, `null` if there is none.
 * @throws {unknown} If the watch fails.
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
