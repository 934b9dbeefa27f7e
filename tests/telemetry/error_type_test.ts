import { assertEquals } from "@std/assert";
import { errorType } from "../../src/telemetry/error_type.ts";

const named = (name: unknown) => Object.assign(new Error("oops"), { name });

const cases: readonly [what: string, error: unknown, type: string][] = [
  ["an error", new RangeError("oops"), "RangeError"],
  ["a DOMException", new DOMException("oops", "TimeoutError"), "TimeoutError"],
  ["a text", "oops", "Error"],
  ["nothing", undefined, "Error"],
  ["a name that holds data", named("error of tenant 17"), "_OTHER"],
  ["a name of several lines", named("a\nb"), "_OTHER"],
  ["a long name", named("E".repeat(61)), "_OTHER"],
  ["a name that is no text", named(5), "Error"],
  ["a revoked proxy", revoked(), "Error"],
];

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

for (const [what, error, type] of cases) {
  Deno.test(`errorType() of ${what} is ${type}`, () => assertEquals(errorType(error), type));
}

Deno.test("errorType() tells few kinds apart, however many names there are", () => {
  const types = new Set(Array.from({ length: 1_000 }, (_, index) => errorType(named(`Error${index}`))));
  assertEquals([types.size <= 51, types.has("_OTHER"), errorType(named("Error0"))], [true, true, "Error0"]);
});
