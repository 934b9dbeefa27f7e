import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { leaf, MapTable, nop, ProcessPausedError, type Runnable, Supervisor } from "@pact/supervisor";
import { anyone, type Authorize, basic, bearer, inspect } from "../../src/inspect/mod.ts";
import { describeError } from "../../src/error_data.ts";
import { idOf } from "../../src/inspect/key_id.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { Face, statusOf } from "./fixtures.ts";

const token = "a-long-and-secret-token";
const id = idOf("acme");
const pause = `/api/processes/${id}/pause`;

function bots(): MapTable<string, Runnable> {
  return new MapTable<string, Runnable>([["acme", nop], ["beta", nop]]);
}

const closed: readonly [name: string, authorize: Authorize, headers: Record<string, string>, status: number][] = [
  ["no token", bearer(token), {}, 401],
  ["a wrong token", bearer(token), { authorization: "Bearer a-long-and-secret-tokeN" }, 401],
  ["a shorter token", bearer(token), { authorization: "Bearer a-long" }, 401],
  ["the token under another scheme", bearer(token), { authorization: `Basic ${token}` }, 401],
  ["the token", bearer(token), { authorization: `Bearer ${token}` }, 200],
  ["the token, the scheme in small letters", bearer(token), { authorization: `bearer ${token}` }, 200],
  ["no password", basic("ops", "correct horse"), {}, 401],
  ["a wrong password", basic("ops", "correct horse"), { authorization: `Basic ${btoa("ops:wrong horse")}` }, 401],
  ["malformed base64", basic("ops", "correct horse"), { authorization: "Basic %%%" }, 401],
  ["the password", basic("ops", "correct horse"), { authorization: `Basic ${btoa("ops:correct horse")}` }, 200],
  ["false", () => false, {}, 403],
  ["an empty name", () => "", {}, 403],
  ["undefined", (() => undefined) as unknown as Authorize, {}, 403],
  ["1", (() => 1) as unknown as Authorize, {}, 403],
  ["a promise of false", () => Promise.resolve(false), {}, 403],
  ["a promise of true", () => Promise.resolve(true), {}, 200],
  ["a response", () => new Response(null, { status: 302, headers: { location: "/login" } }), {}, 302],
];
for (const [name, authorize, headers, status] of closed) {
  Deno.test(`inspect() answers ${status} to ${name}`, async () => {
    const table = bots(), face = new Face({ table, authorize });
    for (const path of ["/api/overview", "/api/processes", `/api/processes/${id}`, "/metrics", "/health"]) {
      const answer = await face.get(path, headers);
      assertEquals([path, answer.status], [path, status]);
      if (status === 401) assert(answer.headers.has("www-authenticate"));
      await answer.body?.cancel();
    }
    assertEquals(await statusOf(face.post(pause, { headers })), status);
    assertEquals([...table.pauses()].length, status === 200 ? 1 : 0);
    for (const path of ["/livez", "/readyz"]) assertEquals(await statusOf(face.get(path)), 200);
  });
}

Deno.test("inspect() takes no token in the query", async () => {
  const face = new Face({ table: bots(), authorize: bearer(token) });
  for (const query of [`token=${token}`, `access_token=${token}`, `authorization=Bearer%20${token}`]) {
    assertEquals(await statusOf(face.get(`/api/overview?${query}`)), 401);
  }
});

const thrown: readonly unknown[] = [
  new Error("password of the database: hunter2"),
  new ProcessPausedError("hunter2", { at: 0 }),
  Object.assign(new Error("hunter2"), { name: "KvTimeoutError" }),
  new TypeError("Cannot use the key hunter2"),
  "hunter2",
  null,
];
for (const [index, each] of thrown.entries()) {
  Deno.test(`inspect() answers 500 without a text when authorize throws, and prints it: ${index}`, async () => {
    const authorize = () => {
      throw each;
    };
    const printed: string[] = [], { error } = console;
    console.error = (line: string) => void printed.push(line);
    try {
      const answer = await new Face({ authorize }).get("/api/overview"), text = await answer.text();
      assertEquals([answer.status, text.includes("hunter2")], [500, false]);
      assertEquals(printed, [`inspect: authorize has failed: ${describeError(each)}`]);
    } finally {
      console.error = error;
    }
  });
}

Deno.test("bearer() and basic() begin nothing before there is a request", () => {
  const { digest } = crypto.subtle;
  let digests = 0;
  crypto.subtle.digest = (...given) => {
    digests++;
    return digest.apply(crypto.subtle, given);
  };
  try {
    bearer(token);
    basic("ops", "correct horse");
  } finally {
    crypto.subtle.digest = digest;
  }
  assertEquals(digests, 0);
});

