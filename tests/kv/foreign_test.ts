/** What others hand in, a schema that does not answer or a text that is not for a log, does no harm. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { InvalidSpecError, type SpecIssue } from "../../src/kv/mod.ts";
import { botTable, never, settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

const timeoutMs = 100;

function mute(kv: Deno.Kv) {
  const clock = new ManualClock();
  const schema = { "~standard": { version: 1, vendor: "test", validate: () => never } } as const;
  return { clock, table: botTable(kv, { clock, timeoutMs, schema }) };
}

Deno.test("KvTable.set() gives up on a schema that does not answer, and writes nothing", async () => {
  using kv = await Deno.openKv(":memory:");
  const { clock, table } = mute(kv);
  const rejected = assertRejects(() => table.set("acme", 1), DOMException);
  await clock.armed(timeoutMs);
  clock.advance(timeoutMs);
  const { name, message } = await rejected;
  const reason = "its schema did not answer within the deadline, current value is 100 ms";
  assertEquals([name, message], ["TimeoutError", `Cannot use the spec of entry "acme": ${reason}`]);
  assertEquals([clock.pending, await Array.fromAsync(kv.list({ prefix: [] }))], [0, []]);
});

Deno.test("KvTable.set() rejects with the reason of its signal while the schema does not answer", async () => {
  using kv = await Deno.openKv(":memory:");
  const { clock, table } = mute(kv);
  const controller = new AbortController();
  const rejected = assertRejects(() => table.set("acme", 1, { signal: controller.signal }), Error, "enough");
  await settle();
  controller.abort(new Error("enough"));
  await rejected;
  assertEquals(clock.pending, 0);
});

Deno.test("KvTable entries give up on a schema that does not answer", async () => {
  using kv = await Deno.openKv(":memory:");
  await kv.set(["bots", "acme"], 1);
  const { clock, table } = mute(kv);
  const entry = await table.get("acme");
  const rejected = assertRejects(async () => await entry?.get(), DOMException, "its schema did not answer");
  await clock.armed(timeoutMs);
  clock.advance(timeoutMs);
  await rejected;
  assertEquals(clock.pending, 0);
});

const forged = "x\nall is well\r\x1b[2J\u2028\u202e";
// deno-lint-ignore no-control-regex
const unprintable = /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const issues: [what: string, issue: SpecIssue][] = [
  ["the message", { message: forged }],
  ["a property name", { message: "wrong", path: [forged] }],
  ["a property name within", { message: "wrong", path: ["a", { key: forged }, 0] }],
  ["a symbol", { message: "wrong", path: [Symbol(forged)] }],
  ["10 MB of message", { message: "x".repeat(10_000_000) }],
  ["10 MB of property name", { message: "wrong", path: ["x".repeat(10_000_000)] }],
  ["a million property names", { message: "wrong", path: new Array<string>(1_000_000).fill("x") }],
];
for (const [what, issue] of issues) {
  Deno.test(`InvalidSpecError is one short line whatever stands in an issue: ${what}`, () => {
    const { message } = new InvalidSpecError(forged, [issue, issue, issue, issue]);
    assert(!unprintable.test(message), message);
    assert(message.length < 2_000, `${message.length} characters`);
  });
}

const wrongCalls: [what: string, key: string, spec: unknown][] = [
  ["a key with control characters", forged, () => {}],
  ["a function with a long source", "acme", new Function(`/* ${forged.repeat(1_000)} */`)],
  ["a value too large", forged, "x".repeat(70_000)],
  ["a key of 10 MB", forged.repeat(1_000_000), 1],
];
for (const [what, key, spec] of wrongCalls) {
  Deno.test(`KvTable.set() refuses ${what} in one short line`, async () => {
    using kv = await Deno.openKv(":memory:");
    const { message } = await assertRejects(() => botTable(kv).set(key, spec), TypeError);
    assert(!unprintable.test(message), message);
    assert(message.length < 1_000, `${message.length} characters`);
  });
}

for (const prefix of [[forged, {}], [Symbol(forged)], ["x".repeat(10_000_000), null], forged, "x".repeat(10_000_000)]) {
  Deno.test(`KvTable refuses the prefix ${Deno.inspect(prefix).slice(0, 20)}… in one short line`, async () => {
    using kv = await Deno.openKv(":memory:");
    const { message } = await assertRejects(
      () => Promise.try(() => botTable(kv, { prefix: prefix as string[] })),
      TypeError,
    );
    assert(!unprintable.test(message), message);
    assert(message.length < 2_000, `${message.length} characters`);
  });
}
