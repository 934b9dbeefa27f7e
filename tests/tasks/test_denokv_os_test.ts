import { assertEquals, assertStringIncludes } from "@std/assert";
import { root } from "../os/program.ts";
import { binary } from "./test_denokv.ts";

/** Runs the task in an empty folder, where `cargo` is this shell script, if any; says how it ended and what it printed. */
async function runTask(cargo?: string): Promise<{ code: number; lines: string[] }> {
  const directory = await Deno.makeTempDir();
  try {
    if (cargo !== undefined) await Deno.writeTextFile(`${directory}/cargo`, `#!/bin/sh\n${cargo}\n`, { mode: 0o755 });
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `${root}tests/tasks/test_denokv.ts`],
      cwd: directory,
      env: { PATH: directory, NO_COLOR: "1" },
    }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("test:denokv says in one line that it is skipped when there is neither the server nor cargo", async () => {
  assertEquals(await runTask(), {
    code: 0,
    lines: [`test:denokv is skipped: there is no ${binary}, and cargo is not there to build it`],
  });
});

Deno.test("test:denokv says in one line that it is skipped when cargo cannot build the server", async () => {
  assertEquals(await runTask("exit 101"), {
    code: 0,
    lines: [`test:denokv is skipped: there is no ${binary}, and cargo could not build it, exit code 101`],
  });
});

Deno.test("test:denokv has cargo build the server into a folder of the project", async () => {
  const { lines } = await runTask('echo "$@"; exit 1');
  assertStringIncludes(lines[0], "install denokv --locked --root .denokv");
});