Deno.test("anyone() lets everything be read and nothing be done", async () => {
  const table = bots(), face = new Face({ table, authorize: anyone() });
  assertEquals(await statusOf(face.get("/api/processes")), 200);
  for (const path of [pause, "/api/pause", "/api/restart?state=parked"]) {
    assertEquals(await statusOf(face.post(path)), 403);
  }
});

Deno.test("of a long name the first 200 characters are kept", async () => {
  const table = bots();
  await statusOf(new Face({ table, authorize: () => "x".repeat(1_001) }).post(pause));
  assertEquals([...table.pauses()].map(({ pause: { by } }) => by), ["x".repeat(200)]);
});

Deno.test("authorize is told what is to be done, and to which key", async () => {
  const asked: unknown[] = [];
  const face = new Face({ table: bots(), authorize: (_request, action) => asked.push(action) > 0 });
  await statusOf(face.get("/api/overview"));
  await statusOf(face.get(`/api/processes/${idOf(5n)}`));
  await statusOf(face.post(pause));
  await statusOf(face.post("/api/resume"));
  assertEquals(asked, [{ type: "read" }, { type: "read", key: 5n }, { type: "pause", key: "acme" }, {
    type: "resume",
  }]);
});

const origins: readonly [headers: Record<string, string>, status: number][] = [
  [{}, 200],
  [{ "sec-fetch-site": "same-origin" }, 200],
  [{ "sec-fetch-site": "none" }, 200],
  [{ "sec-fetch-site": "same-site" }, 403],
  [{ "sec-fetch-site": "cross-site" }, 403],
  [{ origin: "http://localhost" }, 200],
  [{ origin: "https://localhost" }, 200],
  [{ origin: "http://localhost:81" }, 403],
  [{ origin: "http://evil.example" }, 403],
  [{ origin: "http://localhost.evil.example" }, 403],
  [{ origin: "null" }, 403],
  [{ origin: "" }, 403],
  [{ origin: "http://admin.example", host: "admin.example" }, 200],
  [{ origin: "http://localhost", "sec-fetch-site": "cross-site" }, 403],
];
for (const [headers, status] of origins) {
  Deno.test(`a POST with ${JSON.stringify(headers)} is ${status}, whatever it is authorized by`, async () => {
    const table = bots(), face = new Face({ table });
    assertEquals(await statusOf(face.post(pause, { headers })), status);
    assertEquals([...table.pauses()].length, status === 200 ? 1 : 0);
  });
}

const paths: readonly [method: string, path: string, status: number][] = [
  ["GET", "/admin/api/overview", 200],
  ["GET", "/api/overview", 200],
  ["HEAD", "/api/overview", 200],
  ["POST", "/api/overview", 405],
  ["DELETE", `/api/processes/${id}`, 405],
  ["GET", pause, 405],
  ["GET", "/api/pause", 405],
  ["GET", "/api/nothing", 404],
  ["GET", "/apioverview", 404],
  ["GET", "/api/overview/x", 404],
  ["GET", "/x", 404],
  ["GET", `/api/processes/${id}/stop`, 404],
  ["POST", `/api/processes/${id}/stop`, 404],
  ["GET", "/api/processes/..%2f..%2fetc%2fpasswd", 400],
  ["GET", "/api/processes/%00", 400],
  ["GET", "/api/processes/", 400],
  ["GET", `/api/processes/${id}=`, 400],
  ["POST", "/api/restart", 400],
  ["POST", "/api/restart?state=running", 400],
  ["POST", "/api/restart?state=parked", 200],
];
for (const [method, path, status] of paths) {
  Deno.test(`${method} ${path} is ${status}`, async () => {
    const face = new Face({ table: bots() });
    const answer = await face.handle(new Request(`http://localhost${path}`, { method }));
    assertEquals(answer.status, status);
    if (status === 405) assert(answer.headers.get("allow"));
    if (status >= 400) assertEquals(answer.headers.get("content-type"), "application/problem+json");
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff");
    if (method === "HEAD") assertEquals(answer.body, null);
    await answer.body?.cancel();
  });
}

