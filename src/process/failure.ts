/**
 * What to make of the error of a piece of work that was given a signal.
 *
 * @module
 */

import { isAbortEcho } from "./runnable.ts";

/** What a piece of work failed with, in a box of its own, since anything can be thrown, `undefined` too. */
export interface Failure {
  /** What was thrown. */
  readonly error: unknown;
}

/**
 * Does a piece of work and waits for its end.
 *
 * @param work What to call; throwing and rejecting are the same.
 * @param signal What it is given.
 * @returns What it failed with; `undefined` when it did not, or when its error only says that the signal aborted.
 */
export async function failureOf(
  work: (signal: AbortSignal) => unknown,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  try {
    await work(signal);
  } catch (error) {
    if (!isAbortEcho(error, signal)) return { error };
  }
}

/**
 * Chooses the failure that a run rejects with. Those that are passed over are printed, as nobody else will ever see them.
 *
 * @param failures In the order of precedence.
 * @returns The first one.
 */
export function firstOf(...failures: readonly (Failure | undefined)[]): Failure | undefined {
  const [first, ...others] = failures.filter((failure) => failure !== undefined);
  for (const { error } of others) {
    if (error !== first.error) console.error("An error was passed over for the one that came before it:", error);
  }
  return first;
}
