import { assertEquals } from "@std/assert";
import { type Entry, leaf, MapTable, nop, type Runnable, Supervisor, UnrecoverableError } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { FakeTime } from "@std/testing/time";
import { advance } from "../../src/testing/mod.ts";
import { idOf } from "../../src/inspect/key_id.ts";
import { KvTable, KvTimeoutError } from "../../src/kv/mod.ts";
import { Face, givesUp, statusOf } from "./fixtures.ts";

const id = idOf("acme");

async function outcomeOf(answer: Promise<Response>): Promise<[number, unknown]> {
  const { status, ...rest } = await answer.then(async (each) => ({ status: each.status, body: await each.json() }));
  return [status, rest.body.isChanged ?? rest.body.detail];
}

Deno.test("POST pause and resume stop and start a process, name who did it, and change something once", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop]]), supervisor = new Supervisor(table);
  const face = new Face({ supervisor, table, authorize: () => "ada" });
  await supervisor.run(async () => {
    const body = JSON.stringify({ reason: "invoice 7" });
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/pause`, { body })), [200, true]);
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/pause`, { body })), [200, false]);
    await supervisor.reconcile();
    const { state, pause } = supervisor.status("acme")!;
    assertEquals([state, pause?.by, pause?.reason], ["paused", "ada", "invoice 7"]);
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/start`)), [
      409,
      'Cannot start process "acme": it is paused by ada: invoice 7',
    ]);
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/resume`)), [200, true]);
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/resume`)), [200, false]);
    await supervisor.reconcile();
    assertEquals(supervisor.keys(), ["acme"]);
  });
});

for (const action of ["pause", "resume", "restart"]) {
  Deno.test(`POST ${action} of a key that is in no table is 404`, async () => {
    using kv = await Deno.openKv(":memory:");
    const stored = new KvTable(kv, { prefix: ["bots"], create: (_spec: null, _key: string) => nop });
    for (const table of [stored, new MapTable<string, Runnable>()]) {
      assertEquals(await statusOf(new Face({ table }).post(`/api/processes/${id}/${action}`)), 404);
    }
  });
}

Deno.test("POST pause and resume without a process pause and resume the whole table", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop]]), face = new Face({ table });
  assertEquals(await outcomeOf(face.post("/api/pause")), [200, true]);
  assertEquals([...table.pauses()].map(({ key, pause }) => [key, pause.by]), [[undefined, "ops"]]);
  assertEquals(await outcomeOf(face.post("/api/resume")), [200, true]);
  assertEquals([...table.pauses()], []);
});

Deno.test("POST abandon lets go of a stuck process, and changes something once", async () => {
  using time = new FakeTime();
  const end = Promise.withResolvers<void>();
  const table = new MapTable<string, Runnable>([["acme", leaf(() => end.promise)]]), supervisor = new Supervisor(table);
  const face = new Face({ supervisor, table }),
    path = `/api/processes/${id}/abandon`,
    over = Promise.withResolvers<void>();
  supervisor.subscribe(() => {});
  const run = supervisor.run(() => over.promise);
  await advance(time, 2_000);
  table.delete("acme");
  assertEquals((await outcomeOf(face.post(path)))[0], 409);
  await advance(time, 20_000);
  assertEquals(supervisor.status("acme")?.state, "stuck");
  assertEquals(await outcomeOf(face.post(path)), [200, true]);
  assertEquals(await outcomeOf(face.post(path)), [200, false]);
  end.resolve();
  await advance(time, 1);
  assertEquals(await outcomeOf(face.post(path)), [404, 'There is no process "acme"']);
  over.resolve();
  await advance(time, 5_000);
  await run;
});

Deno.test("POST restart?state=parked starts what was given up", async () => {
  let isBroken = true;
  const bot = leaf(async (signal) => {
    if (isBroken) throw new UnrecoverableError("401");
    await delay(60_000, { signal });
  });
  const table = new MapTable<string, Runnable>([["acme", bot], ["beta", nop]]), supervisor = new Supervisor(table);
  supervisor.subscribe(() => {});
  await supervisor.run(async () => {
    isBroken = false;
    const answer = await new Face({ supervisor, table }).post("/api/restart?state=parked");
    assertEquals((await answer.json()).count, 1);
    await supervisor.reconcile();
    assertEquals(supervisor.status("acme")?.state, "running");
  });
});

/** A table without anything but its entries. */
class Plain {
  get(key: string): Promise<Entry<string, Runnable> | undefined> {
    return Promise.resolve(key === "acme" ? { key, get: () => nop } : undefined);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Entry<string, Runnable>> {
    yield { key: "acme", get: () => nop };
  }
}

const plain: readonly [path: string, status: number][] = [
  [`/api/processes/${id}/pause`, 409],
  [`/api/processes/${id}/resume`, 409],
  [`/api/processes/${id}/restart`, 200],
  [`/api/processes/${id}/start`, 200],
  [`/api/processes/${id}/abandon`, 409],
  [`/api/processes/${idOf("other")}/start`, 404],
  [`/api/processes/${idOf("other")}/restart`, 404],
  [`/api/processes/${idOf("other")}/abandon`, 404],
  ["/api/pause", 409],
  ["/api/restart?state=parked", 409],
];
for (const [path, status] of plain) {
  Deno.test(`POST ${path} is ${status} over a table without pauses`, async () => {
    const table = new Plain(), supervisor = new Supervisor(table);
    await supervisor.run(async () => {
      assertEquals(await statusOf(new Face({ supervisor, table }).post(path)), status);
    });
  });
}

Deno.test("POST start while nothing runs is 503, and without a supervisor 409", async () => {
  const table = new Plain(), path = `/api/processes/${id}/start`;
  assertEquals(await statusOf(new Face({ table, supervisor: new Supervisor(table) }).post(path)), 503);
  assertEquals(await statusOf(new Face({ table }).post(path)), 409);
});

const failures: readonly [name: string, error: Error][] = [
  ["any error", new Error("secret")],
  ["one that the database has caused", new Error("secret", { cause: new KvTimeoutError("read secret", 5) })],
];
for (const [name, error] of failures) {
  Deno.test(`POST start of a process that fails with ${name} is 409 and tells nothing of the error`, async () => {
    const table = new MapTable<string, Runnable>([["acme", { run: () => Promise.reject(error) }]]);
    const supervisor = new Supervisor(table);
    supervisor.subscribe(() => {});
    await supervisor.run(async () => {
      const [status, detail] = await outcomeOf(new Face({ supervisor, table }).post(`/api/processes/${id}/start`));
      assertEquals([status, `${detail}`.includes("secret")], [409, false]);
    });
  });
}

const unprintable = Object.create(null);
for (const thrown of [{ name: unprintable }, { name: "KvTimeoutError", message: unprintable }, { message: Symbol() }]) {
  Deno.test(`inspect() answers when a table throws what cannot be printed, ${Object.keys(thrown)}`, async () => {
    const table = Object.assign(new Plain(), { get: () => Promise.reject(thrown) }), { error } = console;
    console.error = () => {};
    try {
      const { status, detail } = await new Face({ table }).json(`/api/processes/${id}`);
      assertEquals([status, typeof detail], [thrown.name === "KvTimeoutError" ? 503 : 500, "string"]);
    } finally {
      console.error = error;
    }
  });
}

Deno.test("POST start of a parked process starts it, and changes something once", async () => {
  let isBroken = true;
  const bot = leaf(async (signal) => {
    if (isBroken) throw new UnrecoverableError("401");
    await delay(60_000, { signal });
  });
  const table = new MapTable<string, Runnable>([["acme", bot]]), supervisor = new Supervisor(table);
  const face = new Face({ supervisor, table }), parked = givesUp(supervisor);
  await supervisor.run(async () => {
    await parked;
    isBroken = false;
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/start`)), [200, true]);
    assertEquals(await outcomeOf(face.post(`/api/processes/${id}/start`)), [200, false]);
  });
});
