/**
 * When a process has been up for long enough for what failed before it to be forgotten.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { Backoff } from "./backoff.ts";
import type { DeadlineHolder } from "./deadlines.ts";
import type { Registry } from "./registry.ts";

/** Says when a process has been up for long enough. Made when a process that has failed comes up again. */
export class Recovery<K, P extends Runnable> implements DeadlineHolder {
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  readonly #registry: Registry<K, P>;
  readonly #backoff: Backoff<K, P>;
  /** By the monotonic clock; `Infinity` while the process is not up. */
  #recoversMs = Infinity;

  constructor(registry: Registry<K, P>, backoff: Backoff<K, P>) {
    this.#registry = registry;
    this.#backoff = backoff;
  }

  /** The process came up. A deadline that comes too early stays: what crashes again and again would move it at each crash. */
  isUp(resetAfterMs: number): void {
    const { nowMs } = this.#registry.watch; // read when it came up
    this.#recoversMs = nowMs + resetAfterMs;
    if (this.heapIndex < 0 || this.deadlineAt > this.#recoversMs) this.#setDeadline(nowMs);
  }

  /** The process is not up any more. The deadline stays, as it is soon up again most often. */
  isDown(): void {
    this.#recoversMs = Infinity;
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#recoversMs = Infinity;
    this.#registry.deadlines.delete(this);
  }

  onDeadline(): void {
    const { nowMs } = this.#registry.watch.read();
    if (nowMs < this.#recoversMs) return this.#setDeadline(nowMs);
    this.#recoversMs = Infinity;
    this.#backoff.recovered();
  }

  #setDeadline(nowMs: number): void {
    if (this.#recoversMs < Infinity) this.#registry.deadlines.set(this, this.#recoversMs - nowMs, nowMs);
  }
}