const bodies: readonly [name: string, init: RequestInit, status: number][] = [
  ["nothing", {}, 200],
  ["an empty text", { body: "" }, 200],
  ["JSON without a type", { body: new Blob(['{"reason":"x"}']) }, 200],
  ["JSON as text", { body: '{"reason":"x"}' }, 200],
  ["JSON", { body: '{"reason":"x"}', headers: { "content-type": "application/json; charset=utf-8" } }, 200],
  ["a form", { body: new URLSearchParams({ reason: "x" }) }, 415],
  ["no JSON", { body: "{reason" }, 400],
  ["a list", { body: "[]" }, 400],
  ["null", { body: "null" }, 400],
  ["no UTF-8", { body: new Uint8Array([0x7b, 0xff]) }, 400],
  ["a reason that is a number", { body: '{"reason":1}' }, 400],
  ["a reason of 1 000 characters", { body: JSON.stringify({ reason: "x".repeat(1_000) }) }, 200],
  ["a reason of 1 001 characters", { body: JSON.stringify({ reason: "x".repeat(1_001) }) }, 400],
  ["untilAt in the past", { body: '{"untilAt":1}' }, 400],
  ["untilAt as a text", { body: '{"untilAt":"now"}' }, 400],
  ["16 KiB", { body: "{}".padEnd(16 * 1024) }, 200],
  ["16 KiB and a byte", { body: "{}".padEnd(16 * 1024 + 1) }, 413],
  ["10 MB", { body: new Uint8Array(10_000_000) }, 413],
];
for (const [name, init, status] of bodies) {
  Deno.test(`a pause with ${name} in its body is ${status}`, async () => {
    const table = bots();
    assertEquals(await statusOf(new Face({ table }).post(pause, init)), status);
    assertEquals([...table.pauses()].length, status === 200 ? 1 : 0);
  });
}

Deno.test("a body without end is refused after 16 KiB, and is read no further", async () => {
  let pulled = 0, isCancelled = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new Uint8Array(++pulled && 1_024)),
    cancel: () => void (isCancelled = true),
  });
  assertEquals(await statusOf(new Face({ table: bots() }).post(pause, { body })), 413);
  assertEquals([pulled < 20, isCancelled], [true, true]);
});

Deno.test("a body that is cut off is refused, and nothing is printed", async () => {
  const { error } = console, printed: unknown[] = [];
  console.error = (...told) => void printed.push(told);
  try {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("connection reset")) });
    assertEquals(await statusOf(new Face({ table: bots() }).post(pause, { body })), 400);
    assertEquals(printed, []);
  } finally {
    console.error = error;
  }
});

Deno.test("authorize can read the body of a clone; what it has read itself is a 500 that says why on the console", async () => {
  const { error } = console, printed: unknown[] = [];
  console.error = (line: string) => void printed.push(line);
  try {
    for (const [isClone, status] of [[true, 200], [false, 500]] as const) {
      const authorize: Authorize = async (request) => await (isClone ? request.clone() : request).text() !== "";
      assertEquals(await statusOf(new Face({ table: bots(), authorize }).post(pause, { body: "{}" })), status);
    }
  } finally {
    console.error = error;
  }
  assertEquals(printed.length, 1);
  assertMatch(`${printed}`, /authorize has read it, instead of that of a clone/);
});

Deno.test("inspect() tells of no stack, path or environment", async () => {
  const failing = leaf(() => Promise.reject(new Error("broken")));
  const table = new MapTable<string, Runnable>([["acme", failing]]);
  const supervisor = new Supervisor(table);
  supervisor.subscribe(() => {});
  const face = new Face({ supervisor, table });
  await supervisor.run(async () => {
    for (const path of ["/api/overview", "/api/processes", `/api/processes/${id}`, "/api/x", "/metrics", "/health"]) {
      const text = await (await face.get(path)).text();
      for (const secret of ["file://", "/src/", ".ts:", "    at ", Deno.cwd()]) assert(!text.includes(secret), text);
    }
  });
});

const wrong: readonly [name: string, make: () => unknown][] = [
  ["no authorize", () => inspect({} as never)],
  ["authorize as a text", () => inspect({ authorize: "secret" as never })],
  ["an object that is not a table", () => inspect({ authorize: anyone(), table: [] as never })],
  ["an object that is not a supervisor", () => inspect({ authorize: anyone(), supervisor: {} as never })],
  ["an object that is not a cluster", () => inspect({ authorize: anyone(), cluster: {} as never })],
  ["a title that is not a text", () => inspect({ authorize: anyone(), title: 1 as never })],
  ["showSpec as a text", () => inspect({ authorize: anyone(), showSpec: "yes" as never })],
  ["an object that is not a signal", () => inspect({ authorize: anyone(), signal: {} as never })],
  ["an object that is not a clock", () => inspect({ authorize: anyone(), clock: {} as never })],
  ["graceMs as a text", () => inspect({ authorize: anyone(), graceMs: "1" as never })],
  ["a supervisor that tells of no events", () => {
    const { snapshot, status, summary } = Supervisor.prototype;
    return inspect({ authorize: anyone(), supervisor: { snapshot, status, summary } as never });
  }],
  ["an empty token", () => bearer("")],
  ["a token with a space", () => bearer("a long and secret token")],
  ["a token that is not a text", () => bearer(undefined as never)],
  ["a user with a colon", () => basic("a:b", "correct horse")],
  ["no user", () => basic("", "correct horse")],
  ["an empty password", () => basic("ops", "")],
  ["a password that is not a text", () => basic("ops", undefined as never)],
];
for (const [name, make] of wrong) {
  Deno.test(`inspect() refuses ${name} with a TypeError that tells no secret`, () => {
    const error = assertThrows(make, TypeError);
    assert(/^Cannot use the option \w+: it must be .*, current value is /.test(error.message), error.message);
    assert(!/a long and secret|value is secret/.test(error.message), error.message);
  });
}

