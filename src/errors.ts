/**
 * The errors that a caller may want to catch, each with its data in fields, and how values are shown in messages.
 *
 * @module
 */

import { oneLine, quote } from "./one_line.ts";

/** How many characters of a key or of another value a message shows. */
const maxShown = 100;
const maxBigint = 10n ** 1_000n;

/**
 * Writes a key as in code, for use in a message: a string in quotes, a bigint with an `n`; on one line, cut after 100 characters.
 *
 * @example A string and a number do not look alike
 * ```ts
 * import { describeKey } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(describeKey("1"), '"1"');
 * assertEquals(describeKey(1), "1");
 * assertEquals(describeKey(1n), "1n");
 * ```
 */
export function describeKey(key: unknown): string {
  if (typeof key === "string") return quote(key, maxShown);
  const shown = describeValue(key);
  return typeof key === "bigint" && !isHuge(key) ? `${shown}n` : shown;
}

/** The digits of a bigint take time that grows with the square of their number. */
function isHuge(value: unknown): boolean {
  return typeof value === "bigint" && (value > maxBigint || value < -maxBigint);
}

/**
 * Shows any value, for use in a message: on one line, cut after 100 characters. A template would throw at symbols, modules
 * and objects without a prototype, and print the source of functions.
 *
 * @example A module instead of what it exports
 * ```ts
 * import { describeValue } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(describeValue(await import("./errors.ts")), "[object Module]");
 * assertEquals(describeValue(null), "null");
 * ```
 */
export function describeValue(value: unknown): string {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  if (isHuge(value)) return "a bigint of more than 1000 digits";
  try {
    return oneLine(isObject ? Object.prototype.toString.call(value) : String(value), maxShown);
  } catch (_throwingTag) {
    return "[object Object]";
  }
}

/** Says that the supervisor takes no such call because its `run` is not in progress. */
export class SupervisorNotRunningError extends Error {
  /** The name of the class. */
  override readonly name = "SupervisorNotRunningError";
  /** What was asked for, for example `start process "acme"`. */
  readonly operation: string;

  /**
   * Makes the error.
   *
   * @param operation What was asked for.
   * @param options May hold a cause.
   */
  constructor(operation: string, options?: ErrorOptions) {
    super(`Cannot ${operation}: the supervisor is not running`, options);
    this.operation = operation;
  }
}

/** Says that a process with this key already exists, in whatever state. */
export class ProcessExistsError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessExistsError";
  /** The key that is taken. */
  readonly key: unknown;
  /** The state of the process that has the key, for example `"starting"`. */
  readonly state: string;

  /**
   * Makes the error.
   *
   * @param key The key that is taken.
   * @param state The state of the process that has it.
   * @param options May hold a cause.
   */
  constructor(key: unknown, state: string, options?: ErrorOptions) {
    super(`Cannot start process ${describeKey(key)}: it already exists, its state is "${state}"`, options);
    this.key = key;
    this.state = state;
  }
}

/** Says that there is no process with this key, or, for a start, no entry in the table. */
export class ProcessNotFoundError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessNotFoundError";
  /** The key that was looked for. */
  readonly key: unknown;

  /**
   * Makes the error.
   *
   * @param operation What was asked for: "start", "stop", "get".
   * @param key The key that was looked for.
   * @param reason Where it is missing, or what it waits for.
   * @param options May hold a cause.
   */
  constructor(operation: string, key: unknown, reason = "the supervisor has no such key", options?: ErrorOptions) {
    super(`Cannot ${operation} process ${describeKey(key)}: ${reason}`, options);
    this.key = key;
  }
}

