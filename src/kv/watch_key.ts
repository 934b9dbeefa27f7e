/**
 * Follows one key of a database.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";

/**
 * Calls back once at first and whenever a key changes, until the signal aborts or the watch ends.
 *
 * @param heard Takes what stands at the key.
 * @throws {unknown} If the watch fails.
 */
export async function watchKey(
  kv: Deno.Kv,
  key: Deno.KvKey,
  signal: AbortSignal,
  heard: (entry: Deno.KvEntryMaybe<unknown>) => void,
): Promise<void> {
  const reader = kv.watch([key]).getReader();
  using _ending = onAbort(signal, () => void reader.cancel().catch(() => {}));
  for (let reading = await reader.read(); !reading.done; reading = await reader.read()) {
    heard(reading.value[0]);
  }
}
