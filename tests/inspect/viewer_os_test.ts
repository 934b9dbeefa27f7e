import { assertEquals, assertThrows } from "@std/assert";
import { nop } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { parseArguments } from "../../src/inspect/program.ts";
import { Program } from "../os/program.ts";
import { Viewer, viewerTests } from "./viewer_tests.ts";

const isPrefix = "it must be a string or a JSON array of strings, numbers and booleans";
const wrong: readonly (readonly [args: string[], message: string])[] = [
  [[], "Cannot use the option path: it must be one path or URL, current value is "],
  [["--prefix", "bots"], "Cannot use the option path: it must be one path or URL, current value is "],
  [["a", "b", "--prefix", "c"], "Cannot use the option path: it must be one path or URL, current value is a b"],
  [["kv"], `Cannot use the option --prefix: ${isPrefix}, current value is `],
  [["kv", "--prefix="], `Cannot use the option --prefix: ${isPrefix}, current value is `],
  [["kv", "--prefix", "[1"], `Cannot use the option --prefix: ${isPrefix}, current value is [1`],
  [["kv", "--prefix", "[]"], `Cannot use the option --prefix: ${isPrefix}, current value is []`],
  [["kv", "--prefix", "[null]"], `Cannot use the option --prefix: ${isPrefix}, current value is [null]`],
  [["kv", "--prefix", "a", "--cluster", "["], `Cannot use the option --cluster: ${isPrefix}, current value is [`],
  [["kv", "--prefix"], "Option '--prefix <value>' argument missing"],
  [["kv", "--prefix", "a", "--x"], "Unknown option '--x'"],
];
for (const [args, message] of wrong) {
  Deno.test(`the viewer refuses ${JSON.stringify(args)} and says why`, () => {
    assertThrows(() => parseArguments(args), TypeError, message);
  });
}

Deno.test("the viewer takes prefixes as a text and as JSON", () => {
  assertEquals(parseArguments(["kv", "--prefix", "bots"]), { path: "kv", prefix: ["bots"], cluster: ["cluster"] });
  assertEquals(parseArguments(['--prefix=["bots",1,true]', "kv", "--cluster", '{"c"']), {
    path: "kv",
    prefix: ["bots", 1, true],
    cluster: ['{"c"'],
  });
});

viewerTests("a file", async () => {
  const directory = await Deno.makeTempDir({ prefix: "viewer_" }), path = `${directory}/kv.sqlite`;
  const kv = await Deno.openKv(path);
  return {
    path,
    kv,
    async [Symbol.asyncDispose]() {
      kv.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
});

Deno.test("the viewer shows the last session age, and says that there is none once it is dead", async () => {
  const directory = await Deno.makeTempDir({ prefix: "viewer_" }), path = `${directory}/kv.sqlite`;
  {
    using kv = await Deno.openKv(path);
    const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => nop });
    await table.set("acme", "free");
  }
  {
    await using instance = new Program("tests/inspect/instance_program.ts", path);
    const [, session] = await instance.line(/^port \d+ session (\S+)/);
    await using viewer = await Viewer.open(path, "bots");
    await viewer.until("/api/overview", ({ counts }) => counts.running === 1);
    await instance.end("SIGKILL");
    const isOld = ({ sessions: [first] }: { sessions: { id: string; heartbeatAgeMs: number }[] }) =>
      first?.id === session && first.heartbeatAgeMs > 1_000;
    await viewer.until("/api/overview", isOld);
    await viewer.until(
      "/api/overview",
      ({ sessions, counts }) => sessions.length === 0 && counts.running === undefined,
    );
    await viewer.program.line(/^No cluster session: /);
    const { json: { items: [{ key, state }] } } = await viewer.ask("/api/processes");
    assertEquals([key, state], ["acme", "unknown"]);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the viewer ends with code 2 after a line on what is wrong with its arguments", async () => {
  await using confused = new Program("src/inspect/mod.ts");
  await confused.line(/^TypeError: Cannot use the option path: it must be one path or URL/);
  await confused.line(/^Usage: /);
  assertEquals((await confused.end()).code, 2);
});

Deno.test("the viewer ends with code 1 when there is no such file, and makes none", async () => {
  const directory = await Deno.makeTempDir({ prefix: "viewer_" }), path = `${directory}/kv.sqlite`;
  await using lost = new Program("src/inspect/mod.ts", path, "--prefix", "bots");
  await lost.line(/^Cannot show .*kv\.sqlite: NotFound: /);
  assertEquals([(await lost.end()).code, lost.lines.length], [1, 1]);
  await Deno.remove(directory); // which is empty
});
