/**
 * What becomes of a number that sum, min or max meets: a rule.
 *
 * @module
 */

/** The mutations that compute. */
export type NumberMutation = "sum" | "min" | "max";

/**
 * Computes the new value of a number.
 *
 * @param type What to do.
 * @param operand The value given.
 * @param current The value that is there; null when there is none.
 * @returns The new value. A sum of `Deno.KvU64` wraps around.
 * @throws {TypeError} When the two do not go together; the texts are those of Deno KV.
 *
 * @example A sum wraps around
 * ```ts
 * import { compute } from "./number.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const sum = compute("sum", new Deno.KvU64(2n), { value: new Deno.KvU64(2n ** 64n - 1n) });
 * assertEquals(sum, new Deno.KvU64(1n));
 * ```
 */
export function compute(type: NumberMutation, operand: unknown, current: { readonly value: unknown } | null): unknown {
  if (operand instanceof Deno.KvU64) return computeU64(type, operand, current);
  if (type !== "sum") throw new TypeError(`Failed to perform '${type}' mutation on a non-U64 operand`);
  if (!isNumeric(operand)) throw new TypeError("Some of the parameters are not valid V8 values");
  return current === null ? operand : add(current.value, operand);
}

function computeU64(type: NumberMutation, operand: Deno.KvU64, current: { readonly value: unknown } | null): unknown {
  if (current === null) return operand;
  const { value } = current;
  if (!(value instanceof Deno.KvU64)) {
    throw new TypeError(`Failed to perform '${type}' mutation on a non-U64 value in the database`);
  }
  if (type === "sum") return new Deno.KvU64(BigInt.asUintN(64, value.value + operand.value));
  return type === "min" === operand.value < value.value ? operand : value;
}

function add(value: unknown, operand: number | bigint): unknown {
  if (typeof value === "number" && typeof operand === "number") return value + operand;
  if (typeof value === "bigint" && typeof operand === "bigint") return value + operand;
  const isU64 = value instanceof Deno.KvU64;
  if (isU64 && typeof operand === "bigint" && BigInt.asUintN(64, operand) === operand) {
    return new Deno.KvU64(BigInt.asUintN(64, value.value + operand));
  }
  if (!isU64 && !isNumeric(value)) throw new TypeError("unsupported value type");
  throw new TypeError(`Cannot sum ${kindOf(value)} with ${kindOf(operand)}`);
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function kindOf(value: unknown): string {
  if (value instanceof Deno.KvU64) return "KvU64";
  return typeof value === "bigint" ? "BigInt" : "Number";
}
