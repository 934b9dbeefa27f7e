/** The demo of a cluster, run as its reader runs it. */

import { assertEquals, assertGreater, assertLess, assertMatch, assertRejects } from "@std/assert";
import { Program } from "../os/program.ts";

const starting = /three instances start on (\S+)$/;
/** A picture in which all bots run in two of the three instances, or in more. */
const manyRun = /( {3}[ABC]: [a-z ]+){2,}$/;

/** Checks that neither an instance nor the database is left. */
async function assertNothingIsLeft(path: string): Promise<void> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "args"] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  assertEquals(lines.filter((line) => line.includes(path)), []);
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
}

Deno.test("two_instances.ts shows how the bots move and ends by itself with code 0", async () => {
  const startedAt = performance.now();
  await using program = new Program("examples/two_instances.ts");
  const [, path] = await program.line(starting);
  await program.line(/B is killed: SIGKILL$/);
  await program.line(/ {3}A: [a-z ]+ {3}C: [a-z ]+$/);
  await program.line(/C is paused, .*: SIGSTOP$/);
  await program.line(/C is woken, .*: SIGCONT$/);
  const [, moves] = await program.line(/(\d+) moves, silent for \d+ ms at most, \d+ late writes of C refused$/);
  assertEquals((await program.end()).code, 0);
  assertGreater(Number(moves), 0);
  // What C finds first when it is woken is chance: that a write of it is refused, or that its last heartbeat is too old.
  assertMatch(program.output, / C: .*(was refused|is fenced)/);
  assertLess(performance.now() - startedAt, 90_000);
  await assertNothingIsLeft(path);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`two_instances.ts ends with code 0 on ${signal} and leaves no OS process behind`, async () => {
    await using program = new Program("examples/two_instances.ts");
    const [, path] = await program.line(starting);
    await program.line(manyRun);
    const { code, durationMs } = await program.end(signal);
    assertEquals(code, 0, program.output);
    assertLess(durationMs, 5_000);
    await assertNothingIsLeft(path);
  });
}
