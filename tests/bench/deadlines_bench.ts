import type { Clock } from "../../src/clock.ts";
import { type DeadlineHolder, Deadlines } from "../../src/supervisor/deadlines.ts";

class Holder implements DeadlineHolder {
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  onDeadline(): void {}
}

/** A clock whose timers cost nothing, so that only the heap is measured. */
const stopped: Clock = { now: () => 0, monotonic: () => 0, timer: () => ({ cancel: () => {} }) };

function filled(size: number): Deadlines {
  const deadlines = new Deadlines(stopped);
  for (let i = 0; i < size; i++) deadlines.set(new Holder(), 1_000 + (i * 7_919) % 60_000);
  return deadlines;
}

for (const size of [0, 1_000, 100_000]) {
  const deadlines = filled(size);
  const holder = new Holder();
  let delayMs = 0;
  Deno.bench(`Deadlines sets and deletes one beside ${size} others`, { group: "deadlines" }, () => {
    delayMs = (delayMs + 7_919) % 60_000;
    deadlines.set(holder, delayMs);
    deadlines.delete(holder);
  });
}
