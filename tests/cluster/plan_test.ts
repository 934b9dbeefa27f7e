import { assertEquals } from "@std/assert";
import { plan, type SlotHeld } from "../../src/cluster/plan.ts";
import type { ClusterView } from "../../src/cluster/records.ts";

/** A situation in short: one letter for each slot, "a" is the session that decides, "." is no session. */
interface Case {
  readonly title: string;
  /** Who should own each slot. */
  readonly preferred: string;
  /** Who should take each slot now. Default as preferred. */
  readonly takers?: string;
  /** Who cannot be relied on to take what is handed over. Default none. */
  readonly unreliable?: string;
  /** Whose name the claim on each slot bears; "?" is a claim that cannot be read. */
  readonly claims: string;
  /** Who has a session; a capital is one that we cannot work with. Default "ab". */
  readonly sessions?: string;
  /** What "a" does with each slot: "h" holds it, "o" hands it over, "x" does so for too long, "k" holds it with a
   * process that did not end, "." neither. */
  readonly held?: string;
  /** Since when slots were seen without an owner, in ms. */
  readonly since?: Readonly<Record<number, number>>;
  /** How many may be on their way at the same time. Default 9. */
  readonly max?: number;
  /** Whether "a" takes what others should have taken. Default so. */
  readonly mayStepIn?: boolean;
  readonly take?: readonly number[];
  readonly handOver?: readonly number[];
  readonly reclaim?: readonly number[];
  readonly giveUp?: readonly number[];
  /** What is known of unowned slots afterwards. */
  readonly unowned?: Readonly<Record<number, number>>;
}

const nowMs = 10_000;
const graceMs = 1_500;
const handOverMs = 3_000;

const cases: readonly Case[] = [
  { title: "a free slot that is preferred here", preferred: "a", claims: ".", take: [0], unowned: { 0: nowMs } },
  {
    title: "a slot preferred here of a session that is gone",
    preferred: "a",
    claims: "c",
    take: [0],
    unowned: { 0: nowMs },
  },
  { title: "a free slot that is preferred elsewhere", preferred: "b", claims: ".", unowned: { 0: nowMs } },
  { title: "a slot preferred elsewhere of a session that is gone", preferred: "b", claims: "c", unowned: { 0: nowMs } },
  {
    title: "a slot preferred elsewhere 1 ms before its grace is over",
    preferred: "b",
    claims: ".",
    since: { 0: nowMs - graceMs + 1 },
    unowned: { 0: nowMs - graceMs + 1 },
  },
  {
    title: "a slot preferred elsewhere whose grace is over",
    preferred: "b",
    claims: ".",
    since: { 0: nowMs - graceMs },
    take: [0],
    unowned: { 0: nowMs - graceMs },
  },
  {
    title: "a slot preferred elsewhere whose grace is over, for a session that does not step in",
    preferred: "b",
    claims: ".",
    since: { 0: nowMs - graceMs },
    mayStepIn: false,
    unowned: { 0: nowMs - graceMs },
  },
  {
    title: "a dead session's slot preferred elsewhere whose grace is over",
    preferred: "b",
    claims: "c",
    since: { 0: 0 },
    take: [0],
    unowned: { 0: 0 },
  },
  { title: "a slot that was unowned and has an owner again", preferred: "b", claims: "b", since: { 0: 0 } },
  { title: "a slot preferred here that a live session owns", preferred: "a", claims: "b" },
  { title: "a slot that is held and preferred here", preferred: "a", claims: "a", held: "h" },
  { title: "a slot that is held and preferred elsewhere", preferred: "b", claims: "a", held: "h", handOver: [0] },
  { title: "a slot that is being handed over", preferred: "b", claims: "a", held: "o" },
  {
    title: "a slot that is being handed over and preferred here again",
    preferred: "a",
    claims: "a",
    held: "o",
    reclaim: [0],
  },
  { title: "a slot that bears our name and is not held", preferred: "a", claims: "a", take: [0] },
  {
    title: "a slot that bears our name, is not held and is preferred elsewhere",
    preferred: "b",
    claims: "a",
    take: [0],
  },
  {
    title: "more slots to hand over than may be at once",
    preferred: "bbb",
    claims: "aaa",
    held: "hhh",
    max: 2,
    handOver: [0, 1],
  },
  {
    title: "slots to hand over while others are under way",
    preferred: "bbbb",
    claims: "aaaa",
    held: "ohhh",
    max: 2,
    handOver: [1],
  },
  {
    title: "a slot to hand over while as many as may be are under way",
    preferred: "bbb",
    claims: "aaa",
    held: "ooh",
    max: 2,
  },
  {
    title: "a slot to hand over in place of one that is kept",
    preferred: "abb",
    claims: "aaa",
    held: "ooh",
    max: 2,
    handOver: [2],
    reclaim: [0],
  },
  {
    title: "a slot that is handed over and whose processes do not end in time",
    preferred: "b",
    claims: "a",
    held: "x",
    giveUp: [0],
  },
  { title: "a slot preferred elsewhere with a process that did not end", preferred: "b", claims: "a", held: "k" },
  {
    title: "a held slot preferred by a session that was not seen to move",
    preferred: "b",
    unreliable: "b",
    claims: "a",
    held: "h",
  },
  {
    title: "a free slot preferred by a session that does not move",
    preferred: "b",
    takers: "a",
    claims: ".",
    take: [0],
    unowned: { 0: nowMs },
  },
  {
    title: "a slot to hand over while others wait for their owners",
    preferred: "bbb",
    claims: "..a",
    held: "..h",
    max: 2,
    unowned: { 0: nowMs, 1: nowMs },
  },
  {
    title: "a slot to hand over while one waits for its owner and another may be on its way",
    preferred: "bb",
    claims: ".a",
    held: ".h",
    max: 2,
    handOver: [1],
    unowned: { 0: nowMs },
  },
  {
    title: "a slot whose claim cannot be read, among sessions that we can work with",
    preferred: "a",
    claims: "?",
    take: [0],
    unowned: { 0: nowMs },
  },
  {
    title: "a slot whose claim cannot be read, while a session is there that we cannot work with",
    preferred: "a",
    claims: "?",
    sessions: "abC",
  },
  {
    title: "a free slot while a session is there that we cannot work with",
    preferred: "a",
    claims: ".",
    sessions: "aC",
    take: [0],
    unowned: { 0: nowMs },
  },
  { title: "a slot of a session that we cannot work with", preferred: "a", claims: "c", sessions: "aC" },
  {
    title: "all of this at once",
    preferred: "aabbab",
    claims: "b.a.c.",
    held: "..h...",
    since: { 5: 0 },
    take: [1, 4, 5],
    handOver: [2],
    unowned: { 1: nowMs, 3: nowMs, 4: nowMs, 5: 0 },
  },
];

