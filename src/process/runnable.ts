/**
 * What can be run: the one interface that everything in this library is or takes.
 *
 * @module
 */

import { hasMethods } from "../check.ts";

/**
 * What a runnable calls, once, when it is up. The work goes on until what it returns settles.
 *
 * @param signal Aborts when the work ends by itself or is forced to end.
 * @returns A promise, or anything else, that a runnable must `await` before it shuts down.
 */
export type RunCallback = (signal: AbortSignal) => unknown;

/** What a runnable is given beside its callback. */
export interface RunOptions {
  /** Aborts to say: forced, end now. A graceful stop is said by the callback settling instead. */
  readonly signal: AbortSignal;
}

/**
 * Starts up, calls back once when it is up, and shuts down when the callback settles.
 *
 * A run that settles without having called its callback has failed to start. A run that rejects has failed. The callback
 * may reject, when an inner runnable of a chain does, so what has to be cleaned up belongs into `using` or `finally`.
 *
 * @example A connection that is closed gracefully
 * ```ts
 * import { Process, type RunCallback, type Runnable, type RunOptions } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: string[] = [];
 *
 * class Bot implements Runnable {
 *   async run(running: RunCallback, { signal }: RunOptions) {
 *     steps.push("starting");
 *     await running(signal);
 *     steps.push("stopping");
 *   }
 * }
 *
 * const process = new Process(new Bot());
 * await process.start();
 * await process.stop();
 * assertEquals(steps, ["starting", "stopping"]);
 * ```
 */
export interface Runnable {
  /**
   * Runs from start to end.
   *
   * @param callback Must be called at most once, when the runnable is up, and awaited.
   * @param options The signal that forces the end.
   * @returns A promise that settles when everything is over.
   */
  run(callback: RunCallback, options: RunOptions): Promise<void>;
}

/**
 * Tells a runnable from anything else.
 *
 * @param value Any value.
 * @returns Whether it has a `run` method.
 */
export function isRunnable(value: unknown): value is Runnable {
  return hasMethods(value, "run");
}

/**
 * Tells whether an error is only the echo of our own abort. What counts is whether *our* signal aborted: an AbortError
 * that a run comes up with by itself is a failure like any other.
 *
 * @param error What a run rejected with.
 * @param signal The signal it was given.
 * @returns Whether the signal aborted and the error says no more than that.
 */
export function isAbortEcho(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  if (error === signal.reason) return true;
  try {
    const { name, cause } = (error ?? {}) as { name?: unknown; cause?: unknown };
    return name === "AbortError" || (cause !== undefined && cause === signal.reason);
  } catch (_unreadable) {
    return false;
  }
}
