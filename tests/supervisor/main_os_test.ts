/** What `main` makes of signals and errors, seen from outside: exit codes, what is printed, and how long it takes. */

import { assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { Program } from "../os/program.ts";

const path = "tests/supervisor/main_program.ts";

/** What Deno Deploy grants between the signal and the kill. */
const budgetMs = 5_000;

/** Longer than what `main` takes for the echo of a signal that it has seen. */
const apartMs = 300;

async function stop(name: string, signal: Deno.Signal, ...args: string[]) {
  return await stopAt(/^up$/, name, signal, ...args);
}

async function stopAt(line: RegExp, name: string, signal: Deno.Signal, ...args: string[]) {
  await using program = new Program(path, name, ...args);
  await program.line(line);
  return { ...await program.end(signal), output: program.output };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`main() stops what runs and ends with code 0 on ${signal}`, async () => {
    const { code, durationMs, output } = await stop("is clean", signal);
    assertEquals(output, "up\ndown\nmain has returned");
    assertEquals(code, 0);
    assertLess(durationMs, 1_000);
  });
}

Deno.test("main() stops on SIGINT where SIGTERM cannot be listened to", async () => {
  const { code, output } = await stop("is clean, no SIGTERM", "SIGINT");
  assertEquals(output, "up\ndown\nmain has returned");
  assertEquals(code, 0);
});

Deno.test("main() takes a signal that comes twice at once, as it does under npx, for one", async () => {
  await using program = new Program(path, "is slow to stop");
  await program.line(/^up$/);
  program.signal("SIGTERM");
  const { code } = await program.end("SIGINT");
  assertEquals(program.output, "up\nstopping\ndown\nmain has returned");
  assertEquals(code, 0);
});

const failures: [name: string, printed: string][] = [
  ["fails to start", "no database"],
  ["never comes up", "ended without calling the callback"],
  ["fails while running", "out of memory"],
];
for (const [name, printed] of failures) {
  Deno.test(`main() prints the error and ends with code 1 when the runnable ${name}`, async () => {
    await using program = new Program(path, name);
    const { code } = await program.end();
    assertStringIncludes(program.output, printed);
    assertEquals(code, 1);
  });
}

Deno.test("main() prints the error and ends with code 1 when the runnable fails to stop", async () => {
  const { code, output } = await stop("fails to stop", "SIGINT");
  assertStringIncludes(output, "disk full");
  assertEquals(code, 1);
});

Deno.test("main() ends with code 0 when the runnable ends by itself", async () => {
  await using program = new Program(path, "ends by itself");
  assertEquals((await program.end()).code, 0);
  assertEquals(program.output, "main has returned");
});

for (const name of ["stops when forced", "fails with the reason of the force"]) {
  Deno.test(`main() forces the end on a second signal, with a runnable that ${name}`, async () => {
    await using program = new Program(path, name);
    await program.line(/^up$/);
    program.signal("SIGINT");
    await program.line(/^stopping$/);
    await delay(apartMs);
    const { code, durationMs } = await program.end("SIGINT");
    assertStringIncludes(program.output, "stopped by force");
    assertEquals(code, 1);
    assertLess(durationMs, 1_000);
  });
}

Deno.test("main() forces the end when the stop takes longer than stopTimeoutMs", async () => {
  const { code, output } = await stop("stops when forced", "SIGTERM", "300");
  assertStringIncludes(output, "stopping\nforced");
  assertEquals(code, 1);
});

Deno.test("main() exits at once on a third signal", async () => {
  await using program = new Program(path, "ignores everything", "100000");
  await program.line(/^up$/);
  program.signal("SIGINT");
  await program.line(/^stopping$/);
  await delay(apartMs);
  program.signal("SIGINT");
  await program.line(/^forced$/);
  await delay(apartMs);
  const { code, durationMs } = await program.end("SIGINT");
  assertStringIncludes(program.output, "asked a third time");
  assertEquals(code, 1);
  assertLess(durationMs, 1_000);
});

Deno.test("main() exits with code 1 and in less than 5 s by default, whatever ignores the stop", async () => {
  const ends = await Promise.all([
    stop("ignores everything", "SIGINT"),
    stop("ignores everything", "SIGTERM"),
    stop("has a deaf process", "SIGINT"),
  ]);
  for (const { code, durationMs, output } of ends) {
    assertStringIncludes(output, "The program exits although not everything has ended");
    assertEquals(code, 1);
    assertGreater(durationMs, 4_000);
    assertLess(durationMs, budgetMs);
  }
});

