import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { MapTable, nop, type Runnable, Supervisor, systemClock } from "@pact/supervisor";
import { EventLog } from "../../src/inspect/event_log.ts";
import { idOf } from "../../src/inspect/key_id.ts";
import { Face } from "./fixtures.ts";

const decoder = new TextDecoder();
const never = new AbortController().signal;

function started(log: EventLog, key: unknown): void {
  log.add({ type: "starting", at: 1, key, cause: "call", attempt: 1 });
}

/** Reads a stream frame by frame. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array> | null) {
    this.#reader = stream!.getReader();
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const frame = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return frame;
      }
      const { done, value } = await this.#reader.read();
      if (done) return "end";
      this.#text += decoder.decode(value);
    }
  }

  async end(): Promise<void> {
    await this.#reader.cancel();
  }
}

Deno.test("api/events tells of the events of this instance, each with an id", async () => {
  const table = new MapTable<string, Runnable>(), supervisor = new Supervisor(table);
  const face = new Face({ supervisor, table });
  await supervisor.run(async () => {
    const answer = await face.get("/api/events"), reader = new Reader(answer.body);
    assertEquals(answer.headers.get("content-type"), "text/event-stream");
    assertEquals(answer.headers.get("x-accel-buffering"), "no"); // a proxy would hold events back
    assert(/^id: [0-9a-f]{8}-\d+\nevent: hello\ndata: \{"scope":"instance"\}$/.test(await reader.next()));
    table.set("acme", nop);
    const frame = await reader.next();
    assert(/^id: [0-9a-f]{8}-\d+\nevent: starting\ndata: \{.*"key":"acme".*\}$/.test(frame), frame);
    assert((await reader.next()).includes("event: running"));
    await face.post(`/api/processes/${idOf("acme")}/pause`, { body: '{"reason":"x"}' });
    const frames = [await reader.next(), await reader.next(), await reader.next()].join("\n");
    assert(
      frames.includes('"action":"pause"') && frames.includes('"by":"ops"') && frames.includes('"reason":"x"'),
      frames,
    );
    await reader.end();
  });
});

/** The frames of everything that is kept, without the one that a stream begins with. */
async function keptBy(log: EventLog, count = 1): Promise<string[]> {
  const reader = new Reader(log.stream("x", {}, never)), frames: string[] = [];
  for (let index = 0; index <= count; index++) frames.push(await reader.next());
  await reader.end();
  return frames.slice(1);
}

async function epochOf(log: EventLog): Promise<string> {
  const [frame] = await keptBy(log);
  return frame.slice("id: ".length).split("-")[0];
}

Deno.test("a frame has one line for each field, whatever is in it", async () => {
  const log = new EventLog(systemClock), text = "a\r\nid: 7\n\ndata: b\u2028c\u2029d\0";
  log.add({ type: "acted", at: 1, reason: text, key: text });
  const [id, event, data, ...more] = (await keptBy(log))[0].split("\n");
  assert(/^id: [0-9a-f]{8}-1$/.test(id) && event === "event: acted" && more.length === 0);
  assert(/^data: [\x20-\x7e]*$/.test(data), data);
  const { reason, key } = JSON.parse(data.slice("data: ".length));
  assertEquals([reason, key], [text, text]);
});

Deno.test("EventLog.add() keeps of an error and a version only what is plain", async () => {
  const log = new EventLog(systemClock), error = new Error("broken", { cause: new TypeError("why") });
  log.add({ type: "exited", at: 5, key: 7n, phase: "running", outcome: "failed", error, uptimeMs: 1 });
  log.add({ type: "replaced", at: 6, key: "acme", version: { large: true } });
  const text = (await keptBy(log, 2)).join();
  assert(text.includes('"error":{"name":"Error","message":"broken","causes":["TypeError: why"],"at":5}'), text);
  assert(text.includes('"key":"7n"') && !text.includes("large") && !text.includes("stack"), text);
});

Deno.test("a stream goes on behind Last-Event-ID, and tells how many events it has missed", async () => {
  const log = new EventLog(systemClock);
  for (let i = 0; i < 1_010; i++) started(log, i);
  const epoch = await epochOf(log), fresh = new Reader(log.stream(`${epoch}-1008`, {}, never));
  await fresh.next();
  assert((await fresh.next()).includes('"key":1008'));
  assert((await fresh.next()).includes('"key":1009'));
  await fresh.end();
  const late = new Reader(log.stream(`${epoch}-5`, {}, never));
  await late.next();
  assertEquals(await late.next(), 'event: dropped\ndata: {"count":5}');
  assert((await late.next()).includes('"key":10'));
  await late.end();
});

Deno.test("a stream that was cut before its first event goes on with that one", async () => {
  const log = new EventLog(systemClock), first = new Reader(log.stream(null, {}, never));
  const [, id] = /^id: (.*)$/m.exec(await first.next())!;
  await first.end();
  started(log, "acme");
  const second = new Reader(log.stream(id, {}, never));
  assertEquals(await second.next(), `id: ${id}\nevent: hello\ndata: {"scope":"instance"}`);
  assert((await second.next()).includes('"key":"acme"'));
  await second.end();
});

Deno.test("a stream behind an event that has not happened yet says that it does not know what was missed", async () => {
  const log = new EventLog(systemClock);
  started(log, "acme");
  for (const [number, isKnown] of [[0, true], [1, true], [2, false], [99, false]] as const) {
    const reader = new Reader(log.stream(`${await epochOf(log)}-${number}`, {}, never));
    assertEquals((await reader.next()).includes('"missed":"unknown"'), !isKnown);
    await reader.end();
  }
});

for (const id of ["deadbeef-3", "x", "", "-1", "\u00e9"]) {
  Deno.test(`a stream behind the id ${JSON.stringify(id)}, which it has not given, says that it does not know what was missed`, async () => {
    const log = new EventLog(systemClock);
    started(log, "acme");
    const reader = new Reader(log.stream(id, {}, never));
    assert((await reader.next()).includes('"missed":"unknown"'));
    assert((await reader.next()).includes('"key":"acme"'));
    await reader.end();
  });
}

Deno.test("streams that are never read hold up no other stream and keep only one piece each", async () => {
  const log = new EventLog(systemClock);
  const sleeping = Array.from({ length: 500 }, () => log.stream(null, {}, never));
  const reading = Array.from({ length: 500 }, () => new Reader(log.stream(null, {}, never)));
  await Promise.all(reading.map((reader) => reader.next()));
  started(log, 0);
  await Promise.all(reading.map((reader) => reader.next()));
  for (let i = 1; i < 20_000; i++) started(log, i);
  const firsts = await Promise.all(reading.map((reader) => reader.next()));
  assertEquals(firsts.every((frame) => frame.startsWith("event: dropped")), true);
  await Promise.all(reading.map((reader) => reader.end()));
  await Promise.all(sleeping.map((stream) => stream.cancel()));
});

Deno.test("a stream says that it is alive while nothing happens, and ends with the signal of the inspector", async () => {
  using time = new FakeTime();
  const log = new EventLog(systemClock), ending = new AbortController();
  const reader = new Reader(log.stream(null, {}, ending.signal));
  await reader.next();
  const alive = reader.next();
  await time.tickAsync(15_000);
  assertEquals(await alive, ": alive");
  const end = reader.next();
  ending.abort();
  assertEquals(await end, "end");
});
