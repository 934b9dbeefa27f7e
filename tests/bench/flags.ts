/**
 * Reads the flags of the programs in this folder.
 *
 * @module
 */

/**
 * Reads `--name` and `--name value`.
 *
 * @param args What the program was given.
 * @param switches The names that take no value.
 * @param names The names that take one.
 * @returns The values by name; a switch has an empty one.
 * @throws {TypeError} When a flag is unknown or has no value.
 */
export function parseFlags(
  args: readonly string[],
  switches: readonly string[],
  names: readonly string[],
): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, "");
    if (switches.includes(name)) {
      flags.set(name, "");
    } else if (names.includes(name) && i + 1 < args.length) {
      flags.set(name, args[++i]);
    } else {
      const known = [...switches, ...names].map((each) => `--${each}`).join(", ");
      throw new TypeError(`Cannot use the flag ${args[i]}: it is unknown or has no value; known are ${known}`);
    }
  }
  return flags;
}
