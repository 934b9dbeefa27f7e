import { assertEquals } from "@std/assert";
import { advance } from "../../src/kv/log_position.ts";

const retentionMs = 1_000;
/** A moment at which the wall clock shows 10 000 ms more than the monotonic one, or another difference. */
const moment = (monotonicMs: number, aheadMs = 10_000) => ({ at: monotonicMs + aheadMs, monotonicMs });
const position = { versionstamp: "05", read: moment(0) };

const cases: [what: string, reading: Partial<Parameters<typeof advance>[1]>, versionstamp: string, hasGap: boolean][] =
  [
    ["nothing is new", { generation: "05", last: "" }, "05", false],
    ["nothing is new after a long time", { generation: "05", last: "", begun: moment(80_000) }, "05", false],
    ["the log reaches the generation", { generation: "07", last: "07" }, "07", false],
    ["the log has grown past the generation", { generation: "07", last: "09" }, "09", false],
    ["the log ends before the generation", { generation: "07", last: "06" }, "07", true],
    ["the log is empty", { generation: "07", last: "" }, "07", true],
    ["there is more than was read", { generation: "09", last: "07", isCut: true }, "09", true],
    ["there is more than was read, past the generation", { generation: "06", last: "07", isCut: true }, "07", true],
    ["the reading before is half a retention old", { generation: "07", last: "07", begun: moment(500) }, "07", false],
    ["the reading before is older", { generation: "07", last: "07", begun: moment(501) }, "07", true],
    ["the wall clock was set back", { generation: "07", last: "07", begun: moment(200, 0) }, "07", false],
    [
      "the wall clock was set back after a long time",
      { generation: "07", last: "07", begun: moment(501, 0) },
      "07",
      true,
    ],
    ["the wall clock was set forward", { generation: "07", last: "07", begun: moment(200, 10_301) }, "07", true],
    ["the machine slept", { generation: "07", last: "07", begun: moment(0, 90_000) }, "07", true],
    ["the generation was deleted", { generation: "", last: "" }, "", true],
    ["the database was put back to an earlier state", { generation: "03", last: "" }, "03", true],
  ];

for (const [what, reading, versionstamp, hasGap] of cases) {
  Deno.test(`advance() ${hasGap ? "finds a gap" : "goes on"} when ${what}`, () => {
    const whole = { begun: moment(200), generation: "", last: "", isCut: false, ...reading };
    assertEquals(advance(position, whole, retentionMs), { position: { versionstamp, read: whole.begun }, hasGap });
  });
}

Deno.test("advance() begins with the first change ever", () => {
  const reading = { begun: moment(1), generation: "01", last: "01", isCut: false };
  const first = advance({ versionstamp: "", read: moment(0) }, reading, retentionMs);
  assertEquals(first, { position: { versionstamp: "01", read: moment(1) }, hasGap: false });
});
