import { assertEquals } from "@std/assert";
import { Gate } from "../../src/kv/gate.ts";

const pauseMs = 1_000;

for (const limit of [1, 2]) {
  Deno.test(`Gate is closed by ${limit} calls that are past their deadline, and not before`, () => {
    const gate = new Gate({ limit, pauseMs });
    for (let calls = 0; calls < limit; calls++) {
      assertEquals(gate.isOpen(1_000), true);
      gate.giveUp({ sentMs: 500 + calls, dueMs: 600 });
    }
    assertEquals([gate.isOpen(599), gate.isOpen(600), gate.sinceMs], [true, false, 500]);
  });
}

Deno.test("Gate opens, and wakes all that wait, when a call that was given up settles", () => {
  const gate = new Gate({ limit: 1, pauseMs });
  const settle = gate.giveUp({ sentMs: 0, dueMs: 500 });
  let woken = 0;
  for (let i = 0; i < 3; i++) gate.wait(() => woken++);
  const left = gate.wait(() => woken += 100);
  left[Symbol.dispose]();
  settle();
  assertEquals([gate.isOpen(500), woken], [true, 3]);
  settle();
  assertEquals(woken, 3);
});

Deno.test("Gate that a probe has opened is opened by the next ones later and later, until a call is answered", () => {
  const gate = new Gate({ limit: 1, pauseMs });
  /** When probes that come every 100 ms open it. */
  const openedAt = (fromMs: number) => {
    gate.giveUp({ sentMs: fromMs, dueMs: fromMs });
    for (let nowMs = fromMs;; nowMs += 100) {
      gate.probed(nowMs);
      if (gate.isOpen(nowMs)) return nowMs;
    }
  };
  const openings = [0];
  for (let i = 0; i < 5; i++) openings.push(openedAt(openings.at(-1)!));
  assertEquals(openings, [0, 0, 1_000, 3_000, 7_000, 15_000]);
  gate.answered();
  assertEquals(openedAt(15_100), 15_100);
  gate.giveUp({ sentMs: 15_200, dueMs: 15_200 })();
  assertEquals(openedAt(15_300), 15_300);
});

Deno.test("Gate does not count a probe that finds nothing to open", () => {
  const gate = new Gate({ limit: 1, pauseMs });
  for (let i = 0; i < 10; i++) gate.probed(0);
  gate.giveUp({ sentMs: 0, dueMs: 0 });
  gate.probed(0);
  assertEquals(gate.isOpen(0), true);
});