Deno.test("main() sees to the exit also when a stuck process goes on after its run", async () => {
  const { code, output } = await stop("leaves a stuck process", "SIGINT", "1000");
  assertStringIncludes(output, 'process "deaf": stuck');
  assertStringIncludes(output, "main has returned");
  assertStringIncludes(output, "it goes on after it was stopped");
  assertEquals(code, 1);
});

const startUps: [name: string, maxMs: number][] = [
  ["opens", 1_000],
  ["joins", 1_800],
  ["restores", 1_000],
  ["restores from a table that hangs", 1_000],
  ["joins and restores", 1_800],
];
for (const [name, maxMs] of startUps) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`main() aborts the start-up and ends with code 0 on ${signal} while the runnable ${name}`, async () => {
      const { code, durationMs, output } = await stopAt(/^starting$/, name, signal);
      assertEquals(output.split("\n").filter((line) => !line.startsWith("cluster: ")), [
        "starting",
        "down",
        "main has returned",
      ]);
      assertEquals(code, 0);
      assertLess(durationMs, maxMs);
    });
  }
}

Deno.test("main() ends with code 0 within the budget when the start-up ignores its abort", async () => {
  const name = "opens a database that hangs";
  const { code, durationMs, output } = await stopAt(/^starting$/, name, "SIGTERM", "500");
  assertStringIncludes(output, "it did not end after it was aborted");
  assertEquals(code, 0);
  assertLess(durationMs, 1_500);
});

Deno.test("main() exits at once on a second signal while the runnable starts", async () => {
  await using program = new Program(path, "opens a database that hangs", "100000");
  await program.line(/^starting$/);
  program.signal("SIGINT");
  await delay(apartMs);
  const { code, durationMs } = await program.end("SIGINT");
  assertStringIncludes(program.output, "asked a second time");
  assertEquals(code, 0);
  assertLess(durationMs, 1_000);
});

Deno.test("main() prints the error and ends with code 1 when a start-up that was aborted cannot clean up", async () => {
  const { code, output } = await stopAt(/^starting$/, "cannot clean up its start", "SIGINT");
  assertStringIncludes(output, "disk full");
  assertEquals(code, 1);
});

Deno.test("main() exits with code 1 when a process is stuck that was aborted while starting", async () => {
  const { code, durationMs, output } = await stopAt(/^starting$/, "has a deaf process while it restores", "SIGINT");
  assertStringIncludes(output, 'process "a": stuck');
  assertEquals(code, 1);
  assertLess(durationMs, budgetMs);
});

Deno.test("main() ends with code 0 after a clean stop although a server goes on", async () => {
  const { code, durationMs, output } = await stop("leaves a server", "SIGTERM", "500");
  assertStringIncludes(output, "main has returned");
  assertStringIncludes(output, "something outside the runnable, such as a server or a timer, goes on");
  assertEquals(code, 0);
  assertLess(durationMs, 1_500);
});

Deno.test("main() keeps code 1 for a stop that failed although a server goes on", async () => {
  const { code, output } = await stop("leaves a server and fails to stop", "SIGINT", "500");
  assertStringIncludes(output, "disk full");
  assertEquals(code, 1);
});

Deno.test("main() lets what is left finish after a clean stop", async () => {
  const { code, output } = await stop("leaves work for a moment", "SIGINT");
  assertEquals(output, "up\ndown\nmain has returned\ndone");
  assertEquals(code, 0);
});

Deno.test("main() says in one line which signal it cannot listen to", async () => {
  const { output } = await stop("may not listen to SIGTERM", "SIGINT");
  assertEquals(output.split("\n")[0], "The program cannot listen to SIGTERM: NotCapable: no SIGTERM");
});

Deno.test("main() says in one line that it cannot listen to signals", async () => {
  await using program = new Program(path, "may not listen to signals");
  assertEquals((await program.end()).code, 0);
  const told = String.raw`The program cannot listen to SIGINT and SIGTERM: NotCapable: line 1\nline 2`;
  assertEquals(program.output, `${told}\nmain has returned`);
});
