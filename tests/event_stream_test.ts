import { assert, assertEquals, assertThrows } from "@std/assert";
import { EventStream } from "../src/event_stream.ts";
import { ErrorConsole, settle, UnhandledRejections } from "./supervisor/fixtures/mod.ts";
import { countingSignal } from "./process/signals.ts";

const oops = new Error("oops");

/** A stream and what a first listener of it has heard. */
function heardStream() {
  const stream = new EventStream<string>();
  const heard: string[] = [];
  stream.subscribe((event) => heard.push(event));
  return { stream, heard };
}

Deno.test("EventStream.emit() hands an event out after the step that caused it, not within", async () => {
  const { stream, heard } = heardStream();
  stream.emit("a");
  assertEquals(heard, []);
  await undefined;
  assertEquals(heard, ["a"]);
});

Deno.test("EventStream hands events out in order", async () => {
  const { stream, heard } = heardStream();
  for (const event of "abc") stream.emit(event);
  await settle();
  assertEquals(heard, ["a", "b", "c"]);
});

Deno.test("EventStream.flush() hands out at once what is pending, and each event once", async () => {
  const { stream, heard } = heardStream();
  stream.emit("a");
  stream.flush();
  assertEquals(heard, ["a"]);
  await settle();
  assertEquals(heard, ["a"]);
});

Deno.test("EventStream hands out what is announced after a flush", async () => {
  const { stream, heard } = heardStream();
  stream.emit("a");
  stream.flush();
  stream.emit("b");
  await settle();
  assertEquals(heard, ["a", "b"]);
});

Deno.test("EventStream hands what a listener announces out after what it is handing out", async () => {
  const { stream, heard } = heardStream();
  stream.subscribe((event) => event.length < 3 && stream.emit(event + event[0]));
  stream.emit("a");
  stream.emit("b");
  await settle();
  assertEquals(heard, ["a", "b", "aa", "bb", "aaa", "bbb"]);
});

Deno.test("EventStream calls a listener that is added twice twice, and each ends by itself", async () => {
  const stream = new EventStream<string>();
  const heard: string[] = [];
  const listener = (event: string) => void heard.push(event);
  const first = stream.subscribe(listener);
  stream.subscribe(listener);
  first[Symbol.dispose]();
  stream.emit("a");
  await settle();
  assertEquals(heard, ["a"]);
});

Deno.test("EventStream bears a listener that ends its own subscription, or another's", async () => {
  const { stream, heard } = heardStream();
  const second = stream.subscribe(() => {
    second[Symbol.dispose]();
    third[Symbol.dispose]();
  });
  const third = stream.subscribe((event) => heard.push(`third ${event}`));
  stream.emit("a");
  stream.emit("b");
  await settle();
  assertEquals(heard, ["a", "b"]);
});

Deno.test("EventStream hands what was announced when somebody listened, and nobody does any more, to whom it was told", async () => {
  const unheard: string[] = [];
  const stream = new EventStream<string>((event) => unheard.push(event));
  const subscription = stream.subscribe(() => subscription[Symbol.dispose]());
  stream.emit("a");
  stream.emit("b");
  await settle();
  assertEquals(unheard, ["b"]);
});

Deno.test("EventStream.observed tells whether anybody listens", () => {
  const stream = new EventStream<string>();
  const states = [stream.observed];
  {
    using _subscription = stream.subscribe(() => {});
    states.push(stream.observed);
  }
  states.push(stream.observed);
  assertEquals(states, [false, true, false]);
});

Deno.test("EventStream.subscribe() does not listen when its signal has aborted before", () => {
  const stream = new EventStream<string>();
  stream.subscribe(() => {}, { signal: AbortSignal.abort() });
  assertEquals(stream.observed, false);
});

Deno.test("EventStream.subscribe() ends when its signal aborts", () => {
  const stream = new EventStream<string>();
  const controller = new AbortController();
  stream.subscribe(() => {}, { signal: controller.signal });
  controller.abort();
  assertEquals(stream.observed, false);
});

