/** What the registry's score of the package depends on, as far as the repository says it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { blocksOf } from "../examples/code_blocks.ts";
import { root } from "../os/program.ts";

interface Config {
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly publish: { readonly include: readonly string[] };
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
}

const config: Config = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
const { imports }: { imports: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(`${root}tests/npm/import_map.json`),
);

for (const [name, path] of Object.entries(config.exports)) {
  Deno.test(`the entry point ${name} begins with a module doc that has an example, and is published and checked`, async () => {
    const [, moduleDoc = ""] = /^(\/\*\*[\s\S]*?\*\/)/.exec(await Deno.readTextFile(root + path)) ?? [];
    assertMatch(moduleDoc, / \* @module\n/);
    assertMatch(moduleDoc, / \* @example \S/);
    const examples = blocksOf(path, moduleDoc).filter(({ attribute }) => attribute !== "ignore");
    assert(examples.length > 0, "the module doc has no example that is run");

    const plain = path.replace("./", "");
    assert(
      config.publish.include.some((each) => plain === each || plain.startsWith(`${each}/`)),
      "it is not published",
    );
    assert(config.tasks["doc:lint"].command.split(" ").includes(plain), "doc:lint does not look at it");
    assertEquals(imports[name.replace(".", "@pact/supervisor")], `../../${plain}`);
  });
}

Deno.test("the package has a version, a license and a README, and no test or picture is published", () => {
  assertMatch(config.version, /^\d+\.\d+\.\d+$/);
  assertEquals(config.license, "MIT");
  assertEquals(config.publish.include, ["LICENSE", "README.md", "deno.json", "mod.ts", "src"]);
});
