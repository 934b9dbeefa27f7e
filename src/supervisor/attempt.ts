/**
 * One attempt at running an entry, from asking for its lease to the end of its run, within the budgets for start and stop.
 *
 * ```text
 *   initial ──▶ starting ──▶ running ──▶ stopping ──▶ stopped
 *      │            │                      │    ▲        ▲
 *      │ stop,      │ stop, start timeout  │    │        │
 *      ╰────────────┴──────────────────────┼────╯        │
 *                                          ╰─▶ stuck ────╯
 * ```
 *
 * It is stuck when it has neither ended within the stop timeout nor, forced, within as much again.
 *
 * It is initial while its lease is asked for and its runnable is built. The other words are those of a {@linkcode Life}.
 *
 * @module
 */

import { assertRunnable } from "../check.ts";
import { stallMs } from "../clock.ts";
import type { StartCause } from "../events.ts";
import { Life, stopReason } from "../process/life.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Entry, Lease } from "../table/table.ts";
import type { DeadlineHolder } from "./deadlines.ts";
import type { Registry } from "./registry.ts";

const ready: Promise<void> = Promise.resolve();

let stuckAttempts = 0;

/** Tells whether an attempt of any supervisor of the program is stuck. */
export function isAnyStuck(): boolean {
  return stuckAttempts > 0;
}

/** Whose attempt it is: is told how it goes, and lends it its place among the deadlines. */
export interface AttemptOwner<K, P extends Runnable> extends DeadlineHolder {
  readonly key: K;
  attemptIsUp(runnable: P): void;
  /** It is about to end without having been asked to. */
  attemptIsLeaving(): void;
  /** This instance does not own the entry: nothing was started, nothing is announced. */
  attemptIsNotOurs(attempt: Attempt<K, P>): void;
  /** The start-up took too long; the end is still to come. */
  attemptIsLate(error: unknown): void;
  attemptIsStuck(sinceAt: number): void;
  attemptEnded(attempt: Attempt<K, P>): void;
}

/** Runs an entry once. */
export class Attempt<K, P extends Runnable> extends Life<P> {
  /** When it last came up, was asked to end, got stuck or ended, epoch ms. */
  sinceAt: number;
  uptimeMs = 0;
  wasStuck = false;
  /** When it was made and then when it came up, by the monotonic clock: no duration depends on a clock that may be set. */
  #beganMs: number;
  /** Whether its budget was prolonged because the event loop had stalled. */
  #isProlonged = false;
  readonly #registry: Registry<K, P>;
  readonly #owner: AttemptOwner<K, P>;
  readonly #number: number;
  #lease: Lease | undefined = undefined;

  /** The number says how many times in a row this is tried, counting from 1. */
  constructor(registry: Registry<K, P>, owner: AttemptOwner<K, P>, number: number) {
    super();
    this.#registry = registry;
    this.#owner = owner;
    this.#number = number;
    const { at, nowMs } = registry.watch.read();
    this.sinceAt = at;
    this.#beganMs = nowMs;
  }

  /** How far it got. */
  get phase(): "starting" | "running" {
    return this.wasUp ? "running" : "starting";
  }

  /** Whether it is still running after being asked, and then forced, to end. */
  get isStuck(): boolean {
    return this.wasStuck && this.state !== "stopped";
  }

