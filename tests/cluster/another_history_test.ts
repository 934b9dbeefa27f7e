/** What shows that the database goes on in another history. */

import { beatEvidence, type BeatKnown, lookEvidence, newestCommit } from "../../src/cluster/another_history.ts";
import type { Beaten, SessionsView } from "../../src/cluster/ledger.ts";
import { assertEquals } from "@std/assert";

const known: BeatKnown = { nonce: 7, last: "05", bell: "04", newest: "06" };

const beats: [what: string, known: Partial<BeatKnown>, beaten: Beaten, evidence?: string][] = [
  ["a beat was committed after all that is known", {}, { nonce: 7, versionstamp: "07" }],
  [
    "it was committed before something that is known",
    {},
    { nonce: 7, versionstamp: "06" },
    "a heartbeat was committed as 06, after a commit of 06",
  ],
  [
    "the first beat was committed before something that is known",
    { last: null },
    { nonce: 7, versionstamp: "02" },
    "a heartbeat was committed as 02, after a commit of 06",
  ],
  ["an earlier one has landed late", { last: "03" }, { nonce: 6, versionstamp: "04" }],
  [
    "an earlier one stands there again",
    {},
    { nonce: 5, versionstamp: "04" },
    "the record of this session is of 04, and was of 05",
  ],
  ["a record stands there before the first beat", { last: null }, { nonce: 6, versionstamp: "02" }],
  ["the record was deleted with a ring", {}, { versionstamp: null, bell: "08" }],
  ["the record was deleted without one", {}, { versionstamp: null, bell: "04" }],
  [
    "the record is gone, and the bell was set back",
    {},
    { versionstamp: null, bell: "03" },
    "the last change of ownership was 04, and is now 03",
  ],
  [
    "the record and the bell are gone",
    {},
    { versionstamp: null, bell: null },
    "the last change of ownership was 04, and is now none",
  ],
  ["the record is gone, and the bell was never rung", { bell: null }, { versionstamp: null, bell: null }],
  ["the record is gone before the bell is known", { bell: undefined }, { versionstamp: null, bell: null }],
];
for (const [what, more, beaten, evidence] of beats) {
  Deno.test(`beatEvidence() is ${evidence ? "given" : "none"} when ${what}`, () => {
    assertEquals(beatEvidence({ ...known, ...more }, beaten), evidence);
  });
}

function view(sessions: Readonly<Record<string, string>>, bell: string | null | "unreadable" = "04"): SessionsView {
  const seen = (versionstamp: string) => ({
    versionstamp,
    ttlMs: 1,
    accepts: true,
    beats: 9,
    isProven: true,
    first: "",
    mismatch: undefined,
  });
  return {
    bell: bell === "unreadable" ? undefined : bell,
    sessions: new Map(Object.entries(sessions).map(([id, versionstamp]) => [id, seen(versionstamp)])),
  };
}

const own = { id: "a", last: "05" };
const before = view({ a: "05", b: "03" });

const looks: [what: string, now: SessionsView, evidence?: string][] = [
  ["nothing has changed", before],
  ["all have moved", view({ a: "07", b: "08" }, "09")],
  ["another session has come, and one has gone", view({ a: "05", c: "02" })],
  ["the own session is gone", view({ b: "03" })],
  [
    "the own session is of an earlier beat",
    view({ a: "04", b: "03" }),
    "the record of this session is of 04, and was of 05",
  ],
  [
    "another session is of an earlier beat",
    view({ a: "05", b: "02" }),
    "the record of session b is of 02, and was of 03",
  ],
  ["the bell was set back", view({ a: "05", b: "03" }, "02"), "the last change of ownership was 04, and is now 02"],
  ["everything is gone", view({}, null), "the last change of ownership was 04, and is now none"],
  ["neither the sessions nor the bell can be read", view({ a: "", b: "" }, "unreadable")],
];
for (const [what, now, evidence] of looks) {
  Deno.test(`lookEvidence() is ${evidence ? "given" : "none"} when ${what}`, () => {
    assertEquals(lookEvidence(own, before, now), evidence);
  });
}

Deno.test("lookEvidence() is none at the first look of a session that has not beaten", () => {
  assertEquals(lookEvidence({ id: "a", last: null }, view({}, "unreadable"), view({ a: "03" }, null)), undefined);
});

Deno.test("newestCommit() is the newest of all that is known", () => {
  assertEquals(newestCommit(view({ a: "05", b: "" }), ""), "05");
  assertEquals(newestCommit(view({ a: "05" }, "08"), "06"), "08");
  assertEquals(newestCommit(view({ a: "05" }, null), "06"), "06");
  assertEquals(newestCommit(view({}, "unreadable"), ""), "");
});
