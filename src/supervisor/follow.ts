/**
 * Follows the changes that a table announces.
 *
 * @module
 */

import { pause } from "../clock.ts";
import type { ReconcileHost } from "./pass.ts";
import type { Reconciler } from "./reconcile.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";
import { assertKey } from "../table/table.ts";
import { delayAfter } from "./restart.ts";

/**
 * Looks at every key that the table says has changed, until the signal aborts. A stream that fails or ends is opened again
 * after a while that grows, and everything is looked at then, as hints may have been lost.
 *
 * @param host The supervisor.
 * @param reconciler Makes a pass when the hint is "look at everything".
 * @param signal Ends the following.
 * @returns A promise that resolves when it has ended; it never rejects.
 */
export async function followChanges<K, P extends Runnable>(
  host: ReconcileHost<K, P>,
  reconciler: Reconciler<K, P>,
  signal: AbortSignal,
): Promise<void> {
  const { settings, clock } = host;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const changes = host.table.changes?.({ signal });
      if (!changes) return;
      for await (const key of changes) {
        if (signal.aborted) return;
        if (key === undefined) reconciler.request("change");
        else heed(host, key);
        failures = 0;
      }
      if (signal.aborted) return;
      throw new Error("Cannot follow the changes of the table: the stream ended before its signal aborted");
    } catch (error) {
      if (isAbortEcho(error, signal)) return;
      host.emit({ type: "table-failed", at: clock.now(), operation: "changes", error });
    }
    await pause(clock, delayAfter(settings.restart, ++failures, settings.random()), signal);
    if (!signal.aborted) reconciler.request("change");
  }
}

function heed<K, P extends Runnable>(host: ReconcileHost<K, P>, key: K): void {
  assertKey(key);
  host.lookAt(key);
}