Deno.test("EventStream.subscribe() with keepsConsole leaves an event unheard unless there is another listener", async () => {
  const unheard: string[] = [], heard: string[] = [];
  const stream = new EventStream<string>((event) => unheard.push(event));
  stream.subscribe((event) => heard.push(event), { keepsConsole: true });
  stream.emit("a");
  await Promise.resolve();
  const other = stream.subscribe(() => {});
  stream.emit("b");
  await Promise.resolve();
  other[Symbol.dispose]();
  other[Symbol.dispose]();
  stream.emit("c");
  await Promise.resolve();
  assertEquals([unheard, heard], [["a", "c"], ["a", "b", "c"]]);
});

Deno.test("EventStream.subscribe() leaves no listener on its signal", () => {
  const { signal, listeners } = countingSignal();
  const subscription = new EventStream<string>().subscribe(() => {}, { signal });
  assertEquals(listeners(), 1);
  subscription[Symbol.dispose]();
  assertEquals(listeners(), 0);
});

Deno.test("EventStream.subscribe() throws TypeError at what is no function", () => {
  assertThrows(() => new EventStream<string>().subscribe({} as () => void), TypeError, "a listener is a function");
});

for (
  const [title, fail] of [["throws", () => {
    throw oops;
  }], ["rejects with", () => Promise.reject(oops)]] as const
) {
  Deno.test(`EventStream prints what a listener ${title}, and calls the others`, async () => {
    using console = new ErrorConsole();
    using unhandled = new UnhandledRejections();
    const stream = new EventStream<string>();
    const heard: string[] = [];
    stream.subscribe(fail);
    stream.subscribe((event) => heard.push(event));
    stream.emit("a");
    await settle();
    assertEquals(console.lines, [["An event listener failed: Error: oops"]]);
    assertEquals([heard, unhandled.reasons], [["a"], []]);
  });
}

Deno.test("EventStream calls listeners in the order in which they came", () => {
  const stream = new EventStream<string>();
  const heard: number[] = [];
  const all = [1, 2, 3].map((n) => stream.subscribe(() => heard.push(n)));
  all[1][Symbol.dispose]();
  stream.subscribe(() => heard.push(4));
  stream.emit("a");
  stream.flush();
  assertEquals(heard, [1, 3, 4]);
});

Deno.test("EventStream does not call a listener whose subscription another one ends during the delivery", () => {
  const stream = new EventStream<string>();
  const heard: string[] = [];
  stream.subscribe(() => late[Symbol.dispose]());
  const late = stream.subscribe(() => heard.push("late"));
  stream.subscribe(() => heard.push("last"));
  stream.emit("a");
  stream.flush();
  assertEquals(heard, ["last"]);
});

Deno.test("EventStream calls a listener that comes during the delivery from the next event on", () => {
  const stream = new EventStream<string>();
  const heard: string[] = [];
  let isFirst = true;
  stream.subscribe(() => {
    if (isFirst) stream.subscribe((event) => heard.push(event));
    isFirst = false;
  });
  stream.emit("a");
  stream.emit("b");
  stream.flush();
  assertEquals(heard, ["b"]);
});

Deno.test("EventStream.subscribe() takes 100 000 listeners and lets them go in no time", () => {
  const stream = new EventStream<number>();
  const { signal } = new AbortController();
  let calls = 0;
  const beganMs = performance.now();
  const all = Array.from({ length: 100_000 }, () => stream.subscribe(() => calls++, { signal }));
  stream.emit(1);
  stream.flush();
  for (const each of all) each[Symbol.dispose]();
  const tookMs = performance.now() - beganMs;
  assertEquals([calls, stream.observed], [100_000, false]);
  assert(tookMs < 10_000, `it took ${Math.round(tookMs)} ms`); // 100 ms, and minutes if each copied the list of all
});
