import { assert, assertEquals } from "@std/assert";
import { botTable, entriesOf, openFile } from "./fixtures.ts";

const count = 2_000;
const maxLagMs = 2_000;

/** One of the two OS processes: what it says, line by line, and when. */
function start(path: string, name: string, other: string) {
  const program = new URL("two_writers_program.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", "--config", config, program, path, name, other, String(count)],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = { ready: deferred(), written: deferred(), seen: deferred() };
  const reading = (async () => {
    const text = process.stdout.pipeThrough(new TextDecoderStream());
    for await (const chunk of text) {
      for (const line of chunk.trim().split("\n")) said[line as keyof typeof said].resolve(performance.now());
    }
    for (const line of Object.values(said)) line.reject(new Error(`process ${name} ended early`));
  })();
  const errors = new Response(process.stderr).text();
  return { name, process, said, reading, errors, input: process.stdin.getWriter() };
}

function deferred(): PromiseWithResolvers<number> {
  const promise = Promise.withResolvers<number>();
  promise.promise.catch(() => {});
  return promise;
}

Deno.test({
  name: "KvTable: two OS processes write one table without error or loss and hear of each other within 2 s",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    await using file = await openFile(1);
    const writers = [["one", "two"], ["two", "one"]].map(([name, other]) => start(file.path, name, other));
    try {
      await Promise.all(writers.map(({ said }) => said.ready.promise));
      await Promise.all(writers.map(({ input }) => input.write(new TextEncoder().encode("go\n"))));
      const written = await Promise.all(writers.map(({ said }) => said.written.promise));
      const seen = await Promise.all(writers.map(({ said }) => said.seen.promise));
      const lagMs = Math.max(...seen) - Math.max(...written);
      assert(lagMs < maxLagMs, `the last change was heard of after ${lagMs} ms`);
    } finally {
      await Promise.all(writers.map(({ input }) => input.close().catch(() => {})));
      for (const { name, process, reading, errors } of writers) {
        const { code } = await process.status;
        await reading;
        assertEquals([name, code, await errors], [name, 0, ""]);
      }
    }
    const entries = await entriesOf(botTable(file.kvs[0]));
    const expected = writers.flatMap(({ name }) => Array.from({ length: count }, (_, i) => `${name} ${i}`));
    assertEquals(new Set(entries.map((entry) => entry.key)), new Set(expected));
  },
});
