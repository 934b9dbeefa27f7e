import { assert, assertEquals } from "@std/assert";
import { leaf, startStop } from "@pact/supervisor";
import { describeClusterEvent } from "../src/cluster/mod.ts";
import { describeError, errorData, isInstance, printError } from "../src/error_data.ts";
import { describeKey, describeValue } from "../src/errors.ts";
import { EventStream } from "../src/event_stream.ts";
import { isAbortEcho } from "../src/process/runnable.ts";
import { describeEvent } from "../src/supervisor/describe.ts";
import { oddValues } from "./odd_values.ts";
import { ErrorConsole, settle, UnhandledRejections } from "./supervisor/fixtures/mod.ts";

const caused = (message: string, cause: unknown) => new TypeError(message, { cause });

function cycle(): Error {
  const outer = new Error("outer"), inner = new Error("inner", { cause: outer });
  outer.cause = inner;
  return outer;
}

const long = Array.from({ length: 20 }).reduce<Error>(
  (cause, _, n) => new Error(`e${n}`, { cause }),
  new Error("root"),
);

/** Errors, what is said of them, and which causes are kept. */
const told: [title: string, error: unknown, line: string, causes: string[]][] = [
  ["an error", new RangeError("too far"), "RangeError: too far", []],
  ["an error without a message", new RangeError(), "RangeError", []],
  ["a text", "just a text", "just a text", []],
  ["a number", 404, "404", []],
  ["undefined", undefined, "undefined", []],
  ["an error of another realm", { name: "FetchError", message: "gone" }, "FetchError: gone", []],
  ["an event of a socket", new ErrorEvent("error", { message: "closed" }), "Error: closed", []],
  ["a cause", caused("fetch failed", new Error("refused")), "TypeError: fetch failed: refused", ["Error: refused"]],
  ["a cause that is a text", caused("fetch failed", "refused"), "TypeError: fetch failed: refused", ["refused"]],
  ["a cause without a message", caused("fetch failed", new RangeError()), "TypeError: fetch failed: RangeError", [
    "RangeError",
  ]],
  ["no cause", caused("fetch failed", null), "TypeError: fetch failed", []],
  [
    "a cause that adds nothing",
    caused("fetch failed: refused", new Error("refused")),
    "TypeError: fetch failed: refused",
    ["Error: refused"],
  ],
  [
    "a cause of a cause that adds something to a cause that adds nothing",
    caused("failed: refused", new Error("refused", { cause: new Error("no route") })),
    "TypeError: failed: refused: no route",
    ["Error: refused", "Error: no route"],
  ],
  [
    "several errors",
    new AggregateError([new Error("a", { cause: new Error("c") }), "b"], "2 failed"),
    "AggregateError: 2 failed: a; b: c",
    ["Error: a", "b", "Error: c"],
  ],
  [
    "a suppressed error",
    new SuppressedError(new Error("close"), new Error("work"), "both failed"),
    "SuppressedError: both failed: close; work",
    ["Error: close", "Error: work"],
  ],
  ["a cycle of causes", cycle(), "Error: outer: inner", ["Error: inner"]],
  ["the nearest 8 of 20 causes", long, "Error: e19: e18: e17: e16: e15: e14: e13: e12: e11", [
    ...[18, 17, 16, 15, 14, 13, 12, 11].map((n) => `Error: e${n}`),
  ]],
  ["lines", new Error("a\nb", { cause: new Error("c\x1b[2Jd") }), "Error: a\\nb: c\\x1b[2Jd", ["Error: c\\x1b[2Jd"]],
];
for (const [title, error, line, causes] of told) {
  Deno.test(`describeError() tells of ${title}`, () => assertEquals(describeError(error), line));
  Deno.test(`errorData() keeps ${title}`, () => assertEquals(errorData(error, 7).causes, causes));
}

Deno.test("errorData() keeps name, message and moment", () => {
  assertEquals(errorData(new RangeError("a\nb"), 7), { name: "RangeError", message: "a\\nb", causes: [], at: 7 });
});

Deno.test("errorData() cuts a name, a message and a cause of 10 MB", () => {
  const huge = "x".repeat(10_000_000);
  const error = Object.assign(new Error(huge, { cause: new Error(huge) }), { name: huge });
  assert(JSON.stringify(errorData(error, 0)).length < 2_500);
});

Deno.test("describeError() cuts ten causes of 10 MB", () => {
  const huge = "\n".repeat(10_000_000);
  const errors = Array.from({ length: 10 }, (_, n) => new Error(`${n}${huge}`));
  assert(describeError(new AggregateError(errors, huge)).length < 2_100);
});

Deno.test("isInstance() knows subclasses", () => {
  assertEquals([isInstance(new TypeError(), Error), isInstance({}, Error)], [true, false]);
});

