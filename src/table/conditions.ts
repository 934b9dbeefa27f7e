/**
 * What a table in memory keeps beside its entries: which keys are paused, and which are not well.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { describeKey } from "../errors.ts";
import {
  isSamePause,
  longerPause,
  makePause,
  type Pause,
  pauseAt,
  type PausedKey,
  type PauseOptions,
} from "../pause.ts";
import { endTrouble, liveTrouble, toldTrouble, type Trouble, type TroubledKey, type TroubleRecord } from "./trouble.ts";

/** The pauses and troubles of a table, by key. Each method that changes something tells whether it did. */
export class Conditions<K> {
  readonly #clock: Clock;
  readonly #pauses: Map<K, Pause> = new Map();
  #wholePause: Pause | undefined = undefined;
  readonly #troubles: Map<K, TroubleRecord> = new Map();

  /** The clock dates what is kept. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the pause of a key, that of the whole table included. Most tables have none, and are asked at each start. */
  pauseOf(key: K): Pause | undefined {
    if (this.#pauses.size === 0 && this.#wholePause === undefined) return undefined;
    const now = this.#clock.now();
    return longerPause(pauseAt(this.#pauses.get(key), now), pauseAt(this.#wholePause, now));
  }

  /** Pauses a key if there is such an entry; what is wrong with the options is refused in any case. */
  pause(key: K, options: PauseOptions, isThere: boolean): boolean {
    const now = this.#clock.now(), before = pauseAt(this.#pauses.get(key), now);
    const pause = makePause(`entry ${describeKey(key)}`, options, now, before);
    if (!isThere || isSamePause(before, pause)) return false;
    this.#pauses.set(key, pause);
    return true;
  }

  /** Pauses the whole table. */
  pauseAll(options: PauseOptions): boolean {
    const now = this.#clock.now(), before = pauseAt(this.#wholePause, now);
    const pause = makePause("the table", options, now, before);
    if (isSamePause(before, pause)) return false;
    this.#wholePause = { ...pause, isWholeTable: true };
    return true;
  }

  /** Ends the pause of a key, and its trouble. */
  resume(key: K): boolean {
    const now = this.#clock.now(), isPaused = pauseAt(this.#pauses.get(key), now) !== undefined;
    this.#pauses.delete(key);
    if (isPaused) this.#endTrouble(key, this.#troubles.get(key)?.version);
    return isPaused;
  }

  /** Ends the pause of the whole table, and nothing else. */
  resumeAll(): boolean {
    const isPaused = pauseAt(this.#wholePause, this.#clock.now()) !== undefined;
    this.#wholePause = undefined;
    return isPaused;
  }

  /** Yields what is paused, the whole table first. */
  *pauses(): Generator<PausedKey<K>, undefined> {
    const now = this.#clock.now(), whole = pauseAt(this.#wholePause, now);
    if (whole) yield { pause: whole };
    for (const [key, pause] of this.#pauses) if (pauseAt(pause, now)) yield { key, pause };
  }

  /** Returns what the next process of a key goes on from. */
  liveTroubleOf(key: K, version: unknown): Trouble | undefined {
    return this.#troubles.size === 0 ? undefined : liveTrouble(this.#troubles.get(key), version);
  }

  /** Returns what is told of a key. */
  troubleOf(key: K, version: unknown): Trouble | undefined {
    return toldTrouble(this.#troubles.get(key), version, this.#clock.now());
  }

  /** Yields every key with a trouble, live or ended; the versions are those of the entries. */
  *troubles(versionOf: (key: K) => unknown): Generator<TroubledKey<K>, undefined> {
    for (const key of this.#troubles.keys()) {
      const trouble = this.troubleOf(key, versionOf(key));
      if (trouble) yield { key, trouble };
    }
  }

  /** Remembers what is wrong with a key, or that nothing is any more. */
  report(key: K, version: unknown, trouble: Trouble | undefined): void {
    if (trouble) this.#troubles.set(key, { version, trouble });
    else this.#endTrouble(key, version);
  }

  /** Forgets all about a key. */
  drop(key: K): void {
    this.#pauses.delete(key);
    this.#troubles.delete(key);
  }

  #endTrouble(key: K, version: unknown): void {
    const trouble = this.#troubles.get(key)?.trouble;
    if (trouble?.endedAt !== undefined || !trouble) return;
    this.#troubles.set(key, { version, trouble: endTrouble(trouble, this.#clock.now()) });
  }
}
