/**
 * Any number of deadlines on one timer.
 *
 * @module
 */

import { type Clock, maxTimerMs, stallMs, type Timer } from "../clock.ts";

const none = -1;
const firing = -2;

/** Has at most one deadline. All numbers but a negative `heapIndex` at first are written by {@linkcode Deadlines} alone. */
export interface DeadlineHolder {
  /** When it is due, by the monotonic clock: a wall clock that is set spends no budget. */
  deadlineAt: number;
  /** Breaks ties: what was set first is due first. */
  deadlineOrder: number;
  /** Where it stands in the heap; below 0 when it is not there. */
  heapIndex: number;
  /** Is called when the deadline is due, with by how many ms that is late: by many after a stall of the event loop. */
  onDeadline(lateMs: number): void;
}

/**
 * A binary heap of deadlines with one timer for the nearest. A timer each would cost 600 B and 2-3 us; a place in the heap
 * costs 0.3 us at most and is given back at once when the deadline is called off. The timer is left to fire in vain then:
 * setting and calling it off for each of many short-lived deadlines would cost as much as a timer each.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #enter: (step: () => void) => void;
  readonly #heap: DeadlineHolder[] = [];
  #timer: Timer | undefined = undefined;
  #timerAt = Infinity;
  /** When the timer will have fired, if it goes by the same clock. */
  #firesMs = Infinity;
  #order = 0;

  /** Deadlines are told by way of `enter`: the timer was set in the context of whatever needed it. */
  constructor(clock: Clock, enter: (step: () => void) => void) {
    this.#clock = clock;
    this.#enter = enter;
  }

  /** How many deadlines are pending. */
  get size(): number {
    return this.#heap.length;
  }

  /** Sets the deadline of a holder, in the place of one that it may have. */
  set(holder: DeadlineHolder, delayMs: number, nowMs: number = this.#clock.monotonic()): void {
    this.delete(holder);
    holder.deadlineAt = nowMs + delayMs;
    holder.deadlineOrder = this.#order++;
    this.#rise(holder, this.#heap.length);
    this.#arm(nowMs);
  }

  /** Calls the deadline of a holder off, if it has one. */
  delete(holder: DeadlineHolder): void {
    const index = holder.heapIndex;
    holder.heapIndex = none;
    if (index < 0) return;
    const last = this.#heap.pop()!;
    if (last !== holder) {
      if (index > 0 && isBefore(last, this.#heap[(index - 1) >> 1])) this.#rise(last, index);
      else this.#sink(last, index);
    }
  }

  /** Calls the timer off when nothing is pending. */
  rest(): void {
    if (this.#heap.length === 0) this.#disarm();
  }

  #fire(timerAt: number): void {
    // A timer that is a hair early must not keep what it was set for waiting.
    const now = Math.max(this.#clock.monotonic(), timerAt);
    if (this.#timerAt === timerAt) this.#disarm();
    const due: DeadlineHolder[] = [];
    while (this.#heap.length > 0 && this.#heap[0].deadlineAt <= now) {
      const holder = this.#heap[0];
      this.delete(holder);
      holder.heapIndex = firing;
      due.push(holder);
    }
    for (const holder of due) {
      if (holder.heapIndex !== firing) continue; // called off, or set again, by one that was due before it
      holder.heapIndex = none;
      holder.onDeadline(now - holder.deadlineAt);
    }
    this.#arm(now);
  }

  #arm(nowMs: number): void {
    const next = this.#heap[0];
    // What comes later is seen to when the timer fires; unless that is overdue, as the clock has jumped or ran slower before.
    if (next === undefined || (next.deadlineAt >= this.#timerAt && nowMs - this.#firesMs <= stallMs)) return;
    this.#timer?.cancel();
    const timerAt = this.#timerAt = next.deadlineAt;
    const armedMs = this.#clock.monotonic(), delayMs = Math.max(0, timerAt - armedMs);
    this.#firesMs = armedMs + delayMs;
    const fire = () => this.#fire(timerAt);
    this.#timer = this.#clock.timer(() => this.#enter(fire), Math.min(delayMs, maxTimerMs));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = this.#firesMs = Infinity;
  }

  #rise(holder: DeadlineHolder, from: number): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(holder, heap[parent])) break;
      heap[index] = heap[parent];
      heap[index].heapIndex = index;
      index = parent;
    }
    heap[index] = holder;
    holder.heapIndex = index;
  }

  #sink(holder: DeadlineHolder, from: number): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let lower = 2 * index + 1;
      if (lower >= heap.length) break;
      if (lower + 1 < heap.length && isBefore(heap[lower + 1], heap[lower])) lower++;
      if (!isBefore(heap[lower], holder)) break;
      heap[index] = heap[lower];
      heap[index].heapIndex = index;
      index = lower;
    }
    heap[index] = holder;
    holder.heapIndex = index;
  }
}

function isBefore(a: DeadlineHolder, b: DeadlineHolder): boolean {
  return a.deadlineAt < b.deadlineAt || (a.deadlineAt === b.deadlineAt && a.deadlineOrder < b.deadlineOrder);
}
