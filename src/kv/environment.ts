/**
 * What the environment says where it may be read.
 *
 * @module
 */

/** Returns a variable of the environment; `undefined` if it is not set, or cannot be read without a prompt. */
export function readEnvironment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}
