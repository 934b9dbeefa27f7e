import { assertEquals } from "@std/assert";
import { Sightings } from "../../src/cluster/sightings.ts";

/** Sessions as they are read: `id: [versionstamp, ttlMs]`. */
type Rows = Readonly<Record<string, readonly [versionstamp: string, ttlMs: number]>>;

function rows(sessions: Rows) {
  return new Map(
    Object.entries(sessions).map(([id, [versionstamp, ttlMs]]) => [
      id,
      { versionstamp, ttlMs, accepts: true, beats: 9, isProven: true, first: "1", mismatch: undefined },
    ]),
  );
}

/** Has seen these looks, each at its moment. */
function seen(looks: readonly (readonly [nowMs: number, sessions: Rows])[]): Sightings {
  const sightings = new Sightings();
  for (const [nowMs, sessions] of looks) sightings.see(rows(sessions), nowMs);
  return sightings;
}

Deno.test("Sightings.doubt() has a session be seen to move only when it moves once more", () => {
  const sightings = seen([[0, { a: ["01", 100] }], [10, { a: ["02", 100] }]]);
  const isSeenMoving = (nowMs: number, versionstamp: string) => {
    sightings.see(rows({ a: [versionstamp, 100] }), nowMs);
    return sightings.wasSeenMoving("a", nowMs);
  };
  assertEquals(isSeenMoving(10, "02"), true);
  sightings.doubt("a");
  sightings.doubt("b");
  assertEquals([isSeenMoving(20, "02"), sightings.isMoving("a", 20), isSeenMoving(30, "03")], [false, true, true]);
  assertEquals(sightings.get("b"), undefined);
});

Deno.test("Sightings.see() names a session that comes, once", () => {
  const sightings = new Sightings();
  assertEquals(sightings.see(rows({ a: ["1", 9] }), 0), { joined: ["a"], moved: [], left: [] });
  assertEquals(sightings.see(rows({ a: ["1", 9], b: ["1", 9] }), 1), { joined: ["b"], moved: [], left: [] });
});

Deno.test("Sightings.see() names a session that goes, once", () => {
  const sightings = seen([[0, { a: ["1", 9], b: ["1", 9] }]]);
  assertEquals(sightings.see(rows({ b: ["1", 9] }), 1), { joined: [], moved: [], left: ["a"] });
  assertEquals(sightings.see(rows({ b: ["1", 9] }), 2), { joined: [], moved: [], left: [] });
});

Deno.test("Sightings.see() names a session that has moved, not one that comes or stands still", () => {
  const sightings = seen([[0, { a: ["1", 9], b: ["1", 9] }]]);
  const movements = sightings.see(rows({ a: ["2", 9], b: ["1", 9], c: ["1", 9] }), 1);
  assertEquals(movements, { joined: ["c"], moved: ["a"], left: [] });
});

Deno.test("Sightings.see() does not name a session that was forgotten as one that goes", () => {
  const sightings = seen([[0, { a: ["1", 9] }]]);
  sightings.forget("a");
  assertEquals(sightings.see(rows({}), 1), { joined: [], moved: [], left: [] });
});

const deaths: readonly (readonly [title: string, looks: [number, Rows][], nowMs: number, dead: string[]])[] = [
  ["has just been seen for the first time, whatever its record says", [[1_000_000, { a: ["1", 9] }]], 1_000_000, []],
  ["stands still for 1 ms less than its time to live", [[5, { a: ["1", 9] }]], 13, []],
  ["stands still for its time to live", [[5, { a: ["1", 9] }]], 14, ["a"]],
  ["is seen again where it stood", [[5, { a: ["1", 9] }], [13, { a: ["1", 9] }]], 14, ["a"]],
  ["has moved", [[5, { a: ["1", 9] }], [13, { a: ["2", 9] }]], 21, []],
  ["has moved and stood still since", [[5, { a: ["1", 9] }], [13, { a: ["2", 9] }]], 22, ["a"]],
  [
    "has moved to an older versionstamp, as after a restored backup",
    [[5, { a: ["2", 9] }], [13, { a: ["1", 9] }]],
    21,
    [],
  ],
  ["has a longer time to live than the other", [[0, { a: ["1", 9], b: ["1", 20] }]], 19, ["a"]],
  ["has changed its time to live with its last move", [[0, { a: ["1", 9] }], [5, { a: ["2", 20] }]], 24, []],
  ["has gone", [[0, { a: ["1", 9] }], [1, {}]], 100, []],
  ["has gone and come again", [[0, { a: ["1", 9] }], [1, {}], [8, { a: ["1", 9] }]], 16, []],
];
for (const [title, looks, nowMs, dead] of deaths) {
  Deno.test(`Sightings.dead() names ${dead.length ? "" : "not "}a session that ${title}`, () => {
    assertEquals(seen(looks).dead(nowMs), dead);
  });
}

