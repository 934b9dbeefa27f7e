import { assertEquals } from "@std/assert";
import type { SupervisorEvent } from "@pact/supervisor";
import { maxSpansPerSecond, type ShortSpan, ShortSpans } from "../../src/telemetry/short_spans.ts";

type Event = SupervisorEvent<number>;

function follow(): { spans: ShortSpan[]; shorts: ShortSpans<number>; counts(): Record<string, number> } {
  const spans: ShortSpan[] = [];
  const counts = () => {
    const kinds = Map.groupBy(
      spans,
      ({ name, failure, origin }) =>
        [name.slice(11), ...failure ? ["failed"] : [], ...origin ? ["linked"] : []].join(" "),
    );
    return Object.fromEntries([...kinds].map(([kind, { length }]) => [kind, length]));
  };
  return { spans, shorts: new ShortSpans((span) => spans.push(span)), counts };
}

const starting = (key: number, at = 0, origin?: string): Event => {
  return { type: "starting", at, key, cause: "call", attempt: 1, ...origin !== undefined && { origin } };
};
const running = (key: number, at = 0): Event => ({ type: "running", at, key, startMs: 0, attempt: 1 });
const stopped = (key: number, at = 0): Event => {
  return { type: "exited", at, key, phase: "running", outcome: "stopped", uptimeMs: 0, stopMs: 0 };
};
const failed = (key: number, at = 0): Event => {
  return { type: "exited", at, key, phase: "starting", outcome: "failed", error: new Error("oops"), uptimeMs: 0 };
};

Deno.test("ShortSpans tells of so many of each kind in a second, and of all again in the next one", () => {
  const { shorts, counts } = follow();
  for (const at of [0, 999, 1_000]) {
    for (let key = 0; key < 500; key++) for (const event of [starting, running, stopped]) shorts.note(event(key, at));
  }
  assertEquals(counts(), { start: 2 * maxSpansPerSecond, stop: 2 * maxSpansPerSecond });
});

Deno.test("ShortSpans tells of failures though there are many others, and of every start by a call that has an origin", () => {
  const { shorts, counts } = follow();
  for (let key = 0; key < 500; key++) [starting(key), running(key)].forEach((event) => shorts.note(event));
  for (let key = 0; key < 500; key++) [starting(key), failed(key)].forEach((event) => shorts.note(event));
  for (let key = 0; key < 500; key++) [starting(key, 0, "here"), running(key)].forEach((event) => shorts.note(event));
  assertEquals(counts(), { "start": maxSpansPerSecond, "start failed": maxSpansPerSecond, "start linked": 500 });
});

Deno.test("ShortSpans goes on when the clock is set back", () => {
  const { shorts, counts } = follow();
  for (const at of [10_000_000, 5]) {
    for (let key = 0; key < 500; key++) [starting(key, at), running(key, at)].forEach((event) => shorts.note(event));
  }
  assertEquals(counts(), { start: 2 * maxSpansPerSecond });
});

Deno.test("ShortSpans tells starts apart that go on at the same time, NaN among the keys", () => {
  const { shorts, spans } = follow();
  const keys = [1, NaN, 2, 3];
  keys.forEach((key, index) => shorts.note(starting(key, index)));
  for (const key of [3, 1, NaN, 2]) shorts.note(failed(key, 10));
  shorts.note(failed(1, 20)); // of which nothing is known
  const told = spans.map(({ attributes, durationMs }) => [attributes["supervisor.process.key"], durationMs]);
  assertEquals(told, [["3", 7], ["1", 10], ["NaN", 9], ["2", 8]]);
});

Deno.test("ShortSpans has no span that began after its end, though the clock was set back", () => {
  const { shorts, spans } = follow();
  shorts.note(starting(1, 100));
  shorts.note(failed(1, 50));
  assertEquals(spans.map(({ at, durationMs }) => [at, durationMs]), [[50, 0]]);
});

Deno.test("ShortSpans keeps nothing of a life that is over, however it has ended", () => {
  const { shorts, spans } = follow();
  const ends: ((key: number) => Event)[] = [
    (key) => ({ type: "entry-failed", at: 0, key, error: "oops" }),
    (key) => ({ type: "abandoned", at: 0, key, sinceAt: 0, phase: "starting", outcome: "stopped", uptimeMs: 0 }),
    running,
    failed,
  ];
  ends.forEach((end, key) => [starting(key), end(key)].forEach((event) => shorts.note(event)));
  const before = spans.length;
  ends.forEach((_, key) => shorts.note(failed(key)));
  assertEquals([before, spans.length], [4, 4]);
});
