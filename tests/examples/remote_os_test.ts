/** The example on a remote database, run as its reader runs it. */

import { assertEquals, assertMatch } from "@std/assert";
import { KvTable } from "../../src/kv/mod.ts";
import { leaf } from "../../src/process/leaf.ts";
import { KvConnectServer } from "../kv_connect/server.ts";
import { Program } from "../os/program.ts";

Deno.test("remote.ts says in one line that nothing listens, waits for the server, and ends cleanly", async () => {
  await using server = KvConnectServer.start();
  {
    using kv = await server.open(); // and leaves its token in the environment
    const table = new KvTable(kv, {
      prefix: ["greeters"],
      create: (_everyMs: number, _name: string) => leaf(() => {}),
    });
    await table.set("ann", 100);
  }
  await server.stop();
  await using program = new Program("examples/remote.ts", server.url);
  await program.line(/^Could not open Deno KV database: .*Connection refused.*; next try in 1 s$/);
  await server.restart();
  await program.line(/^session [-\w]+, this instance, has joined$/);
  await program.line(/^ann says hello$/);
  assertEquals((await program.end("SIGINT")).code, 0);
});

Deno.test("remote.ts says that a server is mute, and goes on when it answers", async () => {
  await using server = KvConnectServer.start();
  using _kv = await server.open();
  server.onRequest = (kind) => kind === "metadata" ? "hang" : "pass";
  await using program = new Program("examples/remote.ts", server.url);
  await program.line(/^http:.* takes connections and does not answer$/);
  server.onRequest = () => "pass";
  await server.restart();
  await program.line(/^session [-\w]+, this instance, has joined$/);
  assertEquals((await program.end("SIGINT")).code, 0);
});

Deno.test("remote.ts ends at once with a wrong token", async () => {
  await using server = KvConnectServer.start();
  using _kv = await server.open();
  Deno.env.set("DENO_KV_ACCESS_TOKEN", "wrong");
  await using program = new Program("examples/remote.ts", server.url);
  assertEquals((await program.end()).code, 1);
  assertMatch(program.output, /status 401/);
  assertEquals(/next try/.test(program.output), false);
});