/** Says that a process may not run here now: its key belongs to another instance of the program. */
export class ProcessElsewhereError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessElsewhereError";
  /** The key of the process. */
  readonly key: unknown;
  /** The session of the instance that owns the key; `undefined` if none does, or its owner is not known. */
  readonly session: string | undefined;
  /** What that instance says of itself, for example its URL; `undefined` if it says nothing, or that is not known. */
  readonly info: unknown;

  /**
   * Makes the error.
   *
   * @param key The key of the process.
   * @param owner The session that owns it and what its instance says of itself.
   * @param options May hold a cause.
   */
  constructor(
    key: unknown,
    owner: { readonly id: string; readonly info?: unknown } | undefined,
    options?: ErrorOptions,
  ) {
    const where = owner
      ? `session ${describeKey(owner.id)} owns it`
      : "this instance does not own it, and no owner is known";
    super(`Cannot start process ${describeKey(key)}: ${where}`, options);
    this.key = key;
    this.session = owner?.id;
    this.info = owner?.info;
  }
}

/** Says that a process exists but is not running: it is still starting, or already stopping. */
export class ProcessNotRunningError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessNotRunningError";
  /** The key of the process. */
  readonly key: unknown;
  /** The state of the process instead of "running". */
  readonly state: string;

  /**
   * Makes the error.
   *
   * @param key The key of the process.
   * @param state The state of the process instead of "running".
   * @param options May hold a cause.
   */
  constructor(key: unknown, state: string, options?: ErrorOptions) {
    super(`Cannot get process ${describeKey(key)}: it is not running, its state is "${state}"`, options);
    this.key = key;
    this.state = state;
  }
}

/** Says that the state of a process does not allow what was asked of it. */
export class ProcessStateError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessStateError";
  /** What was asked for. */
  readonly operation: string;
  /** The state that does not allow it. */
  readonly state: string;

  /**
   * Makes the error.
   *
   * @param operation What was asked for, for example "start the process".
   * @param state The state that does not allow it.
   * @param options May hold a cause.
   */
  constructor(operation: string, state: string, options?: ErrorOptions) {
    super(`Cannot ${operation}: its state is "${state}"`, options);
    this.operation = operation;
    this.state = state;
  }
}

/** Says that a run settled, or was stopped, before it called its callback. */
export class ProcessEndedEarlyError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessEndedEarlyError";

  /**
   * Makes the error.
   *
   * @param reason What happened instead.
   * @param options May hold a cause.
   */
  constructor(reason = "its run ended without calling the callback", options?: ErrorOptions) {
    super(`Cannot start process: ${reason}`, options);
  }
}

/** Says that a process was asked to stop, was then aborted, and still has not ended. */
export class ProcessStuckError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessStuckError";
  /** The key that stays taken until the process ends. */
  readonly key: unknown;
  /** Since when it has been stuck, epoch ms. */
  readonly sinceAt: number;

  /**
   * Makes the error.
   *
   * @param key The key that stays taken until the process ends.
   * @param sinceAt Since when it has been stuck, epoch ms.
   * @param options May hold a cause.
   */
  constructor(key: unknown, sinceAt: number, options?: ErrorOptions) {
    super(`Cannot stop process ${describeKey(key)}: it was asked to stop, then aborted, and has not ended`, options);
    this.key = key;
    this.sinceAt = sinceAt;
  }
}

/**
 * Says that a running process has been silent for too long: a bot that is deaf, a connection that hangs. It has not called `alive`
 * for `livenessMs`, and so was aborted; what follows is up to the restart policy.
 */
export class ProcessSilentError extends Error {
  /** The name of the class. */
  override readonly name = "ProcessSilentError";
  /** The key of the process. */
  readonly key: unknown;
  /** For how long it may be silent, in ms. */
  readonly livenessMs: number;
  /** What it said last; `undefined` if it never gave a note. */
  readonly note: string | undefined;

  /**
   * Makes the error.
   *
   * @param key The key of the process.
   * @param livenessMs For how long it may be silent, in ms.
   * @param note What it said last.
   * @param options May hold a cause.
   */
  constructor(key: unknown, livenessMs: number, note?: string, options?: ErrorOptions) {
    const last = note === undefined ? "" : `, and its last note was ${quote(note, maxShown)}`;
    super(
      `Cannot keep process ${describeKey(key)} running: it has not called alive for ${livenessMs} ms${last}`,
      options,
    );
    this.key = key;
    this.livenessMs = livenessMs;
    this.note = note;
  }
}

