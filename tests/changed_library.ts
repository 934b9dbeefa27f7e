/**
 * The library with a mistake in it: what a random test is there to find.
 *
 * @module
 */

/** One replacement in one source file. */
export interface Change {
  /** The path of the file, from the root of the repository. */
  readonly file: string;
  /** What stands there exactly once. */
  readonly from: string;
  readonly to: string;
}

const root = new URL("../", import.meta.url);

/** Imports modules of a copy of the library in which some things are changed. */
export async function importChanged(
  mistake: string,
  changes: readonly Change[],
  modules: readonly string[],
  // deno-lint-ignore no-explicit-any -- the caller knows what the modules export
): Promise<any[]> {
  const copy = await Deno.makeTempDir({ prefix: "mutant-" });
  try {
    await copyTree(new URL("src/", root), `${copy}/src`);
    await Deno.copyFile(new URL("mod.ts", root), `${copy}/mod.ts`);
    for (const { file, from, to } of changes) {
      const path = `${copy}/${file}`;
      const source = await Deno.readTextFile(path);
      if (source.split(from).length !== 2) {
        throw new Error(`Cannot make the mutant that ${mistake}: ${file} has no ${from}`);
      }
      await Deno.writeTextFile(path, source.replace(from, () => to));
    }
    return await Promise.all(modules.map((path) => import(`file://${copy}/${path}`)));
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

async function copyTree(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}
