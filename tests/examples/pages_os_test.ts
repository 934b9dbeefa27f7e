/** Every demo that serves shows the page: anyone may look, and only the owner of a token may act. */

import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { Program } from "../os/program.ts";
import { Instance } from "./bots_instance.ts";

const secret = "a-long-and-secret-token";

async function inDirectory(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "pages_" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Looks at the page and at its data, and tries to act. */
async function look(page: string, token?: string): Promise<{ title: string; sessions: unknown[]; acted: number }> {
  const document = await fetch(page);
  assertEquals([document.status, document.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  await document.body?.cancel();
  const headers: HeadersInit = token ? { authorization: `Bearer ${token}` } : {};
  const { title, sessions } = await (await fetch(`${page}api/overview`, { headers })).json();
  const { status: acted, body } = await fetch(`${page}api/resume`, { method: "POST", headers });
  await body?.cancel();
  return { title, sessions, acted };
}

Deno.test("uptime.ts shows its page at /inspect/, which cannot act without a token", () =>
  inDirectory(async (dir) => {
    const port = freePort(), ports = ["--port", String(port), "--sites-port", String(freePort())];
    await using program = new Program("examples/uptime.ts", "--dir", `${dir}/demo`, ...ports);
    await program.line(/^api: listening/);
    const page = `http://127.0.0.1:${port}/inspect/`;
    assertEquals(await look(page), { title: "uptime", sessions: [], acted: 403 });
    await program.line(/"broken": retry in/);
    const { items } = await (await fetch(`${page}api/processes?state=retrying`)).json();
    assertEquals(items.map(({ key }: { key: string }) => key), ["broken"]);
    assertStringIncludes(items[0].lastError.message, "answered 503");

    const stream = (await fetch(`${page}api/events`)).body!.getReader();
    await stream.read();
    const { code, durationMs } = await program.end("SIGINT");
    await assertRejects(async () => {
      while (!(await stream.read()).done);
    }); // it was cut
    assertEquals(code, 0, program.output);
    assertLess(durationMs, 4_000);
  }));

Deno.test("bots.ts shows its page at /inspect/, and lets the owner of INSPECT_TOKEN act", () =>
  inDirectory(async (dir) => {
    Deno.env.set("INSPECT_TOKEN", secret);
    try {
      await using instance = await Instance.start(`${dir}/data`);
      await instance.line(/"rob": parked/);
      const page = `http://127.0.0.1:${instance.port}/inspect/`;
      const { title, sessions, acted } = await look(page, secret);
      assertEquals([title, sessions.length, acted], [`bots, seen from ${instance.name}`, 1, 200]);
      const { status, body } = await fetch(`${page}api/overview`);
      await body?.cancel();
      assertEquals(status, 401);
      assertEquals((await instance.end("SIGINT")).code, 0, instance.output);
    } finally {
      Deno.env.delete("INSPECT_TOKEN");
    }
  }));

Deno.test("two_instances.ts shows a page of each instance, on which all instances are seen", async () => {
  await using program = new Program("examples/two_instances.ts");
  const [, origin] = await program.line(/the page of all instances: listening on (http:\S+)$/);
  await program.line(/( {3}[ABC]: [a-z ]+){3}$/);
  const { sessions } = await look(`${origin}/`);
  assertEquals((sessions as { info: string }[]).map(({ info }) => info).sort(), ["A", "B", "C"]);
  assertEquals((await program.end("SIGINT")).code, 0, program.output);
});