for (const options of [undefined, null, "secret", 5]) {
  Deno.test(`inspect(${JSON.stringify(options)}) is refused`, () => {
    const error = assertThrows(() => inspect(options as never), TypeError);
    assert(error.message.startsWith("Cannot inspect: the options are an object, current value is "), error.message);
  });
}

Deno.test("inspect() refuses durations out of range", () => {
  for (const options of [{ graceMs: 0 }, { unreachableMs: -1 }, { graceMs: NaN }]) {
    assertThrows(() => inspect({ authorize: anyone(), ...options }), RangeError);
  }
});

for (const key of ["\ud800", "x".repeat(3_000), 2n ** 3_000n]) {
  Deno.test(`a key that Deno KV cannot hold, ${typeof key} of ${String(key).length} characters, is 400`, async () => {
    using kv = await Deno.openKv(":memory:");
    const face = new Face({ table: new KvTable(kv, { prefix: ["bots"], create: () => nop }) });
    assertEquals(await statusOf(face.get(`/api/processes/${idOf(key)}`)), 400);
    for (const action of ["pause", "resume", "restart"]) {
      assertEquals(await statusOf(face.post(`/api/processes/${idOf(key)}/${action}`)), 400);
    }
  });
}

Deno.test("inspect() answers 503 to what would have to wait once its signal has aborted", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: () => nop });
  const face = new Face({ table, signal: AbortSignal.abort() });
  assertEquals(await statusOf(face.get("/api/processes")), 503);
  assertEquals(await statusOf(face.get("/livez")), 200);
});

Deno.test("inspect() takes the place of no listener: failures are still printed", async () => {
  const table = new MapTable<string, Runnable>([["acme", leaf(() => Promise.reject(new Error("broken")))]]);
  const supervisor = new Supervisor(table, { restart: { limit: 1 } }), face = new Face({ supervisor, table });
  const printed: string[] = [], { error } = console;
  console.error = (line: string) => void printed.push(line);
  try {
    await supervisor.run(async () => assertEquals(await statusOf(face.get("/api/overview")), 200));
  } finally {
    console.error = error;
  }
  assertEquals(printed, [
    'supervisor: process "acme": failed while running: Error: broken',
    'supervisor: process "acme": parked after 1 failure: Error: broken',
  ]);
});

const evil = "</script><script>alert(1)</script>\"'&";

Deno.test("the page has no data, bears a policy that lets nothing else run, and escapes its title", async () => {
  const face = new Face({ table: bots(), title: evil, authorize: bearer(token) });
  const first = await face.get("/admin/"), html = await first.text();
  const policy = first.headers.get("content-security-policy") ?? "";
  const [, nonce] = /script-src 'nonce-([\w-]{24})'/.exec(policy) ?? [];
  assert(policy.startsWith("default-src 'none'") && !policy.includes("unsafe"), policy);
  assertEquals(
    [...html.matchAll(/<(?:script|style)([^>]*)>/g)].map(([, text]) => text),
    Array(2).fill(` nonce="${nonce}"`),
  );
  assert(!/\son\w+=|style="/.test(html) && !html.includes("acme") && !html.includes(evil));
  assert(!((await (await face.get("/admin/")).text()).includes(nonce)), "a nonce is used twice");
});

Deno.test("api/rights tells what a request may do and the table can do", async () => {
  const rights = async (authorize: Authorize, table?: MapTable<string, Runnable>) =>
    await (await new Face({ table, authorize }).get("/api/rights")).json();
  const all = ["restart", "pause", "resume"];
  assertEquals(await rights(() => true, bots()), { actions: all, table: all });
  assertEquals(await rights(anyone(), bots()), { actions: [], table: [] });
  assertEquals(await rights(() => true), { actions: [], table: [] });
  const onlyPause: Authorize = (_request, { type }) => type === "read" || type === "pause";
  assertEquals(await rights(onlyPause, bots()), { actions: ["pause"], table: ["pause"] });
});
