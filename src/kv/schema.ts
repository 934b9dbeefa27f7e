/**
 * Schemas for specs, by the Standard Schema interface, version 1 (https://standardschema.dev), which zod, valibot, arktype
 * and others implement.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { describeKey } from "../errors.ts";
import { oneLine } from "../one_line.ts";
import { onAbort } from "../on_abort.ts";
import { deadline } from "./deadline.ts";

/** One thing that a schema finds wrong. */
export interface SpecIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A schema: the part of Standard Schema that validates. What it takes may be of another type than what it returns: it can
 * fill in defaults and transform.
 */
export interface SpecSchema<Spec, Input = Spec> {
  /** The properties of Standard Schema. */
  readonly "~standard": {
    /** The version of the interface. */
    readonly version: 1;
    /** The library that the schema comes from. */
    readonly vendor: string;
    /** Turns any value into a spec, or says what is wrong with it. */
    readonly validate: (value: unknown) => SpecResult<Spec> | Promise<SpecResult<Spec>>;
    /** The types of what it takes and returns, for the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Spec } | undefined;
  };
}

/** The answer of a schema: a spec, or what is wrong. */
export type SpecResult<Spec> =
  | { readonly value: Spec; readonly issues?: undefined }
  | { readonly issues: readonly SpecIssue[] };

/** How many issues a message names; the error lists them all. */
const maxNamedIssues = 3;

/** How many parts of a path, and how many characters of a path or an issue, a message shows. */
const maxPathParts = 10;
const maxIssueLength = 200;

/**
 * Says that a stored or given value fails the schema.
 *
 * @example A spec that fails its schema
 * ```ts
 * import { InvalidSpecError, KvTable, type SpecSchema } from "@pact/supervisor/kv";
 * import { nop } from "@pact/supervisor";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const schema: SpecSchema<number> = {
 *   "~standard": {
 *     version: 1,
 *     vendor: "example",
 *     validate: (value) => typeof value === "number" ? { value } : { issues: [{ message: "expected a number" }] },
 *   },
 * };
 * using kv = await Deno.openKv(":memory:");
 * const table = new KvTable(kv, { prefix: ["bots"], create: () => nop, schema });
 * await kv.set(["bots", "acme"], "not a number");
 * const entry = await table.get("acme");
 * const error = await assertRejects(async () => await entry?.get(), InvalidSpecError);
 * assertEquals(error.message, 'Cannot use the spec of entry "acme": expected a number');
 * ```
 */
export class InvalidSpecError extends Error {
  /** Tells the error from others, also across realms. */
  override readonly name = "InvalidSpecError";
  /** The key of the entry. */
  readonly key: unknown;
  /** What is wrong. */
  readonly issues: readonly SpecIssue[];

  /**
   * Makes the error.
   *
   * @param key The key of the entry.
   * @param issues What is wrong.
   */
  constructor(key: unknown, issues: readonly SpecIssue[]) {
    const named = issues.slice(0, maxNamedIssues).map(describeIssue);
    if (issues.length > maxNamedIssues) named.push(`and ${issues.length - maxNamedIssues} more`);
    super(`Cannot use the spec of entry ${describeKey(key)}: ${named.join("; ")}`);
    this.key = key;
    this.issues = issues;
  }
}

/** How long a schema may take. */
export interface ValidationOptions {
  /** Measures it. */
  readonly clock: Clock;
  /** The deadline, in ms. */
  readonly timeoutMs: number;
  /** Abandons the validation. */
  readonly signal?: AbortSignal;
}

/**
 * Validates a value.
 *
 * @returns The spec, as the schema returns it.
 * @throws {InvalidSpecError} If the schema finds an issue.
 * @throws {DOMException} A `TimeoutError` if the schema does not answer in time.
 * @throws {unknown} What the schema throws, or the reason of the signal.
 */
export async function validateSpec<Spec>(
  schema: SpecSchema<Spec, unknown>,
  key: unknown,
  value: unknown,
  options: ValidationOptions,
): Promise<Spec> {
  const answer = schema["~standard"].validate(value);
  const result = "then" in answer ? await inTime(answer, key, options) : answer;
  if (result.issues) throw new InvalidSpecError(key, result.issues);
  return result.value;
}

/**
 * Validates a value within this call, for a write that cannot wait.
 *
 * @throws {InvalidSpecError} If the schema finds an issue.
 * @throws {TypeError} If the schema answers with a promise.
 * @throws {unknown} What the schema throws.
 */
export function validateNow(schema: SpecSchema<unknown, unknown>, key: unknown, value: unknown): void {
  const answer = schema["~standard"].validate(value);
  if ("then" in answer) {
    answer.then(undefined, () => {}); // nothing else will ever handle its rejection
    throw new TypeError(
      `Cannot write entry ${describeKey(key)}: its schema must answer at once, current value is a promise`,
    );
  }
  if (answer.issues) throw new InvalidSpecError(key, answer.issues);
}

async function inTime<T>(answer: Promise<T>, key: unknown, options: ValidationOptions): Promise<T> {
  const { clock, timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = deadline(clock, timeoutMs, () => {
    const reason = `its schema did not answer within the deadline, current value is ${timeoutMs} ms`;
    reject(new DOMException(`Cannot use the spec of entry ${describeKey(key)}: ${reason}`, "TimeoutError"));
  });
  using _abandoning = signal && onAbort(signal, () => reject(signal.reason));
  answer.then(resolve, reject);
  try {
    return await promise;
  } finally {
    giveUp.cancel();
  }
}

function describeIssue({ path, message }: SpecIssue): string {
  const shown = oneLine(message, maxIssueLength);
  if (!path?.length) return shown;
  const parts = path.slice(0, maxPathParts).map((part) => String(typeof part === "object" ? part.key : part));
  return `${oneLine(parts.join("."), maxIssueLength)}: ${shown}`;
}
