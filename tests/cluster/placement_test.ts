import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { maxSlots, place, slotOf } from "../../src/cluster/placement.ts";
import { seededRandom } from "../os/random.ts";

const random = seededRandom(4);

const slotsOfKeys: readonly (readonly [key: string | number | bigint | boolean, of256: number, of1000: number])[] = [
  ["acme", 194, 394],
  ["tenant-0", 157, 661],
  ["6f9619ff-8b86-d011-b42d-00c04fc964ff", 6, 758],
  ["", 11, 923],
  ["日本語", 217, 481],
  ["\ud800", 238, 854],
  [0, 97, 945],
  [42, 189, 589],
  [-1.5, 25, 201],
  [1e21, 36, 996],
  [5e-324, 209, 545],
  [NaN, 121, 841],
  [12345678901234567890n, 125, 165],
  [true, 97, 617],
  [false, 231, 303],
];

for (const [key, of256, of1000] of slotsOfKeys) {
  Deno.test(`slotOf() of ${typeof key} ${JSON.stringify(String(key))} never changes`, () => {
    assertEquals([slotOf(key, 256), slotOf(key, 1_000), slotOf(key, 1)], [of256, of1000, 0]);
  });
}

Deno.test("slotOf() gives -0 the slot of 0", () => {
  assertEquals(slotOf(-0, 256), slotOf(0, 256));
});

const kindsOfKeys: Readonly<Record<string, (index: number) => string | number | bigint>> = {
  "names with a number": (index) => `tenant-${index}`,
  "names with a number in front": (index) => `${index}.example.com`,
  "whole numbers": (index) => index,
  "numbers in large steps": (index) => index * 65_536,
  "fractions": (index) => index / 7,
  "bigints": (index) => 10n ** 18n + BigInt(index),
  "UUIDs": (index) => uuidFrom(seededRandom(index)),
  "texts beyond ASCII": (index) => `客户${index}é`,
};

for (const [kind, keyAt] of Object.entries(kindsOfKeys)) {
  for (const slots of [256, 100]) {
    Deno.test(`slotOf() spreads ${kind} evenly over ${slots} slots`, () => {
      const loads = new Array<number>(slots).fill(0);
      for (let index = 0; index < 10_000; index++) loads[slotOf(keyAt(index), slots)]++;
      const even = 10_000 / slots;
      const chiSquare = loads.reduce((sum, load) => sum + (load - even) ** 2 / even, 0);
      const freedom = slots - 1;
      const limit = freedom + 4 * Math.sqrt(2 * freedom); // mean and four standard deviations of pure chance
      assert(chiSquare < limit, `chi-square is ${chiSquare}, over ${limit}`);
    });
  }
}

Deno.test("place() gives nothing when there are no sessions", () => {
  assertEquals(place([], 256).length, 0); // assertEquals takes an array of holes for an empty one
});

Deno.test("place() gives every slot to the only session", () => {
  assertEquals(place(["a"], 3), ["a", "a", "a"]);
});

Deno.test("place() of known sessions does not change unnoticed", () => {
  assertEquals(place(["a", "b", "c"], 24).join(""), "bbbbbaccabcabcbcaccbacca");
  assertEquals(place(["a", "b"], 24).join(""), "bbbbbabbabaabbbaababaaaa");
});

Deno.test("place() of the most slots among 100 sessions blocks the event loop for less than 200 ms", () => {
  const sessions = Array.from({ length: 100 }, randomUuid);
  const beganMs = systemClock.monotonic();
  const owners = place(sessions, maxSlots);
  const tookMs = systemClock.monotonic() - beganMs;
  assertEquals(new Set(owners).size, 100);
  assert(tookMs < 200, `${tookMs} ms`);
});

Deno.test("place() does not depend on the order of the sessions", () => {
  const sessions = Array.from({ length: 8 }, randomUuid);
  assertEquals(place(sessions.toReversed(), 256), place(sessions, 256));
});

Deno.test("place() does not depend on the order of sessions whose hashes collide", () => {
  const owners = place(["liquid", "costarring"], 256);
  assertEquals(place(["costarring", "liquid"], 256), owners);
  assertEquals(new Set(owners), new Set(["costarring", "liquid"]));
});

Deno.test("place() does not count a session twice", () => {
  assertEquals(place(["a", "b", "b", "b", "b", "b", "b", "b"], 256), place(["a", "b"], 256));
});

Deno.test("place() leaves its argument as it is", () => {
  const sessions = Object.freeze(["b", "a"]);
  place(sessions, 256);
  assertEquals(sessions, ["b", "a"]);
});

const grid = [
  { slots: 256, sets: 200, kind: "UUIDs", newId: randomUuid },
  { slots: 256, sets: 20, kind: "names", newId: (index: number) => `${Math.floor(random() * 1e6)}-${index}` },
  { slots: 1_000, sets: 5, kind: "UUIDs", newId: randomUuid },
  { slots: 64, sets: 20, kind: "UUIDs", newId: randomUuid },
  { slots: 7, sets: 20, kind: "UUIDs", newId: randomUuid },
  { slots: 1, sets: 20, kind: "UUIDs", newId: randomUuid },
];

for (const { slots, sets, kind, newId } of grid) {
  const histories = Array.from({ length: sets }, () => Array.from({ length: 17 }, (_, index) => newId(index)));
  const spread = `${slots} slots over 1 to 17 sessions (${kind})`;

  Deno.test(`place() gives no session more than its even share and 25 %: ${spread}`, () => {
    for (const ids of histories) {
      for (let count = 1; count <= ids.length; count++) {
        const owners = place(ids.slice(0, count), slots);
        assertEquals(owners.length, slots);
        const heaviest = Math.max(...loadsOf(owners, ids.slice(0, count)));
        assert(heaviest <= Math.ceil(1.25 * slots / count), `${heaviest} slots with one of ${count}: ${ids}`);
      }
    }
  });

  if (slots < 256) continue; // no promise: with few slots the moves of chance are a large share

  Deno.test(`place() moves at most an even share and 10 % when a session joins or leaves: ${spread}`, () => {
    for (const ids of histories) {
      let before = place(ids.slice(0, 1), slots);
      for (let count = 2; count <= ids.length; count++) {
        const owners = place(ids.slice(0, count), slots);
        const most = slots / count + slots / 10;
        const joined = movesBetween(before, owners);
        const left = movesBetween(owners, place(ids.slice(1, count), slots));
        assert(Math.max(joined, left) <= most, `${joined} and ${left} moves, over ${most}, of ${count}: ${ids}`);
        before = owners;
      }
    }
  });
}

function loadsOf(owners: readonly string[], ids: readonly string[]): number[] {
  const loads = new Map(ids.map((id) => [id, 0]));
  for (const owner of owners) {
    assert(loads.has(owner), `${owner} is no session`);
    loads.set(owner, (loads.get(owner) ?? 0) + 1);
  }
  return [...loads.values()];
}

function movesBetween(before: readonly string[], after: readonly string[]): number {
  return before.filter((owner, slot) => owner !== after[slot]).length;
}

function randomUuid(): string {
  return uuidFrom(random);
}

function uuidFrom(random: () => number): string {
  const hex = () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
  return (hex() + hex() + hex() + hex()).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
