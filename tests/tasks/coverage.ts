/**
 * Runs test:core and shows which share of the lines of src it reaches.
 *
 * @module
 */

import { percentOf, readLcov } from "./lcov.ts";

const leastPercent = 95;
const src = new URL("../../src/", import.meta.url);

async function deno(args: string[], stdout: "inherit" | "piped"): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), { args, stdout, stderr: "inherit" }).spawn().output();
  if (!output.success) throw new Error(`deno ${args.join(" ")} failed`);
  return stdout === "piped" ? new TextDecoder().decode(output.stdout) : "";
}

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* modulesIn(`${folder}${name}/`);
    // A file of types only is never loaded.
    else if (/^(export )?(async )?(function|class|const)\b/m.test(await Deno.readTextFile(folder + name))) {
      yield folder + name;
    }
  }
}

async function measure(folder: string): Promise<string> {
  await deno(["task", "test:core", `--coverage=${folder}`, "--coverage-raw-data-only", ...Deno.args], "inherit");
  return await deno(["coverage", "--lcov", folder], "piped");
}

const folder = await Deno.makeTempDir({ prefix: "coverage_" });
const report = await measure(folder).finally(() => Deno.remove(folder, { recursive: true }));
const files = readLcov(report).filter((file) => file.path.startsWith(src.pathname));

const reached = new Set(files.map((file) => file.path));
const unreached = await Array.fromAsync(modulesIn(src.pathname)).then((all) =>
  all.filter((path) => !reached.has(path))
);

for (const { path, missed, ...file } of files) {
  const percent = percentOf([{ path, missed, ...file }]).toFixed(1).padStart(5);
  console.log(`${percent} %  ${path.slice(src.pathname.length)}${missed.length ? `  not: ${missed.join(", ")}` : ""}`);
}
const total = percentOf(files);
console.log(`coverage: ${total.toFixed(2)} % of the lines of src, at least ${leastPercent} % are wanted`);
unreached.forEach((path) => console.error(`coverage: no test loads ${path}`));
if (total < leastPercent || unreached.length > 0) Deno.exit(1);
