/**
 * Checks of what a user hands in: a wrong shape is a `TypeError`, a number out of range a `RangeError`.
 *
 * @module
 */

import { maxTimerMs } from "./clock.ts";
import { describeValue } from "./errors.ts";

/**
 * Checks an argument of a call.
 *
 * @param operation What the call does, to be read after "Cannot".
 * @param rule What is right, as a sentence.
 * @param value What the user gave.
 * @param isRight Whether the value keeps the rule.
 * @throws {TypeError} If it does not.
 */
export function checkArgument(operation: string, rule: string, value: unknown, isRight: boolean): asserts isRight {
  if (isRight) return;
  throw new TypeError(`Cannot ${operation}: ${rule}, current value is ${describeValue(value)}`);
}

/**
 * Checks that an argument can be run. A function that does the work itself, or what a call of it has returned, is the likeliest
 * slip: the error says how to mend it.
 *
 * @param operation What the call does, to be read after "Cannot".
 * @param value What the user gave.
 * @throws {TypeError} If it has no `run` method.
 */
export function assertRunnable(operation: string, value: unknown): void {
  if (hasRun(value)) return; // first: this stands on the way of every start
  const rule = "a runnable has a run method";
  const isWork = isStrayPromise(value) || value === undefined || typeof value === "function";
  const told = isWork ? `${rule}; if a function does the work, wrap it in leaf: leaf(async (signal) => …)` : rule;
  checkArgument(operation, told, value, false);
}

/** Tells whether a value is a promise, where none may stand. Its rejection is handled: nothing else ever will. */
export function isStrayPromise(value: unknown): boolean {
  const isPromise = hasMethods(value, "then");
  if (isPromise) Promise.resolve(value).catch(() => {});
  return isPromise;
}

/** Tells whether a value has a `run` method. */
export function hasRun(value: unknown): boolean {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  return isObject && "run" in value && typeof value.run === "function";
}

/**
 * Checks that options are an object.
 *
 * @param of Whose they are, to be read after "the options of".
 * @param options What the user gave.
 * @throws {TypeError} If they are not.
 */
export function assertOptions(of: string, options: unknown): asserts options is object {
  checkArgument(`use the options of ${of}`, "they must be an object", options, isObject(options));
}

/** Tells whether a value is an object, and no function. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/**
 * Checks the shape of an option.
 *
 * @param name The option.
 * @param expected What is right, to be read after "must be".
 * @param value What the user gave.
 * @param isRight Whether the value is that.
 * @throws {TypeError} If it is not.
 */
export function checkShape(name: string, expected: string, value: unknown, isRight: boolean): asserts isRight {
  checkArgument(`use the option ${name}`, `it must be ${expected}`, value, isRight);
}

/**
 * Checks an option that is a function.
 *
 * @param name The option.
 * @param value What the user gave.
 * @throws {TypeError} If it is not a function.
 */
export function checkFunction(name: string, value: unknown): void {
  checkShape(name, "a function", value, typeof value === "function");
}

/**
 * Checks an option that is a clock.
 *
 * @param clock What the user gave.
 * @throws {TypeError} If it lacks a method of a clock.
 */
export function checkClock(clock: unknown): void {
  const tells = hasMethods(clock, "now", "monotonic", "timer");
  checkShape("clock", "an object with now, monotonic and timer", clock, tells);
}

/**
 * Checks an option that is a number.
 *
 * @param name The option.
 * @param value What the user gave.
 * @param min The least that is right.
 * @param max The most that is right; `Infinity` for no limit.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is `NaN` or out of range.
 */
export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  checkShape(name, "a number", value, typeof value === "number");
  if (value >= min && value <= max) return value;
  throw outOfRange(name, value, "a number", min, max);
}

/**
 * Checks an option that limits how long something may take.
 *
 * @param name The option.
 * @param value What the user gave.
 * @returns The limit, in ms; `Infinity` for none.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is `NaN` or out of range.
 */
export function checkLimit(name: string, value: unknown): number {
  checkShape(name, "a number", value, typeof value === "number");
  if (value === Infinity || (value >= 1 && value <= maxTimerMs)) return value;
  throw outOfRange(name, value, "Infinity or a number", 1, maxTimerMs);
}

/**
 * Checks an option that is a whole number.
 *
 * @param name The option.
 * @param value What the user gave.
 * @param min The least that is right.
 * @param max The most that is right; `Infinity` for no limit, and then it is right itself.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is not whole or out of range.
 */
export function checkWhole(name: string, value: unknown, min: number, max: number): number {
  checkShape(name, "a number", value, typeof value === "number");
  const isWhole = Number.isInteger(value) || value === Infinity;
  if (isWhole && value >= min && value <= max) return value;
  throw outOfRange(name, value, "a whole number", min, max);
}

/**
 * Tells whether a value has methods.
 *
 * @param value Any value.
 * @param names The methods.
 * @returns Whether it has all of them.
 */
export function hasMethods(value: unknown, ...names: readonly PropertyKey[]): boolean {
  // Makes an empty object of null and undefined.
  const object: Record<PropertyKey, unknown> = Object(value);
  return names.every((name) => typeof object[name] === "function");
}

function outOfRange(name: string, value: number, noun: string, min: number, max: number): RangeError {
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  return new RangeError(`Cannot use the option ${name}: it must be ${noun} ${range}, current value is ${value}`);
}
