import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  ProcessElsewhereError,
  ProcessEndedEarlyError,
  ProcessExistsError,
  ProcessNotFoundError,
  ProcessNotRunningError,
  ProcessSilentError,
  ProcessStateError,
  ProcessStuckError,
  RetryAfterError,
  SupervisorNotRunningError,
  UnrecoverableError,
} from "@pact/supervisor";
import { describeKey, describeValue } from "../src/errors.ts";

const errors: [Error, string, Record<string, unknown>, string][] = [
  [
    new ProcessSilentError("acme", 5_000),
    "ProcessSilentError",
    { key: "acme", livenessMs: 5_000, note: undefined },
    'Cannot keep process "acme" running: it has not called alive for 5000 ms',
  ],
  [
    new ProcessSilentError("acme", 5_000, 'page "7"'),
    "ProcessSilentError",
    { key: "acme", livenessMs: 5_000, note: 'page "7"' },
    'Cannot keep process "acme" running: it has not called alive for 5000 ms, and its last note was "page \\"7\\""',
  ],
  [new UnrecoverableError("no such token"), "UnrecoverableError", {}, "no such token"],
  [new UnrecoverableError(), "UnrecoverableError", {}, "another try would fail in the same way"],
  [new RetryAfterError(5_000, "429"), "RetryAfterError", { delayMs: 5_000 }, "429"],
  [
    new RetryAfterError(NaN),
    "RetryAfterError",
    { delayMs: NaN },
    "asked to wait before the next try",
  ],
  [
    new SupervisorNotRunningError('start process "acme"'),
    "SupervisorNotRunningError",
    { operation: 'start process "acme"' },
    'Cannot start process "acme": the supervisor is not running',
  ],
  [
    new ProcessExistsError("acme", "starting"),
    "ProcessExistsError",
    { key: "acme", state: "starting" },
    'Cannot start process "acme": it already exists, its state is "starting"',
  ],
  [
    new ProcessNotFoundError("stop", 7n),
    "ProcessNotFoundError",
    { key: 7n },
    "Cannot stop process 7n: the supervisor has no such key",
  ],
  [
    new ProcessNotFoundError("start", "acme", "the table has no such key"),
    "ProcessNotFoundError",
    { key: "acme" },
    'Cannot start process "acme": the table has no such key',
  ],
  [
    new ProcessElsewhereError("acme", { id: "s-1", info: { region: "eu" } }),
    "ProcessElsewhereError",
    { key: "acme", session: "s-1", info: { region: "eu" } },
    'Cannot start process "acme": session "s-1" owns it',
  ],
  [
    new ProcessElsewhereError(7n, undefined),
    "ProcessElsewhereError",
    { key: 7n, session: undefined, info: undefined },
    "Cannot start process 7n: this instance does not own it, and no owner is known",
  ],
  [
    new ProcessNotRunningError(7, "stopping"),
    "ProcessNotRunningError",
    { key: 7, state: "stopping" },
    'Cannot get process 7: it is not running, its state is "stopping"',
  ],
  [
    new ProcessStateError("start the process", "stopped"),
    "ProcessStateError",
    { operation: "start the process", state: "stopped" },
    'Cannot start the process: its state is "stopped"',
  ],
  [
    new ProcessEndedEarlyError(),
    "ProcessEndedEarlyError",
    {},
    "Cannot start process: its run ended without calling the callback",
  ],
  [
    new ProcessEndedEarlyError("it was stopped meanwhile"),
    "ProcessEndedEarlyError",
    {},
    "Cannot start process: it was stopped meanwhile",
  ],
  [
    new ProcessStuckError(true, 5),
    "ProcessStuckError",
    { key: true, sinceAt: 5 },
    "Cannot stop process true: it was asked to stop, then aborted, and has not ended",
  ],
];
for (const [error, name, fields, message] of errors) {
  Deno.test(`${name} carries its data and says: ${message}`, () => {
    assertInstanceOf(error, Error);
    const { name: ownName, ...ownFields } = { ...error };
    assertEquals([error.name, ownName, error.message, ownFields], [name, name, message, fields]);
  });
}

const keys: [unknown, string][] = [
  ["a", '"a"'],
  ['a "b"', '"a \\"b\\""'],
  ["", '""'],
  [1, "1"],
  [1n, "1n"],
  [true, "true"],
  [undefined, "undefined"],
  ["a\nb\u202e\x9b", '"a\\nb\\u202e\\x9b"'],
  ["k".repeat(102), `"${"k".repeat(100)}"… (2 more characters)`],
  [Symbol("a\nb"), "Symbol(a\\nb)"],
];
for (const [key, expected] of keys) {
  Deno.test(`describeKey() says ${expected}`, () => assertEquals(describeKey(key), expected));
}

const values: [unknown, string][] = [
  [undefined, "undefined"],
  [null, "null"],
  ["text", "text"],
  [5n, "5"],
  [Symbol("s"), "Symbol(s)"],
  [{}, "[object Object]"],
  [[], "[object Array]"],
  [Object.create(null), "[object Object]"],
  [class Bot {}, "[object Function]"],
  ["a\nb", "a\\nb"],
  ["v".repeat(102), `${"v".repeat(100)}… (2 more characters)`],
  [{ [Symbol.toStringTag]: "a\nb" }, "[object a\\nb]"],
];
for (const [value, expected] of values) {
  Deno.test(`describeValue() says ${expected}`, () => assertEquals(describeValue(value), expected));
}
