import { assertEquals } from "@std/assert";
import { Program } from "../os/program.ts";
import { openFile } from "./fixtures.ts";

const count = 100;

Deno.test({
  name: `KvTable.update() loses nothing when four OS processes change one entry ${count} times each at the same time`,
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    await using file = await openFile(1);
    await using programs = new AsyncDisposableStack();
    const writers = Array.from(
      { length: 4 },
      () => programs.use(new Program("tests/kv/updates_program.ts", file.path, String(count))),
    );
    for (const writer of writers) await writer.line(/^ready$/);
    for (const writer of writers) await writer.say("go");
    for (const writer of writers) await writer.line(/^done$/);
    for (const writer of writers) assertEquals((await writer.end()).code, 0, writer.output);
    assertEquals((await file.kvs[0].get(["bots", "a"])).value, 4 * count);
  },
});
