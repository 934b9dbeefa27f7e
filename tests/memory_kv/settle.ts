/**
 * Promises of what has already happened.
 *
 * @module
 */

/**
 * Makes a call at once and gives its outcome as a promise.
 *
 * @param call What to call.
 * @returns Its result, or a rejection with what it throws.
 *
 * @example
 * ```ts
 * import { settle } from "./settle.ts";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => settle(() => BigInt(1.5)), RangeError);
 * ```
 */
export function settle<T>(call: () => T): Promise<T> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}
