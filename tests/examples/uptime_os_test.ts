/** The demo, run as its reader runs it: an OS process, its API, what it prints, and its end. */

import {
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Program } from "../os/program.ts";

/** The demo in a directory of its own, on ports of its own. */
class Demo extends Program {
  constructor(readonly dir: string, readonly port: number, readonly sitesPort: number) {
    super("examples/uptime.ts", "--dir", `${dir}/demo`, "--port", `${port}`, "--sites-port", `${sitesPort}`);
  }

  /** Starts it and waits until it can be asked. */
  static async start(dir: string, port = freePort(), sitesPort = freePort()): Promise<Demo> {
    const demo = new Demo(dir, port, sitesPort);
    await demo.line(/^api: listening/);
    return demo;
  }

  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: Answer }> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method, body: text });
    return { status: response.status, json: await response.json() };
  }

  /** Has one of its own sites fail, or mends it. */
  async setFailing(name: string, isFailing: boolean): Promise<void> {
    const method = isFailing ? "PUT" : "DELETE";
    const response = await fetch(`http://127.0.0.1:${this.sitesPort}/fail/${name}`, { method });
    await response.body?.cancel();
  }

  /** The address of one of its own sites. */
  site(name: string): string {
    return `http://127.0.0.1:${this.sitesPort}/${name}`;
  }

  async ids(): Promise<string[]> {
    const { json } = await this.ask("GET", "/monitors");
    return (json as unknown as { id: string }[]).map(({ id }) => id);
  }
}

type Answer = Record<string, unknown>;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function inDirectory(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "uptime_" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function demoTest(name: string, test: (demo: Demo) => Promise<void>): void {
  Deno.test(`uptime.ts ${name}`, () =>
    inDirectory(async (dir) => {
      await using demo = await Demo.start(dir);
      await test(demo);
    }));
}

demoTest("begins with three monitors and tells its health", async (demo) => {
  await demo.line(/process "steady": started/);
  assertEquals(await demo.ids(), ["broken", "flaky", "steady"]);
  const { status, json } = await demo.ask("GET", "/health");
  assertEquals(status, 200);
  assertEquals(json.status, "ok");
});

demoTest("puts, gets, replaces and deletes a monitor", async (demo) => {
  const spec = { url: demo.site("web"), intervalMs: 100 };
  assertEquals(await demo.ask("PUT", "/monitors/web", spec), { status: 201, json: { id: "web", ...spec } });
  await demo.line(/process "web": started/);

  const { status, json } = await demo.ask("GET", "/monitors/web");
  assertEquals(status, 200);
  const { lastCheck, ...rest } = json;
  assertEquals(rest, { id: "web", ...spec, state: "running", failures: 0 });
  assertEquals((lastCheck as Answer).status, 200);

  const slower = { ...spec, intervalMs: 200 };
  assertEquals(await demo.ask("PUT", "/monitors/web", slower), { status: 200, json: { id: "web", ...slower } });
  await demo.line(/process "web": replaced by a new version/);
  await demo.line(/process "web": started/);

  assertEquals(await demo.ask("DELETE", "/monitors/web"), { status: 200, json: { id: "web", ...slower } });
  await demo.line(/process "web": removed from the table/);
  assertEquals((await demo.ask("GET", "/monitors/web")).status, 404);
});

demoTest("refuses what is wrong with a 4xx and names the value", async (demo) => {
  const url = "https://deno.com";
  const wrong: [status: number, method: string, path: string, body: unknown, error: string][] = [
    [400, "PUT", "/monitors/x", "", 'Cannot read the body as JSON: Unexpected end of JSON input, current value is ""'],
    [400, "PUT", "/monitors/x", "{ url", '"{ url"'],
    [400, "PUT", "/monitors/x", [], "a monitor must be an object, current value is []"],
    [400, "PUT", "/monitors/x", null, "a monitor must be an object, current value is null"],
    [400, "PUT", "/monitors/x", { url }, "intervalMs: must be a whole number from 100 to 86400000"],
    [
      400,
      "PUT",
      "/monitors/x",
      { url, intervalMs: "often" },
      'intervalMs: must be a whole number from 100 to 86400000, current value is "often"',
    ],
    [400, "PUT", "/monitors/x", { url, intervalMs: 1 }, "current value is 1"],
    [400, "PUT", "/monitors/x", { url, intervalMs: 500.5 }, "current value is 500.5"],
    [
      400,
      "PUT",
      "/monitors/x",
      { url: "ftp://deno.com", intervalMs: 500 },
      'url: must be an http or https address of at most 2000 characters, current value is "ftp://deno.com"',
    ],
    [400, "PUT", "/monitors/x", { url: "deno", intervalMs: 500 }, 'current value is "deno"'],
    [400, "PUT", "/monitors/x", { url, intervalMs: 500, every: 5 }, "every: must be absent, current value is 5"],
    [400, "PUT", "/monitors/a%20b", { url, intervalMs: 500 }, 'Cannot use the id "a%20b"'],
    [400, "GET", `/monitors/${"x".repeat(65)}`, undefined, "it must be 1 to 64 letters"],
    [404, "GET", "/monitors/nobody", undefined, 'Cannot find the monitor "nobody"'],
    [404, "DELETE", "/monitors/nobody", undefined, 'Cannot find the monitor "nobody"'],
    [404, "GET", "/monitor", undefined, 'Cannot find "/monitor": there are /health, /events, /monitors, /monitors/:id'],
    [405, "POST", "/monitors", { url }, 'Cannot POST "/monitors": the method must be GET'],
  ];
  for (const [status, method, path, body, error] of wrong) {
    const answer = await demo.ask(method, path, body);
    assertEquals(answer.status, status, `${method} ${path} ${JSON.stringify(body)}`);
    assertStringIncludes(String(answer.json.error), error);
  }
  assertEquals(await demo.ids(), ["broken", "flaky", "steady"]);
});

demoTest("tells of a failure, of the retry and of the recovery", async (demo) => {
  await demo.ask("PUT", "/monitors/web", { url: demo.site("web"), intervalMs: 100 });
  await demo.line(/process "web": started$/);
  await demo.setFailing("web", true);
  await demo.line(/process "web": failed while running: Error: .*\/web answered 503$/);
  await demo.line(/process "web": retry in 1 s after failure 1$/);
  const { json } = await demo.ask("GET", "/monitors/web");
  assertEquals(json.state, "retrying");
  assertStringIncludes(String(json.lastError), "answered 503");
  await demo.line(/process "web": failed while starting: Error: .*\/web answered 503$/);
  await demo.line(/process "web": retry in 2 s after failure 2$/);
  await demo.setFailing("web", false);
  await demo.line(/process "web": recovered$/);
});

demoTest("parks what stays broken until it is put again", async (demo) => {
  await demo.line(/process "broken": parked after 4 failures: Error: .*\/broken answered 503$/);
  assertEquals((await demo.ask("GET", "/monitors/broken")).json.state, "parked");
  await demo.ask("PUT", "/monitors/broken", { url: demo.site("mended"), intervalMs: 100 });
  await demo.line(/process "broken": unparked \(change\)$/);
  await demo.line(/process "broken": started$/);
  assertEquals((await demo.ask("GET", "/monitors/broken")).json.state, "running");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`uptime.ts ends with code 0 on ${signal} and keeps its set`, () =>
    inDirectory(async (dir) => {
      await using demo = await Demo.start(dir);
      await demo.ask("PUT", "/monitors/web", { url: demo.site("web"), intervalMs: 100 });
      await demo.line(/process "web": started$/);
      await demo.ask("DELETE", "/monitors/flaky");
      const { code, durationMs } = await demo.end(signal);
      assertEquals(code, 0, demo.output);
      assertLess(durationMs, 5_000);
      assertMatch(demo.output, /process "web": stopped/);

      await using again = await Demo.start(dir, demo.port, demo.sitesPort);
      await again.line(/process "web": started$/);
      assertEquals(await again.ids(), ["broken", "steady", "web"]);
      assertEquals((await again.end(signal)).code, 0);
    }));
}

demoTest("ends with code 0 although a client never finishes its request", async (demo) => {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: demo.port });
  const request = "PUT /monitors/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
  await connection.write(new TextEncoder().encode(request));
  await demo.ask("GET", "/health");
  const { code, durationMs } = await demo.end("SIGINT");
  assertEquals(code, 0, demo.output);
  assertLess(durationMs, 4_000);
});

