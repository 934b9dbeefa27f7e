import { assertEquals } from "@std/assert";
import { ErrorConsole, settle } from "../supervisor/fixtures/mod.ts";
import { begin, lifeOf, type ToldLife } from "./life_fixture.ts";
import { countingSignal } from "./signals.ts";

const oops = new Error("oops");
const reason = new Error("end now");
const ownAbort = new DOMException("own", "AbortError");

/** Ends when its signal aborts, in a way of its own. */
const untilAborted = (signal: AbortSignal, end: (signal: AbortSignal) => unknown) =>
  new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => Promise.resolve().then(() => end(signal)).then(() => resolve(), reject));
  });
const fail = (error: unknown) => () => Promise.reject(error);

const afterAborts: [string, (signal: AbortSignal) => unknown, string][] = [
  ["returns", () => {}, "stopped stopped"],
  ["rejects with the reason", (signal) => Promise.reject(signal.reason), "stopped stopped"],
  ["rejects with another AbortError", fail(ownAbort), "stopped stopped"],
  ["rejects with an error caused by the reason", (signal) => {
    throw new Error("closed", { cause: signal.reason });
  }, "stopped stopped"],
  ["rejects with an error of its own", fail(oops), "failed stopped Error: oops"],
  ["rejects with undefined", fail(undefined), "failed stopped"],
];
for (const [title, end, expected] of afterAborts) {
  Deno.test(`Life.stop() of a start-up that ${title} when aborted says: ${expected}`, async () => {
    const { life, told } = lifeOf((_running, signal) => untilAborted(signal, end));
    await begin(life);
    life.stop();
    await settle();
    assertEquals(told, [expected]);
  });

  Deno.test(`Life.force() of a run that ${title} when aborted says: ${expected}`, async () => {
    const { life, told } = lifeOf((running, signal) => {
      running(signal);
      return untilAborted(signal, end);
    });
    await begin(life);
    life.force(reason);
    await settle();
    assertEquals([told.at(-1), life.controller.signal.reason], [expected, reason]);
  });
}

Deno.test("Life counts an AbortError after a graceful stop as a failure: nothing was aborted", async () => {
  const { life, told } = lifeOf(async (running, signal) => {
    await running(signal);
    throw ownAbort;
  });
  await begin(life);
  life.stop();
  await settle();
  assertEquals(told.at(-1), "failed stopped AbortError: own");
});

Deno.test("Life stays in the state stopping for as long as a run ignores its signal", async () => {
  const { life, told } = lifeOf(() => new Promise(() => {}));
  await begin(life);
  life.stop();
  life.force(reason);
  await settle();
  assertEquals([life.state, told], ["stopping", []]);
});

Deno.test("Life.stop() and force() do nothing after the end", async () => {
  const { life, told } = lifeOf((running, signal) => void running(signal));
  await begin(life);
  life.stop();
  life.force(reason);
  await settle();
  assertEquals([life.state, life.outcome, life.controller.signal.aborted, told.length], [
    "stopped",
    "returned",
    false,
    2,
  ]);
});

Deno.test("Life lets the callback return when a narrower signal aborts, and says that the run returned by itself", async () => {
  const narrower = new AbortController();
  const { life, told } = lifeOf((running) => running(narrower.signal));
  await begin(life);
  narrower.abort();
  assertEquals(life.state, "stopping");
  await settle();
  assertEquals(told, ["up running", "returned stopped"]);
});

Deno.test("Life lets the callback return at once when a narrower signal has aborted before", async () => {
  const { life, told } = lifeOf((running) => running(AbortSignal.abort()));
  await begin(life);
  assertEquals(told, ["up running", "returned stopped"]);
});

const lifeEnds: [string, (life: ToldLife, leave: () => void) => void][] = [
  ["stopped", (life) => life.stop()],
  ["forced", (life) => life.force(reason)],
  ["over by itself", (_life, leave) => leave()],
];
for (const [title, end] of lifeEnds) {
  Deno.test(`Life leaves no listener on a narrower signal when it is ${title}`, async () => {
    const { signal, listeners } = countingSignal();
    const gate = Promise.withResolvers<void>();
    const { life } = lifeOf((running) => Promise.race([running(signal), gate.promise]));
    await begin(life);
    assertEquals(listeners(), 1);
    end(life, gate.resolve);
    await settle();
    assertEquals([listeners(), life.state], [0, "stopped"]);
  });
}

Deno.test("Life.failNow() aborts a start-up and makes it a failure although it ends well", async () => {
  const { life, told } = lifeOf((_running, signal) => untilAborted(signal, () => {}));
  await begin(life);
  life.failNow(reason);
  await settle();
  assertEquals([told, life.controller.signal.reason], [["failed stopped Error: end now"], reason]);
});

Deno.test("Life.failNow() with a guess keeps the error that the run really fails with", async () => {
  const { life, told } = lifeOf((_running, signal) => untilAborted(signal, fail(oops)));
  await begin(life);
  life.failNow(reason, true);
  await settle();
  assertEquals(told, ["failed stopped Error: oops"]);
});

Deno.test("Life.failNow() of what is up aborts it, lets its callback return and makes it a failure", async () => {
  const { life, told } = lifeOf((running) => running(new AbortController().signal));
  await begin(life);
  life.failNow(reason);
  await settle();
  assertEquals([told, life.controller.signal.reason], [["up running", "failed stopped Error: end now"], reason]);
});

Deno.test("Life.failNow() of what is up keeps its error and prints what the clean-up fails with", async () => {
  using printed = new ErrorConsole();
  const { life, told } = lifeOf(async (running, signal) => {
    await running(signal);
    throw oops;
  });
  await begin(life);
  life.failNow(reason);
  await settle();
  assertEquals(told, ["up running", "failed stopped Error: end now"]);
  assertEquals(printed.lines, [["Suppressed by an earlier error: Error: oops"]]);
});