  /** Asks for the right to run the entry, builds the runnable and starts its run. */
  begin(entry: Entry<K, P>, cause: StartCause): void {
    const { settings, deadlines, leases } = this.#registry;
    try {
      const grant = leases.ask(entry);
      this.#lease = grant?.lease;
      if (this.#lease) leases.watch(this.#lease, this);
      // The lease, when it was asked for, may have asked for the end.
      if (!grant || !this.isWanted) return this.#giveUpLease();
    } catch (error) {
      return this.#failToBuild(error);
    }
    this.#registry.events.emitHere({
      type: "starting",
      at: this.sinceAt,
      key: this.#owner.key,
      cause,
      attempt: this.#number,
    });
    if (settings.startTimeoutMs !== undefined) deadlines.set(this.#owner, settings.startTimeoutMs);
    try {
      const built = entry.get();
      // A promise of our own: a foreign one may settle twice, or throw.
      if (!isPromiseLike(built)) return this.#run(built);
      Promise.resolve(built).then((runnable) => this.#run(runnable)).catch((error) => this.#failToBuild(error));
    } catch (error) {
      this.#failToBuild(error);
    }
  }

  /** Asks for a graceful end, once. A stop of all processes has one deadline for all, instead of a budget of its own. */
  override stop(hasOwnBudget = true): void {
    if (this.isWanted) this.#beginBudget(hasOwnBudget);
    super.stop();
  }

  /** Asks for the end at once, once. The signal of the run aborts with the reason. */
  override force(reason: unknown, hasOwnBudget = true): void {
    if (!this.isForced && this.state !== "stopped") this.#beginBudget(hasOwnBudget);
    super.force(reason);
  }

  /**
   * Goes on when a budget is spent: from start to abort, from graceful to forced, from forced to stuck. While the event loop
   * was blocked the process could not use its budget: it gets as much again as the deadline is late, once.
   */
  onDeadline(lateMs: number): void {
    if (lateMs > stallMs && !this.#isProlonged) {
      const { deadlines, settings: { startTimeoutMs = 0, stopTimeoutMs } } = this.#registry;
      this.#isProlonged = true;
      deadlines.set(this.#owner, Math.min(lateMs, this.isEnding ? stopTimeoutMs : startTimeoutMs));
    } else if (!this.isEnding) this.#giveUpStart();
    else if (this.isWanted && !this.isForced) this.#cutShort();
    else if (!this.isForced) this.force(stopReason);
    else this.giveUp();
  }

  /** Declares the attempt stuck. It keeps its key until it ends after all. */
  giveUp(): void {
    if (!this.isEnding || this.wasStuck) return;
    this.wasStuck = true;
    stuckAttempts++;
    this.sinceAt = this.#registry.clock.now();
    this.#registry.deadlines.delete(this.#owner);
    this.#registry.emit({ type: "stuck", at: this.sinceAt, key: this.#owner.key, sinceAt: this.sinceAt });
    this.#owner.attemptIsStuck(this.sinceAt);
  }

  protected override lifeIsUp(runnable: P): void {
    const { deadlines } = this.#registry, startMs = this.#lap(), at = this.sinceAt;
    deadlines.delete(this.#owner);
    this.#registry.emit({ type: "running", at, key: this.#owner.key, startMs, attempt: this.#number });
    this.#owner.attemptIsUp(runnable);
  }

  protected override lifeIsLeaving(): void {
    if (this.isWanted) this.#beginBudget(true); // it ends by itself, which may take too long as well
    this.#owner.attemptIsLeaving();
  }

  protected override lifeEnded(): void {
    const { key } = this.#owner;
    this.#leave();
    const { sinceAt: at, phase, wasUp, isForced, outcome, error, uptimeMs } = this;
    const exit = { type: "exited", at, key, phase, outcome, uptimeMs } as const;
    const failure = outcome === "failed" && { error };
    const force = wasUp && isForced && { isForced: true as const };
    this.#registry.events.emitHere(failure || force ? { ...exit, ...failure, ...force } : exit);
    this.#owner.attemptEnded(this);
  }

  #run(runnable: P): void {
    if (this.isWanted) assertRunnable("run what the entry gave", runnable);
    // What has failed before may fail at once, and an error costs 0.4 us for each frame below it: from an
    // empty stack then, and bound, as a closure would be a frame too.
    if (this.#number > 1) ready.then(this.beginRun.bind(this, runnable));
    else this.beginRun(runnable);
  }

  /** Aborts a life that ends by itself. It was not asked to, so that it is restarted. */
  #cutShort(): void {
    this.#beginBudget(true);
    this.abort(stopReason);
  }

  #giveUpLease(): void {
    this.state = "stopped";
    if (this.#lease) this.#giveBack(this.#lease);
    this.#owner.attemptIsNotOurs(this);
  }

  #giveUpStart(): void {
    const { startTimeoutMs } = this.#registry.settings;
    const error = new DOMException(`The process was not up within ${startTimeoutMs} ms`, "TimeoutError");
    this.#beginBudget(true);
    this.#owner.attemptIsLate(error);
    this.failStart(error);
  }

  #failToBuild(error: unknown): void {
    const { key } = this.#owner;
    this.state = "stopped";
    this.outcome = "failed";
    this.error = error;
    this.#leave();
    this.#registry.emit({ type: "entry-failed", at: this.sinceAt, key, error });
    this.#owner.attemptEnded(this);
  }

  /** What has to be done however it ends. */
  #leave(): void {
    const { sinceAt } = this, ranMs = this.#lap();
    this.#registry.deadlines.delete(this.#owner);
    if (this.wasUp) this.uptimeMs = ranMs;
    if (this.wasStuck) {
      stuckAttempts--;
      this.#registry.emit({ type: "unstuck", at: this.sinceAt, key: this.#owner.key, sinceAt });
    }
    if (this.#lease) this.#giveBack(this.#lease);
  }

  #giveBack(lease: Lease): void {
    this.#registry.leases.unwatch(lease, this);
    this.#registry.leases.giveBack(lease, this.#owner.key);
  }

  /** Notes the moment. Returns the whole ms since it was made, or since it came up. */
  #lap(): number {
    const { at, nowMs } = this.#registry.watch.read(), beganMs = this.#beganMs;
    this.sinceAt = at;
    this.#beganMs = nowMs;
    return Math.max(0, Math.round(nowMs - beganMs));
  }

  #beginBudget(hasOwn: boolean): void {
    const { watch, deadlines, settings } = this.#registry, { at, nowMs } = watch.read();
    this.#isProlonged = false;
    this.sinceAt = at;
    if (hasOwn) deadlines.set(this.#owner, settings.stopTimeoutMs, nowMs);
    else deadlines.delete(this.#owner);
  }
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined | null)?.then === "function";
}
