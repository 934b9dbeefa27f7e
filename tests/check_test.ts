import { assertEquals, assertThrows } from "@std/assert";
import { nop, systemClock } from "@pact/supervisor";
import {
  assertRunnable,
  checkArgument,
  checkClock,
  checkFunction,
  checkNumber,
  checkShape,
  checkWhole,
  hasMethods,
} from "../src/check.ts";

type Kind = typeof TypeError | typeof RangeError;

const wrapIt = "; if a function does the work, wrap it in leaf: leaf(async (signal) => …)";
const option = "Cannot use the option x: it must be";

const refused: [title: string, check: () => unknown, kind: Kind, message: string][] = [
  [
    "checkArgument() refuses what breaks its rule",
    () => checkArgument("subscribe", "a listener is a function", null, false),
    TypeError,
    "Cannot subscribe: a listener is a function, current value is null",
  ],
  ...[undefined, null, {}, { run: true }, () => {}, async () => {}].map((
    value,
  ): [string, () => unknown, Kind, string] => [
    `assertRunnable() refuses ${Deno.inspect(value)}`,
    () => assertRunnable("make a process", value),
    TypeError,
    `Cannot make a process: a runnable has a run method${
      value === undefined || typeof value === "function" ? wrapIt : ""
    }, current value is ${value == null ? value : Object.prototype.toString.call(value)}`,
  ]),
  [
    "checkShape() refuses another shape",
    () => checkShape("x", "an object", Symbol("s"), false),
    TypeError,
    `${option} an object, current value is Symbol(s)`,
  ],
  [
    "checkFunction() refuses a number",
    () => checkFunction("x", 0.5),
    TypeError,
    `${option} a function, current value is 0.5`,
  ],
  ...[undefined, null, 1, Object.create(null), { now: () => 0, monotonic: () => 0 }].map((
    value,
  ): [string, () => unknown, Kind, string] => [
    `checkClock() refuses ${Deno.inspect(value)}`,
    () => checkClock(value),
    TypeError,
    `Cannot use the option clock: it must be an object with now, monotonic and timer, current value is ${
      typeof value === "object" && value !== null ? "[object Object]" : value
    }`,
  ]),
  ...[checkNumber, checkWhole].flatMap((check) =>
    ["1", 1n, null, undefined, {}].map((value): [string, () => unknown, Kind, string] => [
      `${check.name}() refuses ${Deno.inspect(value)}`,
      () => check("x", value, 0, 9),
      TypeError,
      `${option} a number, current value is ${value}`,
    ])
  ),
  ...[-0.1, 9.1, NaN, Infinity].map((value): [string, () => unknown, Kind, string] => [
    `checkNumber() refuses ${value} between 0 and 9`,
    () => checkNumber("x", value, 0, 9),
    RangeError,
    `${option} a number from 0 to 9, current value is ${value}`,
  ]),
  ...[-1, NaN].map((value): [string, () => unknown, Kind, string] => [
    `checkNumber() refuses ${value} above 0`,
    () => checkNumber("x", value, 0, Infinity),
    RangeError,
    `${option} a number of at least 0, current value is ${value}`,
  ]),
  ...[-1, 10, 1.5, NaN, Infinity].map((value): [string, () => unknown, Kind, string] => [
    `checkWhole() refuses ${value} between 0 and 9`,
    () => checkWhole("x", value, 0, 9),
    RangeError,
    `${option} a whole number from 0 to 9, current value is ${value}`,
  ]),
  ...[0, 1.5, NaN].map((value): [string, () => unknown, Kind, string] => [
    `checkWhole() refuses ${value} above 1`,
    () => checkWhole("x", value, 1, Infinity),
    RangeError,
    `${option} a whole number of at least 1, current value is ${value}`,
  ]),
];

for (const [title, check, kind, message] of refused) {
  Deno.test(title, () => {
    assertEquals(assertThrows(check, kind).message, message);
  });
}

Deno.test("checkNumber() returns a number within its limits", () => {
  for (const value of [0, 0.5, 9]) assertEquals(checkNumber("x", value, 0, 9), value);
  assertEquals(checkNumber("x", Infinity, 0, Infinity), Infinity);
});

Deno.test("checkWhole() returns a whole number within its limits", () => {
  for (const value of [0, 5, 9]) assertEquals(checkWhole("x", value, 0, 9), value);
  assertEquals(checkWhole("x", Infinity, 1, Infinity), Infinity);
});

Deno.test("the other checks say nothing about what is right", () => {
  checkArgument("subscribe", "a listener is a function", null, true);
  checkShape("x", "an object", {}, true);
  checkFunction("x", () => {});
  checkClock(systemClock);
  assertRunnable("make a process", nop);
});

Deno.test("hasMethods() wants all of them, also when they are inherited", () => {
  assertEquals(hasMethods(new Map(), "get", "set"), true);
  assertEquals(hasMethods(new Map(), "get", "size"), false);
  assertEquals(hasMethods("text", "at"), true);
  for (const value of [undefined, null, 1, Object.create(null)]) assertEquals(hasMethods(value, "get"), false);
});

Deno.test("assertRunnable() refuses a promise, and handles its rejection", async () => {
  const promise = Promise.reject(new Error("no one hears"));
  const told = `Cannot make a process: a runnable has a run method${wrapIt}, current value is [object Promise]`;
  assertThrows(() => assertRunnable("make a process", promise), TypeError, told);
  await Promise.resolve();
});