/**
 * What a process throws to say that another try would fail in the same way: a token that was revoked, a tenant that is gone.
 * Its key is parked at once. It is known by its name, also as a cause or inside an `AggregateError`.
 *
 * @example A token that the server does not take
 * ```ts
 * import { leaf, MapTable, Supervisor, UnrecoverableError } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const bot = leaf(() => {
 *   throw new UnrecoverableError("the server answered 401");
 * });
 * const supervisor = new Supervisor(new MapTable([["acme", bot]]));
 * const parked: PromiseWithResolvers<string> = Promise.withResolvers();
 * supervisor.subscribe((event) => {
 *   if (event.type === "parked") parked.resolve(event.cause);
 * });
 * await supervisor.run(async () => assertEquals(await parked.promise, "unrecoverable"));
 * ```
 */
export class UnrecoverableError extends Error {
  /** The name of the class. */
  override readonly name = "UnrecoverableError";

  /**
   * Makes the error.
   *
   * @param message What cannot be recovered from.
   * @param options May hold a cause.
   */
  constructor(message = "another try would fail in the same way", options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * What a process throws to say when it may be tried again: a server has answered 429 with a `retry-after`, a rate limit is used
 * up. The key is retried after that delay and not before; it is no step towards the limit of the restart policy, nor does the
 * backoff grow. It is known by its name, also as a cause or inside an `AggregateError`. What is asked to stop may end with it
 * as well: who runs the key next, such as the instance that it is handed over to, waits.
 *
 * Mind a response without the header: `Number(null)` is 0, and so is the delay. In the header may stand a date, too.
 *
 * @example A server that wants to be left alone for a while
 * ```ts
 * import { leaf, MapTable, RetryAfterError, Supervisor } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const bot = leaf(() => {
 *   throw new RetryAfterError(30_000, "the server answered 429");
 * });
 * const supervisor = new Supervisor(new MapTable([["acme", bot]]));
 * const retrying: PromiseWithResolvers<number> = Promise.withResolvers();
 * supervisor.subscribe((event) => {
 *   if (event.type === "retrying") retrying.resolve(event.delayMs);
 * });
 * await supervisor.run(async () => assertEquals(await retrying.promise, 30_000));
 * ```
 *
 * @example The header of a response, in seconds or as a date
 * ```ts
 * import { RetryAfterError } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * function retryAfter({ headers }: Response): RetryAfterError {
 *   const value = headers.get("retry-after") ?? "30"; // when the server does not say
 *   const delayMs = Number.isNaN(Number(value)) ? Date.parse(value) - Date.now() : Number(value) * 1_000;
 *   return new RetryAfterError(Math.max(delayMs, 1_000), "the server answered 429");
 * }
 *
 * assertEquals(retryAfter(new Response(null, { headers: { "retry-after": "5" } })).delayMs, 5_000);
 * assertEquals(retryAfter(new Response()).delayMs, 30_000);
 * const date = new Date(0).toUTCString();
 * assertEquals(retryAfter(new Response(null, { headers: { "retry-after": date } })).delayMs, 1_000);
 * ```
 */
export class RetryAfterError extends Error {
  /** The name of the class. */
  override readonly name = "RetryAfterError";
  /** How long to wait, in ms. */
  readonly delayMs: number;

  /**
   * Makes the error. It takes any number, as a process that fails must not fail with another error than that: a supervisor
   * that finds the number out of range tells of it, and takes the delay of its policy.
   *
   * @param delayMs How long to wait, in ms, 0 to 2 147 483 647.
   * @param message Why.
   * @param options May hold a cause.
   */
  constructor(delayMs: number, message = "asked to wait before the next try", options?: ErrorOptions) {
    super(message, options);
    this.delayMs = delayMs;
  }
}
