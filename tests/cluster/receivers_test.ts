import { assertEquals } from "@std/assert";
import { place } from "../../src/cluster/placement.ts";
import { homesOf, missingOf, receiversOf, sharersOf, type Standing, takersOf } from "../../src/cluster/receivers.ts";

/**
 * Sessions in short, such as "a0+ b1- C1": the name, capital if it owns slots, the rank of its revision, "+" if it is proven,
 * "=" if it has lived for a while and is in doubt, and "!" if it accepts nothing.
 */
function standingsOf(text: string): Standing[] {
  return text.split(" ").filter((each) => each !== "").map((each) => ({
    id: each[0].toLowerCase(),
    isOwner: each[0] !== each[0].toLowerCase(),
    rank: Number(each[1]),
    isProven: each.includes("+"),
    isGrown: each.includes("+") || each.includes("="),
    accepts: !each.includes("!"),
  }));
}

function idsOf(standings: readonly Standing[]): string {
  return standings.map(({ id }) => id).join("");
}

const cases: readonly (readonly [title: string, sessions: string, receivers: string, sharers: string])[] = [
  ["no session at all", "", "", ""],
  ["proven sessions of one revision", "A0+ B0+", "ab", "ab"],
  ["a newcomer beside a proven one", "A0+ b0", "a", "a"],
  ["only newcomers: a cold start", "a0 b0", "ab", "ab"],
  ["a cold start of which one is proven already", "A0+ B0 C0", "a", "abc"],
  ["a cold start with a latecomer", "A0+ B0 c0", "a", "ab"],
  ["proven ones of two revisions", "A0+ B0+ c1+ d1+", "cd", "cd"],
  ["a newer revision that has proven nothing", "A0+ B0+ c1", "ab", "ab"],
  ["a newer revision that has proven nothing and owns slots", "A0+ C1", "a", "a"],
  ["newcomers of two revisions", "a0 b1", "b", "b"],
  ["a proven one of a newer revision that is drained", "A0+ B0+ C1+!", "ab", "ab"],
  ["a drained one among others", "A0+ B0+!", "a", "a"],
  ["a newcomer while all proven ones are drained", "A0+! b0", "b", "b"],
  ["one in doubt beside a proven one", "A0+ b0=", "a", "a"],
  ["one in doubt beside a newcomer", "a0= b0", "a", "a"],
  ["one in doubt that owns slots beside a proven one", "A0+ B0=", "a", "ab"],
  ["all are drained", "A0+! B0+!", "ab", ""],
  ["all are drained, of two revisions", "A0+! B1!", "b", ""],
];
for (const [title, sessions, receivers, sharers] of cases) {
  Deno.test(`receiversOf() and sharersOf() when there are ${title}`, () => {
    const standings = standingsOf(sessions);
    assertEquals([idsOf(receiversOf(standings)), idsOf(sharersOf(standings))], [receivers, sharers]);
  });
}

/** Shares slots out in turn. */
const inTurn = (slots: number) => (sessions: readonly Standing[]) =>
  Array.from({ length: slots }, (_, slot) => sessions[slot % sessions.length]?.id);

const homes: readonly (readonly [title: string, sessions: string, owners: string, homes: string])[] = [
  ["of no owner go to the receivers", "A0+ b0", "....", "aaaa"],
  ["of a session that is gone go to the receivers", "A0+ B0+", "xxxx", "abab"],
  ["of one revision are balanced", "A0+ B0+", "aaaa", "abab"],
  ["are balanced with a newcomer when that is proven", "A0+ b0", "aaaa", "aaaa"],
  ["stay with those that are there first when one is proven", "A0+ B0", "abab", "abab"],
  ["stay with owners of an older revision", "A0+ B0+ c1+", "aabb", "aabb"],
  ["stay with owners of an older revision, and others go to the newest", "A0+ C1+ d1+", "aac.", "aacd"],
  ["of the newest are balanced while an older one owns some", "A0+ C1+ d1+", "aacc", "aacd"],
  ["of a newer one that has proven nothing stay", "A0+ b0+ C1", "aacc", "abcc"],
  ["of a drained one go to the others", "A0+! B0+ c0+", "aabb", "bcbc"],
  ["of a drained one go to the newest revision", "A0+! B0+ C1+", "aabb", "ccbb"],
  ["of a drained one of the newest go to older ones", "A0+ B0+ C1+!", "abcc", "abab"],
  ["of a drained one that is the last stay", "A0+!", "aaaa", "aaaa"],
  ["of all drained ones stay, and others are shared out among them", "A0+! B0+!", "bb..", "bbab"],
];
for (const [title, sessions, owners, expected] of homes) {
  Deno.test(`homesOf() slots that ${title}`.replace("slots that of", "slots of"), () => {
    const owned = [...owners].map((owner) => owner === "." ? undefined : owner);
    assertEquals(homesOf(standingsOf(sessions), owned, inTurn(owners.length)).join(""), expected);
  });
}

Deno.test("homesOf() never moves a slot of a living owner that accepts slots to another revision, whoever there is", () => {
  const kinds = ["", "+", "!", "+!"];
  let moves = 0;
  for (let number = 0; number < (kinds.length * 2 * 2) ** 3; number++) {
    let rest = number;
    const standings = ["a", "b", "c"].map((id): Standing => {
      const kind = kinds[rest % kinds.length];
      const [rank, isOwner] = [Math.floor(rest / 4) % 2, Math.floor(rest / 8) % 2 === 1];
      rest = Math.floor(rest / 16);
      const isProven = kind.includes("+");
      return { id, rank, isOwner, isProven, isGrown: isProven, accepts: !kind.includes("!") };
    });
    const owners = standings.filter(({ isOwner }) => isOwner).flatMap(({ id }) => [id, id]);
    const found = homesOf(standings, owners, inTurn(owners.length));
    owners.forEach((owner, slot) => {
      const [from, to] = [owner, found[slot]].map((id) => standings.find((standing) => standing.id === id)!);
      if (from === to) return;
      moves++;
      assertEquals(to.accepts, true, `${found[slot]} accepts nothing`);
      if (from.accepts) assertEquals(to.rank, from.rank, `slot ${slot} of ${Deno.inspect(standings)}`);
    });
  }
  assertEquals(moves > 100, true);
});

Deno.test("takersOf() gives a slot to a session from which homesOf() does not take it again", () => {
  let taken = 0;
  for (let number = 0; number < 300; number++) {
    const standings = Array.from({ length: 2 + number % 5 }, (_, index): Standing => {
      const isProven = (number >> index) % 2 === 0;
      return { id: `${number}-${index}`, accepts: true, isOwner: true, isGrown: true, isProven, rank: 0 };
    });
    const among = (some: readonly Standing[]) => place(some.map(({ id }) => id), 8);
    const takers = takersOf(standings, among);
    homesOf(standings, takers, among).forEach((home, slot) => {
      const { isProven } = standings.find(({ id }) => id === home)!;
      const mayBeGiven = isProven || standings.every((standing) => !standing.isProven);
      if (mayBeGiven) assertEquals(home, takers[slot], `slot ${slot} of ${Deno.inspect(standings)}`);
      taken++;
    });
  }
  assertEquals(taken, 300 * 8);
});

Deno.test("missingOf() names those that have not taken what is overdue, and not those that have or whose time is not up", () => {
  const owners = ["a", "c", undefined, "a", "b"];
  assertEquals([...missingOf(["a", "b", "b", "c", "d"], owners, [0, 1, 2])], ["b"]);
  assertEquals([...missingOf(["a", "b", "b", "c", "d"], owners, [])], []);
});
