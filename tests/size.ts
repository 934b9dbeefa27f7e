/**
 * The size of tests that take long: short in `deno task test`, full in `deno task test:long`. Both make the same assertions.
 *
 * A test file that imports this module is one that `test:long` runs; nothing else has to be registered.
 *
 * @module
 */

/** The environment variable that `test:long` sets to "full". */
export const sizeVariable = "TEST_SIZE";

/** Picks a value by the size of this run. */
export function sized<T>({ short, full }: { readonly short: T; readonly full: T }): T {
  const size = Deno.env.get(sizeVariable);
  if (size === undefined) return short;
  if (size === "full") return full;
  throw new Error(`Cannot size the tests: ${sizeVariable} must be "full" or absent, current value is "${size}"`);
}
