/**
 * Runnables out of plain functions.
 *
 * @module
 */

import { failureOf, firstOf } from "./failure.ts";
import { onAbort } from "./on_abort.ts";
import type { Runnable } from "./runnable.ts";

// Ready-made: an exception with a stack costs 4 us.
const workEnded = new DOMException("The work ended by itself", "AbortError");
const workStopped = new DOMException("The work was asked to stop", "AbortError");

/**
 * Makes a runnable out of a function that works until its signal aborts. It counts as up as soon as the function was
 * called, so the function should not need a start-up; use {@linkcode startStop} when there is one.
 *
 * The function and the callback are given the same signal, which aborts when the run is forced to end, when the function
 * returns, and, after the callback has returned and `gracefulStop` too, to end the function. The graceful stop is called
 * in any case, even when the function has ended by itself, with the signal of the run.
 *
 * The run rejects with the first error of: the callback, the graceful stop, the function. Others are printed, and an
 * error that says no more than "the signal aborted" is none; an `AbortError` while it has not is a failure like any other.
 *
 * @param runInForeground The work. The run does not end before it has.
 * @param gracefulStop Asks the work to end by other means than the signal, and waits until it has or the signal aborts.
 * @returns The runnable. It may be run again, even at the same time, as far as the functions bear it.
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
 * @example A server that finishes its requests first
 * ```ts
 * import { leaf } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const finished = Promise.withResolvers<void>();
 * const steps: string[] = [];
 *
 * const server = leaf(
 *   () => finished.promise.then(() => steps.push("closed")),
 *   () => {
 *     steps.push("asked to close");
 *     finished.resolve();
 *   },
 * );
 * await server.run(() => steps.push("up"), { signal: new AbortController().signal });
 * assertEquals(steps, ["up", "asked to close", "closed"]);
 * ```
 */
export function leaf(
  runInForeground: (signal: AbortSignal) => unknown,
  gracefulStop: (signal: AbortSignal) => unknown = () => {},
): Runnable {
  return {
    async run(callback, { signal }) {
      const narrower = new AbortController();
      using _forced = onAbort(signal, () => narrower.abort(signal.reason));
      const foreground = failureOf(runInForeground, narrower.signal).finally(() => narrower.abort(workEnded));
      const ofCallback = await failureOf(callback, narrower.signal);
      const ofStop = await failureOf(gracefulStop, signal);
      narrower.abort(workStopped);
      const ofForeground = await foreground;
      const failure = firstOf(ofCallback, ofStop, ofForeground);
      if (failure) throw failure.error;
    },
  };
}

/**
 * Makes a runnable out of a function that starts something in the background and one that stops it.
 *
 * The run rejects with the error of the start, after which neither the callback nor the stop is called; otherwise with
 * the first error of: the callback, the stop. An error that says no more than "the signal aborted" is none, save for
 * the start.
 *
 * @param start Comes back when everything is up. It must clean up after itself when it fails.
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
 * await connection.run(() => steps.push("use"), { signal: new AbortController().signal });
 * assertEquals(steps, ["open", "use", "close"]);
 * ```
 */
export function startStop(
  start: (signal: AbortSignal) => unknown,
  stop: (signal: AbortSignal) => unknown,
): Runnable {
  return {
    async run(callback, { signal }) {
      await start(signal);
      const ofCallback = await failureOf(callback, signal);
      const ofStop = await failureOf(stop, signal);
      const failure = firstOf(ofCallback, ofStop);
      if (failure) throw failure.error;
    },
  };
}
