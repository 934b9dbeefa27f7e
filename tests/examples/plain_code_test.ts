/** No example makes its reader write what the types could know. */

import { assertEquals, assertGreater } from "@std/assert";
import { root } from "../os/program.ts";
import { blocksOf, choresIn, type CodeBlock } from "./code_blocks.ts";

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(root + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesIn(path);
    else yield path;
  }
}

async function blocksIn(paths: Iterable<string> | AsyncIterable<string>): Promise<CodeBlock[]> {
  const texts = await Array.fromAsync(paths, async (path) => ({ path, text: await Deno.readTextFile(root + path) }));
  return texts.flatMap(({ path, text }) => blocksOf(path, text));
}

const sources: Record<string, () => Promise<CodeBlock[]>> = {
  "README.md and mod.ts": () => blocksIn(["README.md", "mod.ts"]),
  "the doc comments of src": () => blocksIn(filesIn("src")),
  "the files of examples": async () => {
    const paths = await Array.fromAsync(filesIn("examples"));
    return await Promise.all(
      paths.map(async (path) => ({ place: path, attribute: "", code: await Deno.readTextFile(root + path) })),
    );
  },
};
for (const [name, read] of Object.entries(sources)) {
  Deno.test(`An example in ${name} has no type argument, cast, non-null assertion or signal that never aborts`, async () => {
    const blocks = await read();
    assertGreater(blocks.length, 5);
    assertEquals(blocks.flatMap(choresIn), []);
  });
}

const caught: [code: string, chore: string][] = [
  ["new KvTable<string, { everyMs: number }, Runnable>(kv, {})", "a type argument"],
  ["new Map<string, Set<number>>()", "a type argument"],
  ["await kv.get<string>(key)", "a type argument"],
  ["`${kv.get<string>(key)}`", "a type argument"],
  ["const spec = value as Spec;", "a cast"],
  ["use(await read() as Spec)", "a cast"],
  ["({}) as Spec", "a cast"],
  ['"a" as Spec', "a cast"],
  ["claim!.commit(atomic)", "a non-null assertion"],
  ["run(claim!)", "a non-null assertion"],
  ["const { commit } = claim!;", "a non-null assertion"],
  ["list[0]![1]", "a non-null assertion"],
  ["run(() => {}, { signal: new AbortController().signal })", "a signal that never aborts"],
];
for (const [code, chore] of caught) {
  Deno.test(`choresIn() catches ${code}`, () => {
    assertEquals(choresIn({ place: "x", attribute: "", code }), [`x: ${chore}`]);
  });
}

const clean = [
  'import { a as b, type C } from "x";',
  'import * as x from "x";',
  'export { type A as B } from "./a.ts";',
  "const kinds = { a: 1 } as const;",
  "if (a !== b && !c && x != y) run(!d);",
  "const all: Map<string, Set<number>> = new Map();",
  "function first<T>(list: T[]) {}",
  "class Bot<K> extends Base {}",
  "if (a < b && c > (d)) run();",
  'print("claim!.x as y", `such as ${name}!`); // as Spec, claim!.x',
  "const controller = new AbortController(); run({ signal: controller.signal });",
];
for (const code of clean) {
  Deno.test(`choresIn() lets ${code} pass`, () => {
    assertEquals(choresIn({ place: "x", attribute: "", code }), []);
  });
}

Deno.test("blocksOf() finds the blocks of Markdown and of a doc comment, with where they begin", () => {
  const markdown = "# A\n\n```ts ignore\na();\n  b();\n```\n\n```sh\nls\n```";
  assertEquals(blocksOf("a.md", markdown), [{ place: "a.md:3", attribute: "ignore", code: "a();\n  b();" }]);
  const source = "/**\n * ```ts\n * a();\n * ```\n */\n  /**\n   * ```ts\n   * b();\n   * ```\n   */";
  assertEquals(blocksOf("a.ts", source).map(({ place, code }) => [place, code]), [["a.ts:2", "a();"], [
    "a.ts:7",
    "b();",
  ]]);
});
