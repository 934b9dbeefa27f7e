import { assertEquals } from "@std/assert";
import { Proof, type ProofOptions } from "../../src/cluster/proof.ts";
import type { SessionSeen } from "../../src/cluster/records.ts";

const ttlMs = 15_000;
const young = 10, old = 48;

/** What was seen of the others: a letter for each and its commit, such as "b1 c7"; and when, in ms. */
type Look = readonly [sessions: string, nowMs: number];

interface Case {
  readonly title: string;
  readonly looks: readonly Look[];
  readonly options?: Partial<ProofOptions>;
  /** How many beats the others had had. */
  readonly beats?: number;
  /** After how many beats it has proven itself; `undefined` if no number will do. */
  readonly needed: number | undefined;
}

const cases: readonly Case[] = [
  { title: "one that has not looked", looks: [], needed: undefined },
  { title: "one that is alone", looks: [["", 0]], needed: 3 },
  { title: "one that has seen another one stand still for no time at all", looks: [["b1", 0]], needed: undefined },
  { title: "one that has seen another one beat", looks: [["b1", 0], ["b2", 5_000]], needed: 3 },
  {
    title: "one that has seen one beat and another one stand still",
    looks: [["b1 c1", 0], ["b2 c1", 5_000]],
    needed: undefined,
  },
  { title: "one that has seen another one come", looks: [["", 0], ["b1", 5_000]], needed: 3 },
  { title: "one that has seen another one leave before it could beat", looks: [["b1", 0], ["", 5_000]], needed: 3 },
  { title: "one that has seen another one beat and die", looks: [["b1", 0], ["b2", 5_000], ["", 20_000]], needed: 3 },
  { title: "one that came after a crash", looks: [["b1", 0], ["b1", 5_000], ["", 12_000]], needed: 48 },
  { title: "one that came after a crash a while ago", looks: [["b1", 0], ["b1", 5_000], ["", 7_500]], needed: 48 },
  { title: "one that came after two crashes", looks: [["b1 c1", 0], ["c1", 9_000], ["", 12_000]], needed: 48 },
  {
    title: "one that came after the crash of one with a long life",
    looks: [["b1", 0], ["", 12_000]],
    beats: old,
    needed: 3,
  },
  {
    title: "one that came after the crash of one with nearly a long life",
    looks: [["b1", 0], ["", 12_000]],
    beats: old - 1,
    needed: 48,
  },
  { title: "one in doubt that sees others come and die", looks: [["b1", 0], ["c1", 12_000], ["", 40_000]], needed: 48 },
  {
    title: "one that takes the place of another one that has left, though a third one crashed",
    looks: [["b1", 0], ["", 12_000]],
    options: { isSuccessor: true },
    needed: 3,
  },
  { title: "one that follows a fenced session", looks: [["b1", 0]], options: { wasFenced: true }, needed: 0 },
];
for (const { title, looks, options, beats = young, needed } of cases) {
  Deno.test(`Proof of ${title}`, () => {
    const proof = new Proof({ wasFenced: false, isSuccessor: false, ...options });
    for (const [sessions, nowMs] of looks) {
      const seen = sessions.split(" ").filter((each) => each !== "").map(
        ([id, versionstamp]): [string, SessionSeen] => {
          return [id, { versionstamp, ttlMs, accepts: true, beats, isProven: true, first: "", mismatch: undefined }];
        },
      );
      proof.see(new Map(seen), nowMs);
    }
    const enough = Array.from({ length: 100 }, (_, count) => count).find((count) => proof.isGiven(count));
    assertEquals(enough, needed);
  });
}
