/**
 * What stands in the database of pauses and troubles. What a newer version of this library has added is passed over, and so is
 * a record that cannot be understood.
 *
 * @module
 */

import type { ErrorData } from "../error_data.ts";
import type { Pause } from "../pause.ts";
import type { Trouble, TroubleRecord } from "../table/trouble.ts";

/** The layout of these records. */
const format = 1;

/** Makes the record of a pause. */
export function toPauseRecord(pause: Pause): unknown {
  return { format, ...pause };
}

/** Reads the record of a pause. */
export function toPause(record: unknown): Pause | undefined {
  if (!isRecord(record) || !isNumber(record.at)) return undefined;
  const { at, reason, by, untilAt, isWholeTable } = record;
  return {
    at,
    ...isText(reason) && { reason },
    ...isText(by) && { by },
    ...isNumber(untilAt) && { untilAt },
    ...isWholeTable === true && { isWholeTable },
  };
}

/** Makes the record of the trouble that the version of an entry has. */
export function toTroubleRecord(version: string, trouble: Trouble): unknown {
  return { format, version, trouble };
}

/** Reads the record of a trouble. */
export function toTrouble(record: unknown): TroubleRecord | undefined {
  if (!isRecord(record) || !isText(record.version) || !isRecord(record.trouble)) return undefined;
  const { state, failures, failingSinceAt, changedAt, lastError, retryAt, delayMs, cause, session, endedAt } =
    record.trouble;
  const isKnown = state === "retrying" || state === "parked" || state === "stuck";
  if (!isKnown || !isNumber(failures) || !isNumber(failingSinceAt) || !isNumber(changedAt)) return undefined;
  const error = toErrorData(lastError);
  const trouble: Trouble = {
    state,
    failures,
    ...error && { lastError: error },
    failingSinceAt,
    changedAt,
    ...isNumber(retryAt) && { retryAt },
    ...isNumber(delayMs) && { delayMs },
    ...isCause(cause) && { cause },
    ...isText(session) && { session },
    ...isNumber(endedAt) && { endedAt },
  };
  return { version: record.version, trouble };
}

function isCause(value: unknown): value is NonNullable<Trouble["cause"]> {
  return value === "limit" || value === "decided" || value === "unrecoverable";
}

function toErrorData(error: unknown): ErrorData | undefined {
  if (!isRecord(error)) return undefined;
  const { name, message, causes, at } = error;
  if (!isText(name) || !isText(message) || !isNumber(at)) return undefined;
  return { name, message, causes: Array.isArray(causes) ? causes.filter(isText) : [], at };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
