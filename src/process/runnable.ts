/**
 * The one interface that everything in this library implements or takes.
 *
 * @module
 */

import { hasRun } from "../check.ts";

/**
 * What a runnable calls once, when it is up. The work goes on until the returned promise settles.
 *
 * @param signal Aborts when the work ends by itself or is forced to end.
 * @returns A promise, or anything else, that a runnable must `await` before it shuts down.
 */
export type RunCallback = (signal: AbortSignal) => unknown;

/** What a runnable is given besides its callback. */
export interface RunOptions {
  /** Aborts to say: end now. The callback settles to say: stop gracefully. */
  readonly signal: AbortSignal;
  /**
   * Says that the process has made progress, for a supervisor that is told how long a process may be silent (`livenessMs`). It
   * may be called as often as one likes, does nothing after the end, and needs no `this`. Absent when nothing listens.
   *
   * @param note What the progress was. The last one stands in the status of the process, as one line of at most 200
   * characters.
   */
  readonly alive?: (note?: string) => void;
}

/**
 * Starts up, calls back once when it is up, and shuts down when the callback settles.
 *
 * A run that settles without having called its callback has failed to start. A run that rejects has failed. The callback
 * rejects when an inner runnable of a chain does, so clean up in `using` or `finally`.
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
   * @returns A promise that settles when everything has ended.
   */
  run(callback: RunCallback, options: RunOptions): Promise<void>;
}

/**
 * A runnable that may be run without options, as those of this library may.
 *
 * @example No signal needed
 * ```ts
 * import { chain, nop } from "@pact/supervisor";
 * import { assert } from "@std/assert";
 *
 * let isUp = false;
 * await chain(nop, nop).run(() => isUp = true);
 * assert(isUp);
 * ```
 */
export interface StandaloneRunnable extends Runnable {
  /**
   * Runs from start to end.
   *
   * @param callback Is called at most once, when the runnable is up, and awaited.
   * @param options May hold the signal that forces the end; without one, nothing does.
   * @returns A promise that settles when everything has ended.
   */
  run(callback: RunCallback, options?: Partial<RunOptions>): Promise<void>;
}

/** Returns the signal of a run, one that never aborts if there is none in the options. */
export function signalOf(options: Partial<RunOptions> | undefined): AbortSignal {
  return options?.signal ?? new AbortController().signal;
}

/** Tells whether a value has a `run` method. */
export function isRunnable(value: unknown): value is Runnable {
  return hasRun(value);
}

/**
 * Tells whether the error of a run only echoes the abort of the signal that the run was given. What counts is whether
 * *our* signal aborted: an AbortError of the run's own making is a failure like any other.
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
