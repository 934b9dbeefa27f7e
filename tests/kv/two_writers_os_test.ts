import { assert, assertEquals } from "@std/assert";
import { Program } from "../os/program.ts";
import { botTable, entriesOf, openFile } from "./fixtures.ts";

const count = 2_000;
const maxLagMs = 2_000;

/** When each key was written and heard of, epoch ms. */
interface Report {
  readonly written: Record<string, number>;
  readonly heard: Record<string, number>;
}

function writer(path: string, name: string, other: string, report: string): Program {
  return new Program("tests/kv/two_writers_program.ts", path, name, other, String(count), report);
}

Deno.test({
  name: "KvTable: two OS processes write one table without error or loss and hear of every change within 2 s",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    await using file = await openFile(1);
    const folder = await Deno.makeTempDir();
    const paths = [`${folder}/one.json`, `${folder}/two.json`];
    await using one = writer(file.path, "one", "two", paths[0]);
    await using two = writer(file.path, "two", "one", paths[1]);
    const programs = [one, two];
    for (const program of programs) await program.line(/^ready$/);
    for (const program of programs) await program.say("go");

    for (const program of programs) await program.line(/^done$/);
    const reports: Report[] = await Promise.all(paths.map(async (path) => JSON.parse(await Deno.readTextFile(path))));
    await Deno.remove(folder, { recursive: true });
    const written = Object.entries({ ...reports[0].written, ...reports[1].written });
    const lags = reports.flatMap(({ heard }) => written.map(([key, at]) => heard[key] - at));
    assertEquals(lags.length, 4 * count);
    assert(lags.every((lag) => lag < maxLagMs), `a change was heard of after ${Math.max(...lags)} ms`);

    for (const program of programs) {
      await program.say("end");
      assertEquals([(await program.end()).code, program.lines.length], [0, 2], program.output);
    }
    const entries = await entriesOf(botTable(file.kvs[0]));
    assertEquals(new Set(entries.map((entry) => entry.key)), new Set(written.map(([key]) => key)));
  },
});
