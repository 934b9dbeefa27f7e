/**
 * Checks that the package could be published, without a warning, on a copy that takes `@std/*` from npm: `deno publish` minds
 * no import map, and a machine may reach npm only.
 *
 * @module
 */

interface Config {
  readonly publish: { readonly include: readonly string[] };
  readonly imports: Readonly<Record<string, string>>;
}

const config: Config = JSON.parse(await Deno.readTextFile("deno.json"));
const map: Pick<Config, "imports"> = JSON.parse(await Deno.readTextFile("tests/npm/import_map.json"));

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

async function dryRun(folder: string): Promise<number> {
  for (const path of config.publish.include) await copy(path, `${folder}/${path}`);
  const fromNpm = Object.entries(map.imports).filter(([, target]) => target.startsWith("npm:"));
  const copied = { ...config, imports: Object.fromEntries(fromNpm), tasks: {} };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(copied, null, 2));
  const args = ["publish", "--dry-run", "--allow-dirty"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
  })
    .output();
  const [printed, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  console.log(`${printed}${told}`);
  if (code !== 0 || !/^warning\b/im.test(told)) return code;
  console.error("Cannot publish: deno publish warns");
  return 1;
}

const folder = await Deno.makeTempDir({ prefix: "publish_dry_run_" });
let code = 1;
try {
  code = await dryRun(folder);
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(code);
