/** README's recipe for Deno Deploy, as an OS process: it type-checks, and its stop is clean and quick. */

import { assertEquals, assertLess } from "@std/assert";
import { Program, root } from "../os/program.ts";
import { blocksOf } from "./code_blocks.ts";

/** Stands for what the text above the recipe has, and for Deno Deploy: a database without a path, a free port, `Deno.cron`. */
const before = (path: string) => `
import { chain, leaf, main, startStop, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable } from "@pact/supervisor/kv";

const { openKv, serve } = Deno;
Object.defineProperties(Deno, {
  cron: { value: () => {} },
  openKv: { value: () => openKv(${JSON.stringify(path)}) },
  serve: {
    value: (handler: Deno.ServeHandler) =>
      serve({ hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log("port " + port) }, handler),
  },
});
`;
const table =
  `const table = new KvTable(kv, { prefix: ["counters"], create: (_step: number, _key: string) => leaf(() => {}) });`;

/** Writes the recipe into a directory, and calls back with the path. */
async function withRecipe(test: (path: string) => Promise<void>): Promise<void> {
  const readme = await Deno.readTextFile(`${root}README.md`);
  const recipe = blocksOf("README.md", readme).find(({ code }) => code.includes("Deno.cron"))?.code ?? "";
  const dir = await Deno.makeTempDir({ prefix: "deploy_" });
  try {
    await Deno.mkdir(`${dir}/data`);
    await Deno.writeTextFile(`${dir}/deno.json`, `{ "unstable": ["kv", "cron"] }`);
    const code = before(`${dir}/data/kv.sqlite3`) + recipe.replace(/(?=^const cluster)/m, `${table}\n`);
    await Deno.writeTextFile(`${dir}/deploy.ts`, code);
    await test(`${dir}/deploy.ts`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("README's recipe for Deno Deploy type-checks", () =>
  withRecipe(async (path) => {
    const args = ["check", "--quiet", "--import-map", `${root}tests/npm/import_map.json`, path];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" })
      .output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(code, 0);
  }));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`README's recipe for Deno Deploy ends with code 0 and at once on ${signal}, with open connections`, () =>
    withRecipe(async (path) => {
      await using program = new Program(path);
      const port = Number((await program.line(/^port (\d+)$/))[1]);
      using _idle = await Deno.connect({ hostname: "127.0.0.1", port });
      using kept = await Deno.connect({ hostname: "127.0.0.1", port });
      await kept.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"));
      let owned = 0;
      while (owned < 256) owned = (await (await fetch(`http://127.0.0.1:${port}`)).json()).slots.owned.length;
      const { code, durationMs } = await program.end(signal);
      assertEquals(program.output, `port ${port}`);
      assertEquals(code, 0);
      assertLess(durationMs, 2_000);
    }));
}
