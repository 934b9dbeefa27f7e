/**
 * Runs in full size the test files that `deno task test` shortens: those that import `tests/size.ts`.
 *
 * Usage: `deno task test:long [arguments of deno test]`
 *
 * @module
 */

import { sizeVariable } from "../size.ts";
import { importsOf } from "./source.ts";

/** Finds every file that imports `tests/size.ts`, so that no list can forget one. */
export async function sizedFiles(folder = "tests"): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await sizedFiles(path));
    else if (name.endsWith("_test.ts") && await importsSize(path)) found.push(path);
  }
  return found.sort();
}

async function importsSize(path: string): Promise<boolean> {
  return importsOf(path, await Deno.readTextFile(path)).includes("tests/size.ts");
}

if (import.meta.main) {
  const files = await sizedFiles();
  if (files.length === 0) throw new Error("Cannot run the long tests: no test file imports tests/size.ts");
  const args = ["task", "test", ...Deno.args, ...files];
  const { code } = await new Deno.Command(Deno.execPath(), { args, env: { [sizeVariable]: "full" } }).spawn().status;
  Deno.exit(code);
}
