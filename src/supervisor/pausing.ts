/**
 * A key that is paused: its process is stopped, and none is started, until the table says otherwise.
 *
 * ```text
 *   any phase but "attempting" ──────────────▶ paused ──▶ as if the key was new here, but for what is known of its failures
 *   attempting ──▶ stopped, stuck … ended ──────▲   ╰───▶ parked or resting as before, if only the whole table was paused
 * ```
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import { type Pause, ProcessPausedError } from "../pause.ts";
import type { Keeper } from "./keeper.ts";
import type { Registry } from "./registry.ts";

/** The pause of one key, made when it begins. */
export class Pausing<K, P extends Runnable> {
  readonly #registry: Registry<K, P>;
  readonly #keeper: Keeper<K, P>;
  /** What it goes back to, unless it is resumed by itself: all that are parked would start at once otherwise. */
  readonly #before: "parked" | "resting" | undefined;
  #pause: Pause;
  /** Whether the key was paused by itself at any time since. */
  #isOwn: boolean;
  /** Since when the key is paused and has no process, epoch ms. */
  #sinceAt: number | undefined = undefined;

  constructor(registry: Registry<K, P>, keeper: Keeper<K, P>, pause: Pause) {
    this.#registry = registry;
    this.#keeper = keeper;
    this.#before = keeper.phase === "parked" || keeper.phase === "resting" ? keeper.phase : undefined;
    this.#pause = pause;
    this.#isOwn = !pause.isWholeTable;
    keeper.backoff?.paused();
    registry.emit({ type: "paused", at: registry.clock.now(), key: keeper.key, pause });
  }

  /** As the table has said it last. */
  get pause(): Pause {
    return this.#pause;
  }

  set pause(pause: Pause) {
    this.#pause = pause;
    this.#isOwn ||= !pause.isWholeTable;
  }

  /** What a call that would start the process rejects with. */
  readonly makeError = (): ProcessPausedError => new ProcessPausedError(this.#keeper.key, this.pause);

  /** The key has no process from now on. It looks up by itself when its pause is over; one of the whole table is looked over. */
  settle(): void {
    const { clock, deadlines } = this.#registry, { pause: { untilAt } } = this;
    this.#sinceAt ??= clock.now();
    this.#keeper.enter("paused", this.#sinceAt);
    if (untilAt === undefined) deadlines.delete(this.#keeper);
    else deadlines.set(this.#keeper, Math.max(0, untilAt - clock.now()));
  }

  /** Its moment has come. */
  onDeadline(): void {
    const { run } = this.#registry;
    if (this.pause.isWholeTable) run?.reconciler.request("change");
    else run?.lookAt(this.#keeper.key);
  }

  /** It is over. Returns what the key goes back to. The failures of one that was paused by itself are forgotten. */
  end(version: unknown): "parked" | "resting" | undefined {
    const { clock, deadlines } = this.#registry, { key, backoff } = this.#keeper;
    if (!this.#keeper.attempt) deadlines.delete(this.#keeper);
    this.#registry.emit({ type: "resumed", at: clock.now(), key });
    if (!this.#isOwn) return this.#before;
    backoff?.end(version);
    return undefined;
  }
}
