/**
 * Failures as lines of JSON, for whatever collects what a program prints.
 *
 * @module
 */

import { errorData } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import { oneLine } from "../one_line.ts";

/**
 * Makes one line of JSON of an event that tells of a failure. The names of the span's ids are those of OpenTelemetry.
 *
 * @param event The event of a supervisor or of a cluster.
 * @param message What has happened, in words.
 * @param span The span it belongs to, if there is one.
 * @returns The line.
 *
 * @example
 * ```ts
 * import { failureLine } from "./failure_line.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const event = { type: "stuck", at: 5, key: "acme", sinceAt: 5 };
 * const line = failureLine(event, "acme is stuck");
 * assertEquals(line, '{"level":"error","at":5,"event":"stuck","key":"acme","message":"acme is stuck"}');
 * ```
 */
export function failureLine(
  event: { readonly type: string; readonly at: number },
  message: string,
  span?: { readonly traceId: string; readonly spanId: string },
): string {
  const { type, at, key, error } = event as { type: string; at: number; key?: unknown; error?: unknown };
  return JSON.stringify({
    level: "error",
    at,
    event: type,
    ...key !== undefined && { key: keyText(key) },
    message,
    ...error !== undefined && { error: errorData(error, at) },
    ...span && { trace_id: span.traceId, span_id: span.spanId },
  });
}

/** Returns a key as text on one line. */
export function keyText(key: unknown): string {
  return typeof key === "string" ? oneLine(key) : describeKey(key);
}
