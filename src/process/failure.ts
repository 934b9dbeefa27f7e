/**
 * Which error of a piece of work counts as its failure.
 *
 * @module
 */

import { printError } from "../error_data.ts";
import { isAbortEcho } from "./runnable.ts";

/** What a piece of work failed with. It is boxed because anything can be thrown, even `undefined`. */
export interface Failure {
  /** What was thrown. */
  readonly error: unknown;
}

/**
 * Does a piece of work and waits for its end; throwing and rejecting are the same.
 *
 * @returns What it failed with; `undefined` when it succeeded, or when its error only echoes the abort of the signal.
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

/** Picks the first failure, which the run rejects with. The others are printed, as nothing else will ever tell of them. */
export function firstOf(...failures: readonly (Failure | undefined)[]): Failure | undefined {
  const [first, ...others] = failures.filter((failure) => failure !== undefined);
  for (const { error } of others) {
    if (error !== first.error) printError("Suppressed by an earlier error", error);
  }
  return first;
}