const movings: readonly (readonly [title: string, nowMs: number, isMoving: boolean])[] = [
  ["has just been seen", 5, true],
  ["stands still for less than two thirds of its time to live", 10, true],
  ["stands still for two thirds of its time to live", 11, false],
];
for (const [title, nowMs, isMoving] of movings) {
  Deno.test(`Sightings.isMoving() is ${isMoving} for a session that ${title}`, () => {
    assertEquals(seen([[5, { a: ["1", 9] }]]).isMoving("a", nowMs), isMoving);
  });
}

const seenMovings: readonly (readonly [title: string, looks: [number, Rows][], nowMs: number, wasSeen: boolean])[] = [
  ["was seen once", [[5, { a: ["1", 9] }]], 5, false],
  ["was seen where it stood", [[5, { a: ["1", 9] }], [6, { a: ["1", 9] }]], 6, false],
  ["has moved less than two thirds of its time to live ago", [[5, { a: ["1", 9] }], [6, { a: ["2", 9] }]], 11, true],
  ["has moved two thirds of its time to live ago", [[5, { a: ["1", 9] }], [6, { a: ["2", 9] }]], 12, false],
  ["was not there a moment ago", [[5, {}], [6, { a: ["1", 9] }]], 6, true],
  ["was not there when others were looked at long ago", [[0, {}], [6, { a: ["1", 9] }]], 6, false],
  ["is not there", [[5, {}]], 5, false],
];
for (const [title, looks, nowMs, wasSeen] of seenMovings) {
  Deno.test(`Sightings.wasSeenMoving() is ${wasSeen} for a session that ${title}`, () => {
    assertEquals(seen(looks).wasSeenMoving("a", nowMs), wasSeen);
  });
}

Deno.test("Sightings.isMoving() is false for a session that is not there", () => {
  assertEquals(seen([[5, { a: ["1", 9] }]]).isMoving("b", 5), false);
});

Deno.test("Sightings.dead() does not name a session that was forgotten", () => {
  const sightings = seen([[0, { a: ["1", 9] }]]);
  sightings.forget("a");
  assertEquals(sightings.dead(100), []);
});

Deno.test("Sightings.get() tells since when a session stands where", () => {
  const sightings = seen([[5, { a: ["1", 9] }], [6, { a: ["1", 9] }]]);
  assertEquals([sightings.get("a"), sightings.get("b")], [
    { versionstamp: "1", sinceMs: 5, ttlMs: 9, hasMoved: false },
    undefined,
  ]);
});

Deno.test("Sightings.nextDeathMs() is the earliest of the others", () => {
  const sightings = seen([[0, { self: ["1", 3], a: ["1", 20], b: ["1", 9] }], [4, {
    self: ["1", 3],
    a: ["1", 20],
    b: ["2", 9],
  }]]);
  assertEquals([sightings.nextDeathMs("self"), sightings.nextDeathMs("stranger")], [13, 3]);
});

Deno.test("Sightings.nextDeathMs() is Infinity without other sessions", () => {
  assertEquals([seen([[0, { self: ["1", 3] }]]).nextDeathMs("self"), new Sightings().nextDeathMs()], [
    Infinity,
    Infinity,
  ]);
});
