/**
 * Keys of one instance that may have no process: the hand-over of a slot tells processes to end, and has to name these too.
 *
 * @module
 */

import type { KvTableKey } from "../kv/keyspace.ts";
import type { Entry } from "../table/table.ts";
import type { Instance } from "./instance.ts";

/** Knows which keys of a table may be paused, wait, rest or be parked. It may name one that has a process. */
export class IdleKeys<K extends KvTableKey> {
  readonly #instance: Pick<Instance, "holds" | "slotOf">;
  /** Keys that are not well, with their slots. */
  readonly #unwell: Map<K, number> = new Map();
  /** Keys that are paused. One that is well again may be so, and one that is resumed may not be well. */
  readonly #paused: Map<K, number> = new Map();
  /** Keys whose process has ended: they may rest, or wait. */
  readonly #ended: Map<K, number> = new Map();
  /** Keys with a process, except those that the table is known to have lost. */
  readonly #leased: Set<K> = new Set();

  /** The instance knows the slots. */
  constructor(instance: Pick<Instance, "holds" | "slotOf">) {
    this.#instance = instance;
  }

  /** An entry was read. */
  wasRead({ key, pause, trouble }: Entry<K, unknown>): void {
    if (trouble) this.#note(key, this.#unwell);
    if (pause) this.#note(key, this.#paused);
    else this.#paused.delete(key);
  }

  /** A supervisor has said whether a key is well. */
  wasReported(key: K, isWell: boolean): void {
    if (!isWell && this.#instance.holds(key)) this.#note(key, this.#unwell);
    else this.#unwell.delete(key);
  }

  /** A process of a key is about to start. */
  begins(key: K): void {
    this.#leased.add(key);
    this.#ended.delete(key);
  }

  /** It has ended. */
  hasEnded(key: K): void {
    if (this.#leased.delete(key) && this.#instance.holds(key)) this.#note(key, this.#ended);
  }

  /** The table has no such key, or this instance does not own it: a supervisor only has to end its process. */
  isAbsent(key: K): void {
    for (const keys of [this.#unwell, this.#paused, this.#ended, this.#leased]) keys.delete(key);
  }

  /** Names the keys in some slots, each once. */
  inSlots(slots: readonly number[]): K[] {
    const wanted = new Set(slots), found = new Set<K>();
    for (const keys of [this.#unwell, this.#paused, this.#ended]) {
      for (const [key, slot] of keys) if (wanted.has(slot)) found.add(key);
    }
    return [...found];
  }

  #note(key: K, keys: Map<K, number>): void {
    if (!keys.has(key)) keys.set(key, this.#instance.slotOf(key));
  }
}
