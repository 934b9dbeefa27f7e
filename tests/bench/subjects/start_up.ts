/**
 * What importing the library adds to a program.
 *
 * @module
 */

import { collectGarbage } from "./gauge.ts";
import type { Measures, Subject } from "./subject.ts";

interface Graph {
  readonly modules: readonly { readonly specifier: string }[];
  readonly npmPackages: Readonly<Record<string, { readonly name: string; readonly localPath: string }>>;
}

const front = new URL("../../../mod.ts", import.meta.url).href;
const importMap = "tests/npm/import_map.json";

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`deno ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function readGraph(): Promise<Graph> {
  return JSON.parse(await deno("info", "--json", "--import-map", importMap, front));
}

/** Whoever uses the package gets `@std` as plain modules: here they are copied out of the package that has them on npm. */
async function mapToPlainModules(folder: string, graph: Graph): Promise<string> {
  const map: { imports: Record<string, string> } = JSON.parse(await Deno.readTextFile(importMap));
  const imports: Record<string, string> = {};
  for (const { name, localPath } of Object.values(graph.npmPackages)) {
    await Deno.mkdir(`${folder}/${name}/async`, { recursive: true });
    for await (const file of Deno.readDir(`${localPath}/async`)) {
      if (file.isFile) await Deno.copyFile(`${localPath}/async/${file.name}`, `${folder}/${name}/async/${file.name}`);
    }
    for (const [specifier, target] of Object.entries(map.imports)) {
      const path = target.split(`npm:${name}@`)[1]?.replace(/^[^/]+\//, "");
      if (path?.startsWith("async/")) imports[specifier] = `./${name}/${path}`;
    }
  }
  await Deno.writeTextFile(`${folder}/import_map.json`, JSON.stringify({ imports }));
  return `${folder}/import_map.json`;
}

async function wallMs(map: string, program: string): Promise<number> {
  const beganAt = performance.now();
  await deno("run", "--no-config", "--no-check", "--cached-only", "--import-map", map, program);
  return performance.now() - beganAt;
}

async function imports(size: number): Promise<Measures> {
  const graph = await readGraph();
  const folder = await Deno.makeTempDir({ prefix: "bench_import_" });
  const withMs: number[] = [];
  const withoutMs: number[] = [];
  try {
    const map = await mapToPlainModules(folder, graph);
    await Deno.writeTextFile(`${folder}/empty.ts`, "");
    await Deno.writeTextFile(`${folder}/import.ts`, `import ${JSON.stringify(front)};`);
    await collectGarbage();
    for (let i = 0; i < size; i++) {
      withoutMs.push(await wallMs(map, `${folder}/empty.ts`));
      withMs.push(await wallMs(map, `${folder}/import.ts`));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const middle = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1];
  const nodeImports = graph.modules.filter(({ specifier }) => specifier.startsWith("node:")).length;
  return { withMs: middle(withMs), withoutMs: middle(withoutMs), nodeImports };
}

/** Programs that do nothing. */
export const subject: Subject = { imports };
