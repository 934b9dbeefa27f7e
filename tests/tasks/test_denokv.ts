/**
 * Runs the tests in `tests/denokv` against the real self-hosted server of Deno KV. Their names end in `_denokv.ts`, so that no
 * other task takes them for tests. The server is built where it is missing, if `cargo` is there; otherwise they are skipped.
 *
 * Usage: `[TEST_SIZE=full] deno task test:denokv [arguments of deno test]`
 *
 * @module
 */

/** Where the server is, and where cargo puts it. */
export const binary = ".denokv/bin/denokv";

const folder = "tests/denokv";

/** Builds the server if it is missing. Says why there is none, if there is none. */
async function provide(): Promise<string | undefined> {
  if (await exists(binary)) return undefined;
  const code = await build();
  if (code === undefined) return "cargo is not there to build it";
  return code === 0 ? undefined : `cargo could not build it, exit code ${code}`;
}

/** Returns the exit code of cargo; `undefined` if there is no cargo. */
async function build(): Promise<number | undefined> {
  const cargo = new Deno.Command("cargo", { args: ["install", "denokv", "--locked", "--root", ".denokv"] });
  try {
    return (await cargo.spawn().status).code;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** Finds the tests. */
async function denokvFiles(): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.filter((name) => name.endsWith("_denokv.ts")).map((name) => `${folder}/${name}`).sort();
}

if (import.meta.main) {
  const reason = await provide();
  if (reason !== undefined) {
    console.log(`test:denokv is skipped: there is no ${binary}, and ${reason}`);
    Deno.exit();
  }
  const files = await denokvFiles();
  if (files.length === 0) throw new Error(`Cannot test with denokv: no file in ${folder} ends in _denokv.ts`);
  const args = ["task", "test", ...Deno.args, ...files];
  const { code } = await new Deno.Command(Deno.execPath(), { args }).spawn().status;
  Deno.exit(code);
}
