/**
 * Looks at whatever was thrown, which can be anything, and never fails itself: a revoked proxy, a getter that throws, a
 * message that is no string.
 *
 * @module
 */

import { describeValue } from "./errors.ts";
import { maxLineLength, oneLine } from "./one_line.ts";

/** An error as plain data, which refers to nothing of the error and fits into JSON. Its texts are one line each, cut when too long. */
export interface ErrorData {
  /** The name of the error; "Error" if it has none or is no error. */
  readonly name: string;
  /** Its message, or a short text for what is no error. */
  readonly message: string;
  /** What it was caused by or consists of, nearest first, for example `"TypeError: connection refused"`; at most 8. */
  readonly causes: readonly string[];
  /** When it was thrown, or seen, epoch ms. */
  readonly at: number;
}

/** How many causes are told, and how many are looked at when one of them decides something. */
const maxCauses = 8;
const maxSearched = 100;

/** The causes of most errors. */
const none: readonly string[] = Object.freeze([]);

/** How many characters of a name are told. */
const maxNameLength = 100;

/** What can be told of a value in a moment. */
interface Head {
  /** `undefined` if the value is no error. */
  readonly name: string | undefined;
  readonly message: string;
}

/** A cause, and how far it is from the error. */
interface Cause {
  readonly value: unknown;
  readonly depth: number;
}

/**
 * Makes plain data of whatever was thrown.
 *
 * @param error Anything.
 * @param at When it was thrown, epoch ms.
 * @returns What is worth keeping of it.
 *
 * @example Why a request failed
 * ```ts
 * import { errorData } from "./error_data.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new TypeError("fetch failed", { cause: new Error("connection refused") });
 * const causes = ["Error: connection refused"];
 * assertEquals(errorData(error, 5), { name: "TypeError", message: "fetch failed", causes, at: 5 });
 * assertEquals(errorData(404, 5), { name: "Error", message: "404", causes: [], at: 5 });
 * ```
 */
export function errorData(error: unknown, at: number): ErrorData {
  const { name = "Error", message } = headOf(error);
  const causes = isWithoutCause(error) ? none : causesOf(error, maxCauses).map(({ value }) => lineOf(headOf(value)));
  return { name, message, causes, at };
}

/**
 * Says whatever was thrown in one line, with its causes.
 *
 * @param error Anything.
 * @returns The name and message, and the messages of the causes as far as they add something; a short text for what is no error.
 *
 * @example A message that says nothing without its cause
 * ```ts
 * import { describeError } from "./error_data.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new TypeError("fetch failed", { cause: new Error("connection refused") });
 * assertEquals(describeError(error), "TypeError: fetch failed: connection refused");
 * assertEquals(describeError(404), "404");
 * ```
 */
export function describeError(error: unknown): string {
  let line = lineOf(headOf(error)), lastDepth = 0;
  for (const { value, depth } of causesOf(error, maxCauses)) {
    const { name, message } = headOf(value);
    const told = message || (name ?? "");
    if (tells(line, told)) continue;
    line += `${depth === lastDepth ? "; " : ": "}${told}`;
    lastDepth = depth;
  }
  return oneLine(line, 2 * maxLineLength);
}

/**
 * Prints an error that nothing else will ever tell of, in one line.
 *
 * @param what What has failed.
 * @param error Anything.
 */
export function printError(what: string, error: unknown): void {
  printLine(`${what}: ${describeError(error)}`);
}

/** Prints a line on the console, which may have been replaced by one that throws. */
export function printLine(line: string): void {
  attempt(() => console.error(line));
}

/**
 * Tells whether a thrown value is of a class. `instanceof` itself throws at a revoked proxy.
 *
 * @param error Anything.
 * @param kind The class.
 * @returns Whether it is; not, if that cannot be told.
 */
export function isInstance<T>(error: unknown, kind: abstract new (...args: never[]) => T): error is T {
  try {
    return error instanceof kind;
  } catch (_unreadable) {
    return false;
  }
}