const base = { at: 0, key: "a" } as const;
const aborted = AbortSignal.abort(new Error("over"));

/** Every place that looks at something thrown, and the texts it makes. */
const places: Record<string, (value: unknown) => string[]> = {
  "describeError()": (value) => [describeError(value)],
  "errorData()": (value) => {
    const { name, message, causes } = errorData(value, 0);
    return [name, message, ...causes];
  },
  "describeValue()": (value) => [describeValue(value)],
  "describeKey()": (value) => [describeKey(value)],
  "isInstance()": (value) => [`${isInstance(value, TypeError)}`],
  "isAbortEcho()": (value) => [`${isAbortEcho(value, aborted)}`],
  "describeEvent() of an exit": (error) => [
    describeEvent({ ...base, type: "exited", phase: "running", outcome: "failed", error, uptimeMs: 0 }),
  ],
  "describeEvent() of a parked key": (
    error,
  ) => [describeEvent({ ...base, type: "parked", cause: "limit", failures: 1, error })],
  "describeEvent() of an entry": (error) => [describeEvent({ ...base, type: "entry-failed", error })],
  "describeEvent() of a table": (error) => [describeEvent({ at: 0, type: "table-failed", operation: "get", error })],
  "describeEvent() of a key": (key) => [describeEvent({ at: 0, type: "removed", key, cause: "deleted" })],
  "describeClusterEvent()": (error) => [
    describeClusterEvent({ at: 0, type: "cluster-failed", operation: "look", error }),
  ],
};
for (const [place, say] of Object.entries(places)) {
  for (const [title, value] of Object.entries(oddValues)) {
    Deno.test(`${place} takes ${title}`, () => {
      for (const text of say(value)) assert(!/\p{Cc}/u.test(text), text);
    });
  }
}

/** Every place that prints what was thrown. */
const printers: Record<string, (value: unknown) => Promise<unknown>> = {
  "printError()": (value) => Promise.resolve(printError("x", value)),
  "EventStream with a listener that throws": (value) => {
    const stream = new EventStream<number>();
    stream.subscribe(() => {
      throw value;
    });
    stream.emit(1);
    return settle();
  },
  "EventStream with a listener that rejects": (value) => {
    const stream = new EventStream<number>();
    stream.subscribe(() => Promise.reject(value));
    stream.emit(1);
    return settle();
  },
  "leaf()": (value) => {
    const { run } = leaf(() => Promise.reject(value), () => Promise.reject(new Error("first")));
    return run(() => {}, { signal: new AbortController().signal }).catch(() => {});
  },
  "startStop()": (value) => {
    const { run } = startStop(() => {}, () => Promise.reject(value));
    return run(() => Promise.reject(new Error("first")), { signal: new AbortController().signal }).catch(() => {});
  },
};
for (const [place, print] of Object.entries(printers)) {
  for (const [title, value] of Object.entries(oddValues)) {
    Deno.test(`${place} prints ${title} in one line`, async () => {
      using console = new ErrorConsole();
      using unhandled = new UnhandledRejections();
      await print(value);
      await settle();
      assertEquals(unhandled.reasons.length, 0);
      assertEquals(console.lines.map(([line]) => typeof line), ["string"]);
      assertEquals(`${console.lines[0][0]}`.split("\n").length, 1);
    });
  }
}

Deno.test("printError() survives a console that throws", () => {
  const { error } = console;
  console.error = () => {
    throw new Error("closed");
  };
  try {
    printError("x", 1);
  } finally {
    console.error = error;
  }
});

Deno.test("EventStream survives a listener that returns a revoked proxy", async () => {
  using _console = new ErrorConsole();
  using unhandled = new UnhandledRejections();
  const heard: number[] = [];
  const stream = new EventStream<number>();
  stream.subscribe(() => oddValues["a revoked proxy"] as void);
  stream.subscribe((event) => heard.push(event));
  stream.emit(1);
  await settle();
  assertEquals([heard, unhandled.reasons.length], [[1], 0]);
});

Deno.test("describeError() asks an AggregateError for a bounded number of errors, however many it pretends to have", () => {
  let asked = 0;
  const errors = new Proxy([], {
    get: (_list, property) => property === "length" ? Infinity : (asked++, new Error("one")),
  });
  const error = Object.defineProperty(new AggregateError([]), "errors", { value: errors });
  describeError(error);
  assert(asked < 50, `${asked} were asked for`);
});

Deno.test("errorData() and describeKey() do not spell out a bigint of a million digits", () => {
  const huge = 1n << 4_000_000n;
  assertEquals(errorData(huge, 0).message, "a bigint of more than 1000 digits");
  assertEquals(describeKey(-huge), "a bigint of more than 1000 digits");
});
