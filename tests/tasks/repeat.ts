/**
 * Runs test:core again and again, each time in another order, up to the first failure.
 *
 * Usage: `deno task repeat [times] [arguments of deno test]`
 *
 * @module
 */

const [times = "20", ...more] = Deno.args;

for (let seed = 1; seed <= Number(times); seed++) {
  const args = ["task", "test:core", `--shuffle=${seed}`, ...more];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder();
  if (!success) {
    console.error(text.decode(stdout), text.decode(stderr));
    console.error(`repeat: run ${seed} of ${times} failed; run it alone with: deno ${args.join(" ")}`);
    Deno.exit(1);
  }
  const totals = text.decode(stdout).trimEnd().split("\n").at(-1);
  console.log(`run ${seed} of ${times}: ${totals}`);
}
