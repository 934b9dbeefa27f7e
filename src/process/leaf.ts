/**
 * Runnables made of plain functions.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";
import { failureOf, firstOf } from "./failure.ts";
import { type RunOptions, signalOf, type StandaloneRunnable } from "./runnable.ts";

// Ready-made: an exception with a stack costs 4 us.
const workEnded = new DOMException("The work ended by itself", "AbortError");
const workStopped = new DOMException("The work was asked to stop", "AbortError");

/** What a function that becomes a runnable is given besides its signal. */
export interface LeafContext {
  /**
   * Says that progress was made, as {@linkcode RunOptions.alive} does. It is always there: when nothing listens it does nothing.
   *
   * @param note What the progress was.
   */
  readonly alive: (note?: string) => void;
}

/**
 * Makes a runnable of a function that works until its signal aborts. It is up as soon as the function has been called, so
 * the function should not need a start-up; use {@linkcode startStop} when there is one.
 *
 * The function and the callback get the same signal. It aborts when the run is forced to end, when the function returns,
 * and, to end the function, as soon as `gracefulStop` settles, which is called when the callback has returned. A graceful stop
 * that asks the work to end, and does not wait until it has, therefore cuts it off. It is always called, with the signal of
 * the run, even when the function has ended by itself.
 *
 * The run rejects with the first error of: the callback, the graceful stop, the function. The others are printed. An error
 * that only echoes the abort of the signal does not count; an `AbortError` without an abort is a failure like any other.
 *
 * @param runInForeground The work. The run does not end before the work does. Its `alive` says that it makes progress.
 * @param gracefulStop Asks the work to end by other means than the signal, and waits until it has or its own signal aborts.
 * Without it, the signal aborts when the callback has returned.
 * @returns The runnable. It may be run again, even concurrently, if the functions allow it.
 *
 * @example A poller that is ended by its signal
 * ```ts
 * import { leaf, Process } from "@pact/supervisor";
 * import { delay } from "@std/async/delay";
 * import { assertEquals } from "@std/assert";
 *
 * const poller = leaf((signal) => delay(60_000, { signal }));
 *
 * const process = new Process(poller);
 * await process.start();
 * await process.stop();
 * assertEquals(await process.exited, { ok: true });
 * ```
 *
 * @example A poller that says that it is alive
 * ```ts
 * import { leaf, MapTable, Supervisor } from "@pact/supervisor";
 * import { delay } from "@std/async/delay";
 * import { assertEquals } from "@std/assert";
 *
 * const poller = leaf(async (signal, { alive }) => {
 *   for (let polls = 1;; polls++) {
 *     alive(`${polls} polls`);
 *     await delay(1_000, { signal });
 *   }
 * });
 * const supervisor = new Supervisor(new MapTable([["acme", poller]]), { livenessMs: 30_000 });
 * await supervisor.run(() => assertEquals(supervisor.status("acme")?.note, "1 polls"));
 * ```
 *
 * @example A server that finishes its requests first
 * ```ts
 * import { leaf } from "@pact/supervisor";
 * import { delay } from "@std/async/delay";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: string[] = [];
 * let isStopping = false;
 * let serving: Promise<void> | undefined;
 *
 * async function serve(signal: AbortSignal) {
 *   for (let n = 1; !isStopping; n++) {
 *     steps.push(`request ${n} begins`);
 *     await delay(5, { signal });
 *     steps.push(`request ${n} ends`);
 *   }
 * }
 *
 * const server = leaf(
 *   (signal) => serving = serve(signal),
 *   async () => {
 *     isStopping = true;
 *     await serving; // the signal aborts when this function returns, and would cut the request off
 *   },
 * );
 * await server.run(() => steps.push("up"));
 * assertEquals(steps, ["request 1 begins", "up", "request 1 ends"]);
 * ```
 */
export function leaf(
  runInForeground: (signal: AbortSignal, context: LeafContext) => unknown,
  gracefulStop?: (signal: AbortSignal) => unknown,
): StandaloneRunnable {
  return {
    async run(callback, options) {
      const signal = signalOf(options);
      const narrower = new AbortController();
      using _forced = onAbort(signal, () => narrower.abort(signal.reason));
      const context = contextOf(options);
      const foreground = failureOf((signal) => runInForeground(signal, context), narrower.signal).then((failure) => {
        narrower.abort(workEnded);
        return failure;
      });
      const ofCallback = await failureOf(callback, narrower.signal);
      const ofStop = gracefulStop && await failureOf(gracefulStop, signal);
      narrower.abort(workStopped);
      const ofForeground = await foreground;
      const failure = firstOf(ofCallback, ofStop, ofForeground);
      if (failure) throw failure.error;
    },
  };
}

/**
 * Makes a runnable of a function that starts something in the background and one that stops it.
 *
 * The run rejects with the error of the start, and then calls neither the callback nor the stop; otherwise with the first
 * error of: the callback, the stop. There, an error that only echoes the abort of the signal does not count.
 *
 * @param start Returns when everything is up. If it fails, it must clean up after itself.
 * @param stop Stops gracefully until the signal aborts, from then on by force. Called once for each start that succeeded.
 * @returns The runnable.
 *
 * @example A connection
 * ```ts
 * import { startStop } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: string[] = [];
 * const connection = startStop(() => steps.push("open"), () => steps.push("close"));
 *
 * await connection.run(() => steps.push("use"));
 * assertEquals(steps, ["open", "use", "close"]);
 * ```
 */
export function startStop(
  start: (signal: AbortSignal, context: LeafContext) => unknown,
  stop: (signal: AbortSignal) => unknown,
): StandaloneRunnable {
  return {
    async run(callback, options) {
      const signal = signalOf(options);
      await start(signal, contextOf(options));
      const ofCallback = await failureOf(callback, signal);
      const ofStop = await failureOf(stop, signal);
      const failure = firstOf(ofCallback, ofStop);
      if (failure) throw failure.error;
    },
  };
}

const deaf: LeafContext = { alive: () => {} };

function contextOf({ alive }: Partial<RunOptions> = {}): LeafContext {
  return alive ? { alive } : deaf;
}
