import { assert, assertEquals } from "@std/assert";
import { serialize } from "node:v8";
import { isClaimRecord, isSessionRecord, type SessionRecord, toInfo, toSession } from "../../src/cluster/records.ts";

const claim = { format: 1, session: "a1", nonce: 7 };
const session = { ...claim, ttlMs: 9_000, slots: 256, accepts: true };
const own = { slots: 256, ttlMs: 15_000 };

const noClaims: readonly unknown[] = [
  undefined,
  null,
  1,
  "a1",
  [],
  {},
  { ...session, format: 2 },
  { ...session, format: "1" },
  { ...session, session: 1 },
  { ...session, session: "!bell" },
  { ...session, session: "a".repeat(65) },
  { ...session, nonce: "7" },
  { ...session, nonce: undefined },
];
const noSessions: readonly unknown[] = [
  ...noClaims,
  claim,
  { ...session, ttlMs: NaN },
  { ...session, ttlMs: Infinity },
  { ...session, ttlMs: "15000" },
  { ...session, slots: 2.5 },
  { ...session, slots: undefined },
];

Deno.test("isClaimRecord() is true for a claim, whatever a later version adds", () => {
  assertEquals([isClaimRecord(claim), isClaimRecord({ ...claim, region: "ams" })], [true, true]);
});

Deno.test("isSessionRecord() is true for a session, whatever a later version adds", () => {
  assertEquals([isSessionRecord(session), isSessionRecord({ ...session, region: "ams" })], [true, true]);
});

for (const value of noClaims) {
  Deno.test(`isClaimRecord() is false for ${Deno.inspect(value)}`, () => assertEquals(isClaimRecord(value), false));
}

for (const value of noSessions) {
  Deno.test(`isSessionRecord() is false for ${Deno.inspect(value)}, and toSession() calls it a mismatch`, () => {
    assertEquals(isSessionRecord(value), false);
    const { mismatch, ...rest } = toSession({ value, versionstamp: "1" }, own);
    assertEquals(rest, { versionstamp: "1", ttlMs: own.ttlMs, accepts: false, beats: 0, isProven: false, first: "" });
    const format = (value as { format?: unknown } | null | undefined)?.format;
    const expected = `this version reads format 1, its format is ${String(format)}`;
    assertEquals(mismatch, format === 1 ? "no version writes such a record" : expected);
  });
}

for (const accepts of [true, false]) {
  Deno.test(`toSession() tells that a session ${accepts ? "accepts" : "does not accept"} slots, and its own time to live`, () => {
    const seen = toSession({ value: { ...session, accepts }, versionstamp: "1" }, own);
    assertEquals(seen, {
      versionstamp: "1",
      ttlMs: 9_000,
      accepts,
      beats: 0,
      isProven: false,
      first: "1",
      mismatch: undefined,
    });
  });
}

Deno.test("toSession() calls a session with another number of slots a mismatch, which lives as long as it says", () => {
  const seen = toSession({ value: { ...session, slots: 128 }, versionstamp: "1" }, own);
  const mismatch = "all instances need the same number of slots, current values are 128 there and 256 here";
  assertEquals(seen, {
    versionstamp: "1",
    ttlMs: 9_000,
    accepts: false,
    beats: 0,
    isProven: false,
    first: "1",
    mismatch,
  });
});

Deno.test("toSession() takes the first record of a session for the one that it names, whatever the format", () => {
  const records = [session, { ...session, slots: 128 }, { ...session, format: 2 }];
  const firsts = records.map((record) => toSession({ value: { ...record, first: "0" }, versionstamp: "1" }, own).first);
  assertEquals(firsts, ["0", "0", "0"]);
});

const counted: readonly (readonly [value: unknown, counts: unknown])[] = [
  [{ running: 5, parked: 1 }, { running: 5, parked: 1 }],
  [{ running: 5, of_a_later_version: 2 }, { running: 5, of_a_later_version: 2 }],
  [{ running: -1, parked: 0.5, stuck: "2", paused: NaN, queued: 0, resting: 3 }, { resting: 3 }],
  [Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`s${index}`, 1])), 16],
  ["5", undefined],
  [null, undefined],
];
for (const [value, expected] of counted) {
  Deno.test(`toSession() believes of counts ${Deno.inspect(value).slice(0, 60)} what can be true`, () => {
    const { counts } = toSession({ value: { ...session, counts: value }, versionstamp: "1" }, own);
    assertEquals(typeof expected === "number" ? Object.keys(counts ?? {}).length : counts, expected);
  });
}

const infos: readonly (readonly [value: unknown, info: unknown])[] = [
  [{ format: 1, revision: "r2" }, { revision: "r2" }],
  [{ format: 1, revision: "", info: { url: "http://a" } }, { revision: "", info: { url: "http://a" } }],
  [{ format: 1, revision: "r2", info: null, added: "by a later version" }, { revision: "r2", info: null }],
  [{ format: 2, revision: "r2" }, undefined],
  [{ format: 1, revision: 2 }, undefined],
  [{ format: 1 }, undefined],
  ["r2", undefined],
  [null, undefined],
];
for (const [value, info] of infos) {
  Deno.test(`toInfo() reads ${Deno.inspect(info)} in ${Deno.inspect(value)}`, () => assertEquals(toInfo(value), info));
}

Deno.test("a session record stays under 300 bytes, with counts for every state of a process", () => {
  const states = "queued starting running stopping stuck retrying parked resting paused".split(" ");
  const record: Required<SessionRecord> = {
    format: 1,
    session: crypto.randomUUID(),
    nonce: 2 ** 48 - 1,
    ttlMs: 2_147_483_647,
    slots: 4_096,
    accepts: true,
    beats: 1_000_000,
    isProven: true,
    first: "0".repeat(20),
    counts: Object.fromEntries(states.map((state) => [state, 10_000])),
  };
  const { length } = serialize(record);
  assert(length < 300, `${length} bytes`);
});
