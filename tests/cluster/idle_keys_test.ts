import { assertEquals } from "@std/assert";
import { IdleKeys } from "../../src/cluster/idle_keys.ts";
import { nop } from "../../src/process/compose.ts";
import type { Entry } from "../../src/table/table.ts";

const pause = { at: 1 };
const trouble = { state: "parked", failures: 1, failingSinceAt: 1, changedAt: 1 } as const;
const read = (what: Partial<Entry<string, unknown>>): Entry<string, unknown> => ({
  key: "a1",
  get: () => nop,
  ...what,
});

/** What is told of the key "a1", step by step, and whether it goes with its slot then. */
const histories: Record<string, [step: (keys: IdleKeys<string>) => void, goes: boolean][]> = {
  "is well": [[(keys) => keys.wasRead(read({})), false], [(keys) => keys.begins("a1"), false]],
  "is paused": [[(keys) => keys.wasRead(read({ pause })), true], [(keys) => keys.wasRead(read({})), false]],
  "is in trouble": [[(keys) => keys.wasRead(read({ trouble })), true], [(keys) => keys.wasReported("a1", true), false]],
  "is paused, and well again": [
    [(keys) => keys.wasReported("a1", false), true],
    [(keys) => keys.wasRead(read({ pause, trouble })), true],
    [(keys) => keys.wasReported("a1", true), true],
    [(keys) => keys.wasRead(read({})), false],
  ],
  "rests": [
    [(keys) => keys.begins("a1"), false],
    [(keys) => keys.hasEnded("a1"), true],
    [(keys) => keys.begins("a1"), false],
  ],
  "is gone when its process ends": [
    [(keys) => keys.begins("a1"), false],
    [(keys) => keys.isAbsent("a1"), false],
    [(keys) => keys.hasEnded("a1"), false],
  ],
  "is gone": [[(keys) => keys.wasRead(read({ pause, trouble })), true], [(keys) => keys.isAbsent("a1"), false]],
};
for (const [title, steps] of Object.entries(histories)) {
  Deno.test(`IdleKeys.inSlots() names a key that ${title} exactly when it may have no process`, () => {
    const keys = new IdleKeys<string>({ holds: () => true, slotOf: (key) => Number(String(key).slice(1)) });
    for (const [step, goes] of steps) {
      step(keys);
      assertEquals([keys.inSlots([2, 1]), keys.inSlots([2])], [goes ? ["a1"] : [], []]);
    }
  });
}

Deno.test("IdleKeys.inSlots() names no key that is told of when its slot is not held any more", () => {
  const keys = new IdleKeys<string>({ holds: () => false, slotOf: () => 1 });
  keys.begins("a1");
  keys.hasEnded("a1");
  keys.wasReported("a1", false);
  assertEquals(keys.inSlots([1]), []);
});
