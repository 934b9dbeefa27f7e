/**
 * Schemas for specs, by the Standard Schema interface, version 1 (https://standardschema.dev), which zod, valibot, arktype
 * and others implement.
 *
 * @module
 */

import { describeKey } from "../errors.ts";

/** One thing that a schema finds wrong. */
export interface SpecIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema: the part of Standard Schema that validates. */
export interface SpecSchema<Spec> {
  /** The properties of Standard Schema. */
  readonly "~standard": {
    /** The version of the interface. */
    readonly version: 1;
    /** The library that the schema comes from. */
    readonly vendor: string;
    /** Turns any value into a spec, or says what is wrong with it. */
    readonly validate: (value: unknown) => SpecResult<Spec> | Promise<SpecResult<Spec>>;
  };
}

/** The answer of a schema: a spec, or what is wrong. */
export type SpecResult<Spec> =
  | { readonly value: Spec; readonly issues?: undefined }
  | { readonly issues: readonly SpecIssue[] };

/** How many issues a message names; the error lists them all. */
const maxNamedIssues = 3;

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
 * const table = new KvTable<string, number, typeof nop>(kv, { prefix: ["bots"], create: () => nop, schema });
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

/**
 * Validates a value.
 *
 * @returns The spec, as the schema returns it.
 * @throws {InvalidSpecError} If the schema finds an issue.
 */
export async function validateSpec<Spec>(
  schema: SpecSchema<Spec>,
  key: unknown,
  value: unknown,
): Promise<Spec> {
  const result = await schema["~standard"].validate(value);
  if (result.issues) throw new InvalidSpecError(key, result.issues);
  return result.value;
}

function describeIssue({ path, message }: SpecIssue): string {
  if (!path?.length) return message;
  return `${path.map((part) => String(typeof part === "object" ? part.key : part)).join(".")}: ${message}`;
}