/**
 * Looks for an error by its name: copies of a library that are loaded twice have classes of their own.
 *
 * @param error Anything: what was thrown.
 * @param names The names that are looked for.
 * @returns The error itself or the nearest of what it was caused by or consists of; `undefined` if none has such a name.
 *
 * @example A cause that decides what follows
 * ```ts
 * import { findNamed, propertyOf } from "./error_data.ts";
 * import { RetryAfterError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new Error("poll failed", { cause: new RetryAfterError(5_000) });
 * const found = findNamed(error, ["UnrecoverableError", "RetryAfterError"]);
 * assertEquals([found?.name, propertyOf(found?.error, "delayMs")], ["RetryAfterError", 5_000]);
 * ```
 */
export function findNamed(error: unknown, names: readonly string[]): { name: string; error: unknown } | undefined {
  const isNamed = (name: unknown): name is string => typeof name === "string" && names.includes(name);
  const own = propertyOf(error, "name");
  if (isNamed(own)) return { name: own, error };
  if (isWithoutCause(error)) return undefined;
  for (const { value } of causesOf(error, maxSearched)) {
    const name = propertyOf(value, "name");
    if (isNamed(name)) return { name, error: value };
  }
  return undefined;
}

/** Reads a property of anything; `undefined` if that fails. */
export function propertyOf(value: unknown, property: string): unknown {
  try {
    return Object(value) === value ? Reflect.get(Object(value), property) : undefined;
  } catch (_unreadable) {
    return undefined;
  }
}

/** Whether a line contains a text as whole words. */
function tells(line: string, text: string): boolean {
  return line.includes(text) && new RegExp(`(?<!\\w)${RegExp.escape(text)}(?!\\w)`).test(line);
}

function lineOf({ name, message }: Head): string {
  if (name === undefined) return message;
  return message === "" ? name : `${name}: ${message}`;
}

/** An object with a message counts as an error: one of another realm, an event of a socket. */
function headOf(value: unknown): Head {
  const message = propertyOf(value, "message");
  if (!isInstance(value, Error) && typeof message !== "string") {
    return { name: undefined, message: describeValue(value) };
  }
  const name = propertyOf(value, "name");
  return {
    name: typeof name === "string" && name !== "" ? oneLine(name, maxNameLength) : "Error",
    message: typeof message === "string" ? oneLine(message) : describeValue(message ?? value),
  };
}

/** Whether an error is of the most common kind: every crash is asked. */
function isWithoutCause(error: unknown): boolean {
  try {
    const isOne = error instanceof Error && error.cause === undefined;
    return isOne && !(error instanceof AggregateError) && !(error instanceof SuppressedError);
  } catch (_unreadable) {
    return false;
  }
}

/** The causes of an error, nearest first, each once. */
function causesOf(error: unknown, most: number): Cause[] {
  const causes: Cause[] = [];
  const queue: Cause[] = [{ value: error, depth: 0 }];
  const seen = new Set<unknown>([error]);
  for (const { value, depth } of queue) {
    for (const inner of innerOf(value, most)) {
      if (causes.length === most) return causes;
      if (seen.has(inner)) continue;
      seen.add(inner);
      const cause = { value: inner, depth: depth + 1 };
      causes.push(cause);
      queue.push(cause);
    }
  }
  return causes;
}

/** What an error names as its causes. */
function innerOf(value: unknown, most: number): unknown[] {
  const inner = [propertyOf(value, "cause")];
  if (isInstance(value, AggregateError)) inner.push(...firstOf(propertyOf(value, "errors"), most));
  if (isInstance(value, SuppressedError)) inner.push(propertyOf(value, "error"), propertyOf(value, "suppressed"));
  return inner.filter((each) => each !== undefined && each !== null);
}

/** The first elements of a list, of which nothing is believed. */
function firstOf(list: unknown, most: number): unknown[] {
  const length = Math.min(most, Number(propertyOf(list, "length")) || 0);
  return Array.from({ length }, (_, index) => propertyOf(list, `${index}`));
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (_unreadable) {
    return undefined;
  }
}
