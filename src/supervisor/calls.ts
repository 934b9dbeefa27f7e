/**
 * Calls by hand on one key, and what the signal of a caller means for each.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { ProcessNotFoundError, ProcessStuckError } from "../errors.ts";
import { onAbort } from "../process/on_abort.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Attempt } from "./attempt.ts";
import type { Keeper } from "./keeper.ts";
import { stateOf } from "./snapshot.ts";

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
export function stopWith<K, P extends Runnable>(
  keeper: Keeper<K, P>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { attempt } = keeper;
  if (attempt?.isStuck) return Promise.reject(new ProcessStuckError(keeper.key, attempt.sinceAt));
  const ended = attempt && keeper.whenEnded().then(throwFailure);
  keeper.stop();
  if (!attempt || !ended) return Promise.resolve();
  return signal === undefined ? ended : forceUnlessEnded(attempt, ended, signal);
}

async function forceUnlessEnded<K, P extends Runnable>(
  attempt: Attempt<K, P>,
  ended: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  using _forced = onAbort(signal, () => attempt.force(signal.reason));
  await ended;
}

function throwFailure<K, P extends Runnable>({ outcome, error }: Attempt<K, P>): void {
  if (outcome === "failed") throw error;
}

/**
 * Makes the error for a call on a key that has no process.
 *
 * @param operation What was asked for.
 * @param key The key.
 * @param keeper Who keeps the key nevertheless: it waits for something, and the error says for what.
 * @returns The error.
 */
export function missing<K, P extends Runnable>(
  operation: string,
  key: K,
  keeper: Keeper<K, P> | undefined,
): ProcessNotFoundError {
  return new ProcessNotFoundError(operation, key, keeper && `there is none, it is ${stateOf(keeper)}`);
}
