import { assertEquals, assertStrictEquals } from "@std/assert";
import { onAbort } from "../src/on_abort.ts";
import { ListenerCount } from "./process/listeners.ts";

/** A signal, and a list of what is noted by those who listen to it. */
function listened() {
  const controller = new AbortController();
  const calls: string[] = [];
  const note = (name: string) => onAbort(controller.signal, () => calls.push(name));
  return { controller, signal: controller.signal, calls, note };
}

Deno.test("onAbort() calls listeners once, in the order in which they came", () => {
  const { controller, calls, note } = listened();
  for (const name of ["a", "b", "c"]) note(name);
  controller.abort();
  controller.abort();
  assertEquals(calls, ["a", "b", "c"]);
});

Deno.test("onAbort() calls at once when the signal has aborted before", () => {
  const { controller, calls, note } = listened();
  controller.abort();
  note("a")[Symbol.dispose]();
  assertEquals(calls, ["a"]);
});

Deno.test("onAbort() does nothing without a signal", () => {
  let calls = 0;
  onAbort(undefined, () => calls++)[Symbol.dispose]();
  assertEquals(calls, 0);
});

Deno.test("onAbort() does not call one who has left", () => {
  const { controller, calls, note } = listened();
  const [, b] = ["a", "b", "c"].map(note);
  b[Symbol.dispose]();
  b[Symbol.dispose]();
  controller.abort();
  assertEquals(calls, ["a", "c"]);
});

Deno.test("onAbort() does not call one who is made to leave by another during the abort", () => {
  const { controller, signal, calls, note } = listened();
  onAbort(signal, () => late[Symbol.dispose]());
  const late = note("b");
  note("c");
  controller.abort();
  assertEquals(calls, ["c"]);
});

Deno.test("onAbort() calls one who comes during the abort at once", () => {
  const { controller, signal, calls, note } = listened();
  onAbort(signal, () => {
    note("inner");
    calls.push("outer");
  });
  note("next");
  controller.abort();
  assertEquals(calls, ["inner", "outer", "next"]);
});

Deno.test("onAbort() counts a function twice that comes twice", () => {
  const { controller, signal } = listened();
  let calls = 0;
  const count = () => calls++;
  const first = onAbort(signal, count);
  onAbort(signal, count);
  first[Symbol.dispose]();
  controller.abort();
  assertEquals(calls, 1);
});

Deno.test("onAbort() reports what a listener throws as uncaught, and calls the others", () => {
  const { controller, signal, calls, note } = listened();
  const oops = new Error("oops"), reported: unknown[] = [];
  const report = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", report);
  onAbort(signal, () => {
    throw oops;
  });
  note("b");
  controller.abort();
  globalThis.removeEventListener("error", report);
  assertEquals([calls, reported.length], [["b"], 1]);
  assertStrictEquals(reported[0], oops);
});

Deno.test("onAbort() adds one listener to a signal for all, which goes with the last of them", () => {
  using count = new ListenerCount();
  const { signal, note } = listened();
  for (let round = 0; round < 2; round++) {
    const all = Array.from({ length: 100 }, (_, n) => note(`${n}`));
    assertEquals(count.of(signal), 1);
    for (const each of all) each[Symbol.dispose]();
    assertEquals(count.of(signal), 0);
  }
  assertEquals(count.most, 1);
});

Deno.test("onAbort() leaves nothing on a signal that has aborted", () => {
  using count = new ListenerCount();
  const { controller, signal, note } = listened();
  note("a");
  controller.abort();
  assertEquals(count.of(signal), 0);
});
