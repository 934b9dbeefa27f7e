/**
 * Calls by hand on one key, and what the signal of a caller means for each.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { ProcessStuckError } from "../errors.ts";
import { onAbort } from "../process/on_abort.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Keeper } from "./keeper.ts";

/** A signal that a call heeds; what its abort means is said with the call. */
export interface CallOptions {
  /** Aborts to end the call. */
  readonly signal?: AbortSignal;
}

/**
 * Waits for a promise no longer than a signal allows. What the promise stands for goes on.
 *
 * @param promise What to wait for.
 * @param signal Ends the wait.
 * @returns What the promise resolves with.
 * @throws {unknown} The reason of the signal.
 */
export function waitUnless<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal === undefined ? promise : abortable(promise, signal);
}

/**
 * Starts a process and waits until it is up. The wait comes first: what is called may fail before it returns.
 *
 * @param keeper Who keeps the process.
 * @param signal Ends the wait, not the start.
 * @returns The runnable, running.
 * @throws {unknown} What the start failed with, or the reason of the signal.
 */
export function callAndWait<K, P extends Runnable>(keeper: Keeper<K, P>, signal?: AbortSignal): Promise<P> {
  const up = keeper.whenUp(signal);
  keeper.call();
  return up;
}

/**
 * Starts a process and waits until it is up; a signal that aborts before stops it.
 *
 * @param keeper Who keeps the process.
 * @param signal Bounds the start-up.
 * @returns The runnable, running.
 * @throws {unknown} What the start failed with, or the reason of the signal.
 */
export async function callWithin<K, P extends Runnable>(keeper: Keeper<K, P>, signal: AbortSignal): Promise<P> {
  let stopping: Promise<void> | undefined;
  const up = callAndWait(keeper);
  using _bound = onAbort(signal, () => {
    if (keeper.running) return; // it came up a moment ago: the start has succeeded
    stopping = stopWith(keeper, undefined).catch(() => {}); // how it ends is an event
  });
  try {
    return await up;
  } catch (error) {
    await stopping;
    throw stopping ? signal.reason : error;
  }
}

/**
 * Stops a process and waits for its end; a signal that aborts forces it.
 *
 * @param keeper Who keeps the process.
 * @param signal Forces the end.
 * @throws {ProcessStuckError} When it does not end.
 * @throws {unknown} What the process failed with instead of ending.
 */
export async function stopWith<K, P extends Runnable>(
  keeper: Keeper<K, P>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { attempt } = keeper;
  if (!attempt) return keeper.stop();
  if (attempt.state === "stuck") throw new ProcessStuckError(keeper.key, attempt.sinceAt);
  const ended = keeper.whenEnded();
  keeper.stop();
  using _forced = onAbort(signal, () => attempt.force(signal!.reason));
  const { outcome, error } = await ended;
  if (outcome === "failed") throw error;
}
