/** README's recipe for Deno Deploy, as an OS process: it type-checks, and its stop is clean and quick. */

import { assertEquals, assertLess } from "@std/assert";
import { Program, root } from "../os/program.ts";
import { blocksOf } from "./code_blocks.ts";

const token = "a-long-and-secret-token";

/** Stands for what the text above the recipe has, and for Deno Deploy: a database without a path, a free port, `Deno.cron`. */
const before = (path: string) => `
import { chain, leaf, main, startStop, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { bearer, inspect } from "@pact/supervisor/inspect";

Deno.env.set("INSPECT_TOKEN", "${token}");
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
const create = "const create = (_step: number, _key: string) => leaf(() => {});";

const innermost: Changes = [["chain(http, cluster, supervisor)", "chain(cluster, supervisor, http)"]];

type Changes = readonly (readonly [from: string, to: string])[];

/** Writes the recipe, changed like this, into a directory, and calls back with the path. */
async function withRecipe(test: (path: string, dir: string) => Promise<void>, changes: Changes = []): Promise<void> {
  const readme = await Deno.readTextFile(`${root}README.md`);
  const recipe = blocksOf("README.md", readme).find(({ code }) => code.includes("Deno.cron"))?.code ?? "";
  for (const [from] of changes) assertEquals(recipe.split(from).length, 2, `README has no ${from}`);
  const changed = changes.reduce((code, [from, to]) => code.replace(from, to), recipe);
  const dir = await Deno.makeTempDir({ prefix: "deploy_" });
  try {
    await Deno.mkdir(`${dir}/data`);
    await Deno.writeTextFile(`${dir}/deno.json`, `{ "unstable": ["kv", "cron"] }`);
    const code = before(`${dir}/data/kv.sqlite3`) + changed.replace(/(?=^const cluster)/m, `${create}\n`);
    await Deno.writeTextFile(`${dir}/deploy.ts`, code);
    await test(`${dir}/deploy.ts`, dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Asks the page that the recipe serves. */
function ask(port: number, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } });
}

/** Waits until the instance owns all slots. */
async function owning(port: number): Promise<void> {
  for (let slots = 0; slots < 256;) {
    const { sessions: [session] } = await (await ask(port, "/api/overview")).json();
    slots = session?.slots ?? 0;
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
      await owning(port);
      const { code, durationMs } = await program.end(signal);
      assertEquals(program.output, `port ${port}`);
      assertEquals(code, 0);
      assertLess(durationMs, 2_000);
    }));
}

for (const [where, changes] of [["outermost", []], ["innermost", innermost]] as const) {
  Deno.test(`README's recipe for Deno Deploy ends with code 0 and gives its session back, with an open event stream of a page whose server is ${where}`, () =>
    withRecipe(async (path, dir) => {
      await using program = new Program(path);
      const port = Number((await program.line(/^port (\d+)$/))[1]);
      const stream = (await ask(port, "/api/events")).body!.getReader();
      await stream.read();
      await owning(port);
      const ended = program.end("SIGTERM");
      while (!(await stream.read()).done);
      const { code, durationMs } = await ended;
      assertEquals([code, program.output], [0, `port ${port}`]);
      assertLess(durationMs, 2_000);
      using kv = await Deno.openKv(`${dir}/data/kv.sqlite3`);
      const sessions = await Array.fromAsync(kv.list({ prefix: ["@pact/supervisor", '["cluster"]', "session"] }));
      assertEquals(sessions.map(({ key }) => key.at(-1)), ["!bell"]);
    }, changes));
}
