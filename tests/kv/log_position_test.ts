import { assertEquals } from "@std/assert";
import { advance, anotherHistory, isAt, type LogPosition, type LogReading } from "../../src/kv/log_position.ts";

const retentionMs = 1_000;
/** A moment at which the wall clock shows 10 000 ms more than the monotonic one, or another difference. */
const moment = (monotonicMs: number, aheadMs = 10_000) => ({ at: monotonicMs + aheadMs, monotonicMs });
const position = { versionstamp: "05", nonce: 0.5, read: moment(0) };
/** A change: of the history in which each has its number as nonce, or of another one. */
const change = (versionstamp: string, nonce: number | undefined = Number(versionstamp) / 10) => ({
  versionstamp,
  nonce,
});
const logged = (versionstamp: string, keptMs = retentionMs) => ({ ...change(versionstamp), keptMs });
const reading = (more: Partial<LogReading>): LogReading => {
  return { begun: moment(200), generation: change("05"), first: undefined, last: undefined, isCut: false, ...more };
};

const cases: [what: string, reading: Partial<LogReading>, versionstamp: string, hasGap: boolean][] = [
  ["nothing is new", {}, "05", false],
  ["nothing is new after a long time", { begun: moment(80_000) }, "05", false],
  ["the log reaches the generation", { generation: change("07"), last: logged("07") }, "07", false],
  ["the log has grown past the generation", { generation: change("07"), last: logged("09") }, "09", false],
  ["the log ends before the generation", { generation: change("07"), last: logged("06") }, "07", true],
  ["the log is empty", { generation: change("07") }, "07", true],
  ["there is more than was read", { generation: change("09"), last: logged("07"), isCut: true }, "09", true],
  [
    "there is more than was read, past the generation",
    {
      generation: change("06"),
      last: logged("07"),
      isCut: true,
    },
    "07",
    true,
  ],
  [
    "the reading before is half a retention old",
    {
      generation: change("07"),
      last: logged("07"),
      begun: moment(500),
    },
    "07",
    false,
  ],
  ["the reading before is older", { generation: change("07"), last: logged("07"), begun: moment(501) }, "07", true],
  ["the wall clock was set back", { generation: change("07"), last: logged("07"), begun: moment(200, 0) }, "07", false],
  [
    "the wall clock was set back after a long time",
    {
      generation: change("07"),
      last: logged("07"),
      begun: moment(501, 0),
    },
    "07",
    true,
  ],
  [
    "the wall clock was set forward",
    {
      generation: change("07"),
      last: logged("07"),
      begun: moment(200, 10_301),
    },
    "07",
    true,
  ],
  ["the machine slept", { generation: change("07"), last: logged("07"), begun: moment(0, 90_000) }, "07", true],
  ["the generation was deleted", { generation: change("", undefined) }, "", true],
];

for (const [what, more, versionstamp, hasGap] of cases) {
  Deno.test(`advance() ${hasGap ? "finds a gap" : "goes on"} when ${what}`, () => {
    const advanced = advance(position, reading(more), retentionMs);
    const { begun = moment(200) } = more;
    assertEquals([advanced.position.versionstamp, advanced.position.read, advanced.hasGap], [
      versionstamp,
      begun,
      hasGap,
    ]);
  });
}

Deno.test("advance() begins with the first change ever", () => {
  const first = reading({ begun: moment(1), generation: change("01"), last: logged("01") });
  assertEquals(advance({ ...change("", undefined), read: moment(0) }, first, retentionMs), {
    position: { ...change("01"), read: moment(1), logged: { since: moment(0), keptMs: retentionMs } },
    hasGap: false,
  });
});

Deno.test("advance() keeps since when the record of its change is in the log, and takes over a nonce that it did not know", () => {
  const known = { ...position, nonce: undefined, logged: { since: moment(-50), keptMs: 9 } };
  const { position: next } = advance(known, reading({}), retentionMs);
  assertEquals(next, { ...position, read: moment(200), logged: known.logged });
});

for (
  const [what, generation, expected] of [
    ["the change", change("05"), true],
    ["a change of another history with its number", change("05", 0.9), false],
    ["a change of its number that tells no nonce", change("05", undefined), true],
    ["a later change", change("06"), false],
    ["an earlier change", change("04"), false],
  ] as const
) {
  Deno.test(`isAt() is ${expected} for ${what} at a position`, () =>
    assertEquals(isAt(position, generation), expected));
}

const since = { logged: { since: moment(0), keptMs: retentionMs } };
const replaced = "another change has the versionstamp of the last one that was seen, 05";
const gone = (now: string) => `the last change that was seen is gone, 05, and the last one is now ${now}`;

const histories: [what: string, from: Partial<LogPosition>, reading: Partial<LogReading>, evidence?: string][] = [
  ["nothing has changed", since, { first: change("05") }],
  ["there are more changes", since, { generation: change("07"), first: change("05"), last: logged("07") }],
  ["its record may have expired", {}, { generation: change("07"), last: logged("07") }],
  ["its record may have expired by the wall clock", since, { generation: change("07"), begun: moment(0, 10_501) }],
  ["its record may have expired by the monotonic clock", since, { generation: change("07"), begun: moment(501, 0) }],
  ["its record is kept by its writer for less time", { logged: { since: moment(0), keptMs: 300 } }, {
    generation: change("07"),
  }],
  ["the record of its generation was deleted, and that in the log was not", since, {
    generation: change("", undefined),
    first: change("05"),
  }],
  ["nothing was seen before", { versionstamp: "", nonce: undefined }, { generation: change("07", 0.9) }],
  ["its record tells no nonce", since, { generation: change("07"), first: change("05", undefined) }],
  ["its generation tells no nonce", since, { generation: change("05", undefined) }],
  ["its number is another generation's", {}, { generation: change("05", 0.9) }, replaced],
  ["its number is another change's", {}, { generation: change("07", 0.9), first: change("05", 0.9) }, replaced],
  ["the last change is an earlier one", {}, { generation: change("03") }, gone("03")],
  ["there is no change any more", since, { generation: change("", undefined) }, gone("none")],
  [
    "its record is gone before it can expire",
    since,
    { generation: change("07"), last: logged("07") },
    "the last change that was seen is gone, 05",
  ],
];
for (const [what, from, more, evidence] of histories) {
  Deno.test(`anotherHistory() finds ${evidence ? "one" : "none"} when ${what}`, () => {
    assertEquals(anotherHistory({ ...position, ...from }, reading(more)), evidence);
  });
}
