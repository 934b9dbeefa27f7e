/**
 * Names kinds of errors for metrics.
 *
 * @module
 */

import { errorData } from "../error_data.ts";

/** How many kinds are told apart: an error may have any name, and each one would be a time series for ever. */
const maxTypes = 50;

const seen = new Set<string>();

/**
 * Names the kind of an error.
 *
 * @param error Whatever was thrown.
 * @returns Its name if that looks like one and there are not too many of them; else `_OTHER`, as OpenTelemetry has it.
 *
 * @example
 * ```ts
 * import { errorType } from "./error_type.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(errorType(new TypeError("oops")), "TypeError");
 * const odd = Object.assign(new Error("oops"), { name: "the trouble with tenant 17" });
 * assertEquals(errorType(odd), "_OTHER");
 * ```
 */
export function errorType(error: unknown): string {
  const { name } = errorData(error, 0);
  if (seen.has(name)) return name;
  if (seen.size >= maxTypes || !/^[\w.$]{1,60}$/.test(name)) return "_OTHER";
  seen.add(name);
  return name;
}
