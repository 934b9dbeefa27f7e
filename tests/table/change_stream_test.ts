import { assertEquals, assertRejects } from "@std/assert";
import { ChangeStream } from "../../src/table/change_stream.ts";

function open(maxPending?: number) {
  const controller = new AbortController();
  const released: string[] = [];
  const stream = new ChangeStream<string>({
    signal: controller.signal,
    maxPending,
    release: () => void released.push("released"),
  });
  return { controller, released, stream };
}

const value = (key: string | undefined) => ({ done: false, value: key });
const end = { done: true, value: undefined };

Deno.test("ChangeStream.next() takes a key that was announced twice once", async () => {
  const { controller, stream } = open();
  for (const key of ["a", "b", "a"]) stream.announce(key);
  assertEquals([await stream.next(), await stream.next()], [value("a"), value("b")]);
  controller.abort();
  assertEquals(await stream.next(), end);
});

Deno.test("ChangeStream.next() takes a key again that was announced after it was taken", async () => {
  const { stream } = open();
  stream.announce("a");
  await stream.next();
  stream.announce("a");
  assertEquals(await stream.next(), value("a"));
  await stream.return();
});

Deno.test("ChangeStream.next() waits for an announcement", async () => {
  const { stream } = open();
  const [first, second] = [stream.next(), stream.next()];
  stream.announce("a");
  stream.announce("b");
  assertEquals([await first, await second], [value("a"), value("b")]);
  await stream.return();
});

Deno.test("ChangeStream.announce(undefined) covers every key until it is taken", async () => {
  const { stream } = open();
  stream.announce("a");
  stream.announce(undefined);
  stream.announce("b");
  assertEquals(await stream.next(), value(undefined));
  stream.announce("c");
  assertEquals(await stream.next(), value("c"));
  await stream.return();
});

Deno.test("ChangeStream.announce() stops naming keys when too many are pending", async () => {
  const { stream } = open(2);
  for (const key of ["a", "b", "a"]) stream.announce(key);
  assertEquals(await stream.next(), value("a"));
  for (const key of ["c", "d"]) stream.announce(key);
  assertEquals(await stream.next(), value(undefined));
  await stream.return();
});

Deno.test("ChangeStream.fail() rejects once, after what is pending, and then ends", async () => {
  const { released, stream } = open();
  stream.announce("a");
  stream.fail(new Error("broken"));
  stream.fail(new Error("broken again"));
  assertEquals(released, ["released"]);
  assertEquals(await stream.next(), value("a"));
  await assertRejects(() => stream.next(), Error, "broken");
  assertEquals(await stream.next(), end);
});

Deno.test("ChangeStream ends on abort while next() waits, releases once and drops what is pending", async () => {
  const { controller, released, stream } = open();
  const waiting = stream.next();
  controller.abort();
  assertEquals(await waiting, end);
  stream.announce("a");
  assertEquals(await stream.next(), end);
  assertEquals(await stream.return(), end);
  assertEquals(released, ["released"]);
});

Deno.test("ChangeStream drops what is pending, failures included, when it is aborted", async () => {
  const { controller, stream } = open();
  stream.announce("a");
  controller.abort();
  assertEquals(await stream.next(), end);
  const other = open();
  other.stream.fail(new Error("broken"));
  await other.stream.return();
  assertEquals(await other.stream.next(), end);
});

Deno.test("ChangeStream.return() ends it while next() waits", async () => {
  const { released, stream } = open();
  const waiting = stream.next();
  assertEquals(await stream.return(), end);
  assertEquals(await waiting, end);
  assertEquals(released, ["released"]);
});

Deno.test("ChangeStream.next() ends only when everything is released", async () => {
  const steps: string[] = [];
  const gate = Promise.withResolvers<void>();
  const controller = new AbortController();
  const stream = new ChangeStream({ signal: controller.signal, release: () => gate.promise });
  const ended = stream.next().then(() => steps.push("ended"));
  controller.abort();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  steps.push("released");
  gate.resolve();
  await ended;
  assertEquals(steps, ["released", "ended"]);
});

Deno.test("ChangeStream is over from the beginning when its signal has aborted", async () => {
  const released: string[] = [];
  const stream = new ChangeStream({ signal: AbortSignal.abort(), release: () => void released.push("released") });
  assertEquals(stream.ended, true);
  assertEquals(await stream.next(), end);
  assertEquals(released, []);
});