demoTest("tells what happens in a stream, and ends with code 0 although it is open", async (demo) => {
  const response = await fetch(`http://127.0.0.1:${demo.port}/events`);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const text = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await text.read()).value, ": connected\n\n");
  await demo.ask("PUT", "/monitors/web", { url: demo.site("web"), intervalMs: 100 });
  let told = "";
  while (!told.includes('event: running\ndata: process "web": running')) told += (await text.read()).value ?? "";
  const { code, durationMs } = await demo.end("SIGINT");
  await assertRejects(async () => {
    while (!(await text.read()).done);
  }); // it was cut
  assertEquals(code, 0, demo.output);
  assertLess(durationMs, 4_000);
});

Deno.test("uptime.ts says so when a port is in use", () =>
  inDirectory(async (dir) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    await using demo = new Demo(dir, port, freePort());
    assertEquals((await demo.end()).code, 1);
    assertStringIncludes(demo.output, `Cannot serve api: port ${port} is in use`);
  }));

Deno.test("uptime.ts says so when it cannot use its directory", () =>
  inDirectory(async (dir) => {
    await Deno.writeTextFile(`${dir}/demo`, "a file");
    await using demo = new Demo(dir, freePort(), freePort());
    assertNotEquals((await demo.end()).code, 0);
    assertStringIncludes(demo.output, `Cannot keep the monitors in "${dir}/demo"`);
  }));

Deno.test("uptime.ts refuses a port that is none", async () => {
  await using program = new Program("examples/uptime.ts", "--port", "http");
  assertNotEquals((await program.end()).code, 0);
  assertStringIncludes(
    program.output,
    'Cannot use --port: it must be a whole number from 1 to 65535, current value is "http"',
  );
});
