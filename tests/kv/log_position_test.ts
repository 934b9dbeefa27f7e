import { assertEquals } from "@std/assert";
import { advance } from "../../src/kv/log_position.ts";

const retentionMs = 1_000;
const position = { versionstamp: "05", readAt: 10_000 };

const cases: [what: string, reading: Partial<Parameters<typeof advance>[1]>, versionstamp: string, hasGap: boolean][] =
  [
    ["nothing is new", { generation: "05", last: "" }, "05", false],
    ["nothing is new after a long time", { generation: "05", last: "", at: 90_000 }, "05", false],
    ["the log reaches the generation", { generation: "07", last: "07" }, "07", false],
    ["the log has grown past the generation", { generation: "07", last: "09" }, "09", false],
    ["the log ends before the generation", { generation: "07", last: "06" }, "07", true],
    ["the log is empty", { generation: "07", last: "" }, "07", true],
    ["there is more than was read", { generation: "09", last: "07", isCut: true }, "09", true],
    ["there is more than was read, past the generation", { generation: "06", last: "07", isCut: true }, "07", true],
    ["the reading before is half a retention old", { generation: "07", last: "07", at: 10_500 }, "07", false],
    ["the reading before is older", { generation: "07", last: "07", at: 10_501 }, "07", true],
    ["the clock went back", { generation: "07", last: "07", at: 9_999 }, "07", true],
    ["the generation was deleted", { generation: "", last: "" }, "", true],
    ["the database was put back to an earlier state", { generation: "03", last: "" }, "03", true],
  ];

for (const [what, reading, versionstamp, hasGap] of cases) {
  Deno.test(`advance() ${hasGap ? "finds a gap" : "goes on"} when ${what}`, () => {
    const whole = { at: 10_200, generation: "", last: "", isCut: false, ...reading };
    assertEquals(advance(position, whole, retentionMs), { position: { versionstamp, readAt: whole.at }, hasGap });
  });
}

Deno.test("advance() begins with the first change ever", () => {
  const reading = { at: 1, generation: "01", last: "01", isCut: false };
  const first = advance({ versionstamp: "", readAt: 0 }, reading, retentionMs);
  assertEquals(first, { position: { versionstamp: "01", readAt: 1 }, hasGap: false });
});
