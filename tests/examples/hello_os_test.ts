/** The shortest example, run as its reader runs it. */

import { assertEquals, assertLess } from "@std/assert";
import { Program } from "../os/program.ts";

Deno.test("hello.ts greets, retries, parks and ends by itself with code 0", async () => {
  await using program = new Program("examples/hello.ts");
  await program.line(/^bob says hello$/);
  await program.line(/^process "bob": failed while running: Error: tired$/);
  await program.line(/^process "bob": retry in \d+ ms after failure 1$/);
  await program.line(/^process "bob": parked after 2 failures: Error: tired$/);
  await program.line(/^process "ann": stopped, had been up for [\d.]+ s$/);
  assertEquals((await program.end()).code, 0);
});

Deno.test("hello.ts ends with code 0 on SIGINT", async () => {
  await using program = new Program("examples/hello.ts");
  await program.line(/^ann says hello$/);
  const { code, durationMs } = await program.end("SIGINT");
  assertEquals(code, 0);
  assertLess(durationMs, 2_000);
});