for (const { title, take = [], handOver = [], reclaim = [], giveUp = [], unowned = {}, ...situation } of cases) {
  Deno.test(`plan() of ${title}`, () => {
    const { since = {}, preferred, takers = preferred, unreliable = "", max = 9, mayStepIn = true } = situation;
    const view = viewOf(situation);
    const { awaited: _tested_below, ...result } = plan({
      self: "a",
      preferred: [...preferred],
      takers: [...takers],
      canReceive: (session) => !unreliable.includes(session),
      view,
      held: heldOf(situation),
      unownedSince: new Map(Object.entries(since).map(([slot, sinceMs]) => [Number(slot), sinceMs])),
      nowMs,
      graceMs,
      handOverMs,
      maxHandingOver: max,
      mayStepIn,
    });
    assertEquals(
      { ...result, take: result.take.map(({ slot }) => slot), unowned: Object.fromEntries(result.unowned) },
      { take, handOver, reclaim, giveUp, unowned },
    );
  });
}

Deno.test("plan() says of a slot to take what stands there and whose it was", () => {
  const situation = { preferred: "aa", claims: ".c", sessions: "a" };
  const { take } = plan({
    self: "a",
    preferred: ["a", "a"],
    takers: ["a", "a"],
    canReceive: () => true,
    view: viewOf(situation),
    held: new Map(),
    unownedSince: new Map(),
    nowMs,
    graceMs,
    handOverMs,
    maxHandingOver: 1,
    mayStepIn: true,
  });
  assertEquals(take, [
    { slot: 0, versionstamp: null, owner: undefined },
    { slot: 1, versionstamp: "stamp 1", owner: "c" },
  ]);
});

function viewOf({ claims, sessions = "ab" }: Pick<Case, "claims" | "sessions">): ClusterView {
  const session = (letter: string) => ({
    versionstamp: "stamp",
    ttlMs: 1,
    accepts: true,
    beats: 9,
    isProven: true,
    first: "stamp",
    mismatch: letter === letter.toLowerCase() ? undefined : "is another one",
  });
  const claim = (letter: string, slot: number) => ({
    slot,
    versionstamp: `stamp ${slot}`,
    owner: letter === "?" ? undefined : letter,
  });
  return {
    sessions: new Map([...sessions].map((letter) => [letter.toLowerCase(), session(letter)])),
    claims: new Map(
      [...claims].flatMap((letter, slot) => letter === "." ? [] : [[slot, claim(letter, slot)] as const]),
    ),
  };
}

function heldOf({ held = "" }: Pick<Case, "held">): Map<number, SlotHeld> {
  const sinceMs: Record<string, number> = { o: nowMs - handOverMs + 1, x: nowMs - handOverMs };
  const hold = (how: string) => ({ handingOverSinceMs: sinceMs[how], isBlocked: how === "k" });
  return new Map([...held].flatMap((how, slot) => how === "." ? [] : [[slot, hold(how)] as const]));
}

const awaitings: readonly (readonly [title: string, awaited: number, situation: Case])[] = [
  ["nothing when all is as it should be", 0, { title: "", preferred: "ab", claims: "ab", held: "h." }],
  ["what it should own and another one does", 1, { title: "", preferred: "aa", claims: "ab", held: "h." }],
  ["not what it takes", 0, { title: "", preferred: "a", claims: "." }],
  ["what another one should take", 1, { title: "", preferred: "b", claims: "." }],
  ["not what others own as they should", 0, { title: "", preferred: "bb", claims: "bb" }],
];
for (const [title, awaited, situation] of awaitings) {
  Deno.test(`plan() has a session await ${title}`, () => {
    const { preferred } = situation;
    const result = plan({
      self: "a",
      preferred: [...preferred],
      takers: [...preferred],
      canReceive: () => true,
      view: viewOf(situation),
      held: heldOf(situation),
      unownedSince: new Map(),
      nowMs,
      graceMs,
      handOverMs,
      maxHandingOver: 1,
      mayStepIn: true,
    });
    assertEquals(result.awaited, awaited);
  });
}
