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
 * It is stuck when it has neither ended within the stop timeout nor, forced, within as much again. One that is abandoned then
 * goes on to its end without concerning its key.
 *
 * It is initial while its lease is asked for and its runnable is built. The other words are those of a {@linkcode Life}.
 *
 * @module
 */

import { assertRunnable } from "../check.ts";
import { stallMs, wholeMs } from "../clock.ts";
import { ProcessSilentError, ProcessStuckError } from "../errors.ts";
import type { StartCause } from "../events.ts";
import { Life, stopReason } from "../process/life.ts";
import type { Runnable } from "../process/runnable.ts";
import { type EntryOptions, type LifeSettings, settingsOf } from "../table/entry_options.ts";
import type { Entry, Lease } from "../table/table.ts";
import { abandonedEvent, exitedEvent } from "./endings.ts";
import type { Keeper } from "./keeper.ts";
import { Pulse } from "./pulse.ts";
import type { Registry } from "./registry.ts";

const ready: Promise<void> = Promise.resolve();

let stuckAttempts = 0;

/** Tells whether an attempt of any supervisor of the program is stuck. */
export function isAnyStuck(): boolean {
  return stuckAttempts > 0;
}

/** Runs an entry once. */
export class Attempt<K, P extends Runnable> extends Life<P> {
  /** When it last came up, was asked to end, got stuck or ended, epoch ms. */
  sinceAt: number;
  uptimeMs = 0;
  wasStuck = false;
  /** Those of the supervisor until the entry has said what it wants otherwise. */
  settings: LifeSettings;
  /** When it was made and then when it came up, by the monotonic clock: no duration depends on a clock that may be set. */
  #beganMs: number;
  /** When its end began, by the same clock. */
  #endingMs: number | undefined = undefined;
  /** What it says of itself; made when it does, or has to. */
  #pulse: Pulse | undefined = undefined;
  /** Whether its budget was prolonged because the event loop had stalled. */
  #isProlonged = false;
  readonly #registry: Registry<K, P>;
  readonly #keeper: Keeper<K, P>;
  readonly #number: number;
  #lease: Lease | undefined = undefined;

  /** The number says how many times in a row this is tried, counting from 1. */
  constructor(registry: Registry<K, P>, keeper: Keeper<K, P>, number: number) {
    super();
    this.settings = registry.settings;
    this.#registry = registry;
    this.#keeper = keeper;
    this.#number = number;
    const { at, nowMs } = registry.watch.read();
    this.sinceAt = at;
    this.#beganMs = nowMs;
  }

  get key(): K {
    return this.#keeper.key;
  }

  /** How far it got. */
  get phase(): "starting" | "running" {
    return this.wasUp ? "running" : "starting";
  }

  /** What it said last, as one short line. */
  get note(): string | undefined {
    return this.#pulse?.note;
  }

  /** Whether it is still running after being asked, and then forced, to end. */
  get isStuck(): boolean {
    return this.wasStuck && this.state !== "stopped";
  }

  get #isAbandoned(): boolean {
    return this.wasStuck && this.#registry.abandoned.has(this);
  }

  /** Whether the end of a run times its stop together with the others', as it has the same budget. */
  get isTimedByRun(): boolean {
    return this.settings.stopTimeoutMs === this.#registry.settings.stopTimeoutMs;
  }

  /** Asks for the right to run the entry and for its options, builds the runnable and starts its run. */
  begin(entry: Entry<K, P>, cause: StartCause): void {
    const { leases } = this.#registry;
    try {
      const grant = leases.ask(entry);
      this.#lease = grant?.lease;
      if (this.#lease) leases.watch(this.#lease, this);
      // The lease, when it was asked for, may have asked for the end.
      if (!grant || !this.isWanted) return this.#giveUpLease();
    } catch (error) {
      return this.#failToBuild(error);
    }
    const origin = cause === "call" ? this.#keeper.origin : undefined;
    const starting = { type: "starting", at: this.sinceAt, key: this.key, cause, attempt: this.#number } as const;
    this.#registry.events.emitHere(origin === undefined ? starting : { ...starting, origin });
    try {
      if (entry.options === undefined) this.#build(entry);
      else this.#prepare(entry, entry.options());
    } catch (error) {
      this.#failToBuild(error);
    }
    this.#limitStart();
  }

  /**
   * Asks for a graceful end, once. The end of a run says when it began: it has one deadline for all that have the budget of
   * the supervisor.
   */
  override stop(runEndedMs?: number): void {
    if (this.isWanted) this.#beginBudget(runEndedMs);
    super.stop();
  }

  /** Asks for the end at once, once. The signal of the run aborts with the reason. */
  override force(reason: unknown, runEndedMs?: number): void {
    if (!this.isForced && this.state !== "stopped") this.#beginBudget(runEndedMs);
    super.force(reason);
  }

  /** Gives it up as failed, unless it is about to end anyway: a start-up fails, and what runs is aborted at once. */
  fail(error: unknown, isGuess = false): void {
    if (!this.isWanted || this.isEnding) return;
    this.#beginBudget();
    if (!this.wasUp) this.#keeper.attemptIsLate(error);
    this.failNow(error, isGuess);
  }

  /**
   * Goes on when a budget is spent: from start to abort, from graceful to forced, from forced to stuck. While the event loop
   * was blocked the process could not use its budget: it gets as much again as the deadline is late, once.
   */
  onDeadline(lateMs: number): void {
    if (this.state === "running" && this.#pulse) this.#checkAlive(this.#pulse);
    else if (lateMs > stallMs && !this.#isProlonged) {
      const { startTimeoutMs, stopTimeoutMs } = this.settings;
      this.#isProlonged = true;
      this.#registry.deadlines.set(this.#keeper, Math.min(lateMs, this.isEnding ? stopTimeoutMs : startTimeoutMs));
    } else if (!this.isEnding) this.fail(this.#lateError(), true); // the start-up may say better why
    else if (this.isWanted && !this.isForced) this.#cutShort();
    else if (!this.isForced) this.force(stopReason);
    else this.giveUp();
  }

  /**
   * Lets go of it: it loses its right to run, and no longer concerns its keeper. How it would have ended by now is how it is
   * said to have ended.
   */
  abandon(): void {
    const { sinceAt, key } = this, { leases } = this.#registry;
    this.judge();
    const ranMs = this.#lap();
    if (this.wasUp) this.uptimeMs = ranMs;
    if (this.#lease) {
      leases.unwatch(this.#lease, this);
      leases.revoke(this.#lease, key, new ProcessStuckError(key, sinceAt));
    }
    this.#registry.emit(abandonedEvent(this, sinceAt));
  }

  /** Declares the attempt stuck. It keeps its key until it ends after all. */
  giveUp(): void {
    if (!this.isEnding || this.wasStuck) return;
    this.wasStuck = true;
    stuckAttempts++;
    this.sinceAt = this.#registry.clock.now();
    this.#registry.deadlines.delete(this.#keeper);
    this.#registry.emit({ type: "stuck", at: this.sinceAt, key: this.key, sinceAt: this.sinceAt });
    this.#keeper.attemptIsStuck(this.sinceAt);
  }

  protected override makeAlive(): (note?: string) => void {
    return this.#beat.bind(this); // a closure would cost twice as much memory for as long as the run keeps its options
  }

  protected override lifeIsUp(runnable: P): void {
    const { deadlines } = this.#registry, startMs = this.#lap(), at = this.sinceAt;
    deadlines.delete(this.#keeper);
    if (this.settings.livenessMs !== Infinity) this.#hear();
    this.#registry.emit({ type: "running", at, key: this.key, startMs, attempt: this.#number });
    this.#keeper.attemptIsUp(runnable);
  }

  protected override lifeIsLeaving(): void {
    this.#pulse?.unhear();
    if (this.isWanted) this.#beginBudget(); // it ends by itself, which may take too long as well
    this.#keeper.attemptIsLeaving();
  }

  protected override lifeEnded(): void {
    if (this.#isAbandoned) return this.#endAtLast();
    this.#leave();
    const stopMs = this.#endingMs === undefined ? undefined : wholeMs(this.#beganMs - this.#endingMs);
    this.#registry.events.emitHere(exitedEvent(this, stopMs));
    this.#keeper.attemptEnded(this);
  }

  #prepare(entry: Entry<K, P>, options: EntryOptions | PromiseLike<EntryOptions> | undefined): void {
    if (isPromiseLike(options)) return this.#later(options, (given) => this.#prepare(entry, given));
    if (!this.isWanted) return this.endUnbegun();
    if (options !== undefined) this.settings = settingsOf(options, this.#registry.settings);
    this.#build(entry);
    this.#limitStart();
  }

  #build(entry: Entry<K, P>): void {
    const built = entry.get();
    if (isPromiseLike(built)) this.#later(built, (runnable) => this.#run(runnable));
    else this.#run(built);
  }

  /** Goes on when an entry has answered. A promise of our own: a foreign one may settle twice, or throw. */
  #later<T>(answer: PromiseLike<T>, goOn: (answer: T) => void): void {
    Promise.resolve(answer).then(goOn).catch((error) => this.#failToBuild(error));
  }

  /** Limits what is left of the start-up; most are up by now. */
  #limitStart(): void {
    const { startTimeoutMs } = this.settings, { deadlines } = this.#registry;
    if (this.wasUp || !this.isWanted) return;
    if (startTimeoutMs === Infinity) deadlines.delete(this.#keeper);
    else deadlines.set(this.#keeper, startTimeoutMs, this.#beganMs);
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
    this.#beginBudget();
    this.abort(stopReason);
  }

  #giveUpLease(): void {
    this.state = "stopped";
    if (this.#lease) this.#giveBack(this.#lease);
    this.#keeper.attemptIsNotOurs(this);
  }

  #lateError(): DOMException {
    return new DOMException(`The process was not up within ${this.settings.startTimeoutMs} ms`, "TimeoutError");
  }

  #beat(note?: string): void {
    (this.#pulse ??= new Pulse(this.#registry.awake)).beat(note);
  }

  #hear(): void {
    (this.#pulse ??= new Pulse(this.#registry.awake)).hear();
    this.#registry.deadlines.set(this.#keeper, this.settings.livenessMs);
  }

  #checkAlive({ silentMs, note }: Pulse): void {
    const { livenessMs } = this.settings;
    if (silentMs >= livenessMs) this.fail(new ProcessSilentError(this.key, livenessMs, note));
    else this.#registry.deadlines.set(this.#keeper, livenessMs - silentMs);
  }

  #failToBuild(error: unknown): void {
    const { key } = this;
    this.state = "stopped";
    this.outcome = "failed";
    this.error = error;
    if (this.#isAbandoned) return this.#endAtLast();
    this.#leave();
    this.#registry.emit({ type: "entry-failed", at: this.sinceAt, key, error });
    this.#keeper.attemptEnded(this);
  }

  /** An abandoned life has ended: its key may have another one by now. */
  #endAtLast(): void {
    stuckAttempts--;
    this.#registry.abandoned.ended(this);
  }

  /** What has to be done however it ends. */
  #leave(): void {
    const { sinceAt } = this, ranMs = this.#lap();
    this.#registry.deadlines.delete(this.#keeper);
    this.#pulse?.unhear();
    if (this.wasUp) this.uptimeMs = ranMs;
    if (this.wasStuck) {
      stuckAttempts--;
      this.#registry.emit({ type: "unstuck", at: this.sinceAt, key: this.key, sinceAt });
    }
    if (this.#lease) this.#giveBack(this.#lease);
  }

  #giveBack(lease: Lease): void {
    this.#registry.leases.unwatch(lease, this);
    this.#registry.leases.giveBack(lease, this.key);
  }

  /** Notes the moment. Returns the whole ms since it was made, or since it came up. */
  #lap(): number {
    const { at, nowMs } = this.#registry.watch.read(), beganMs = this.#beganMs;
    this.sinceAt = at;
    this.#beganMs = nowMs;
    return wholeMs(nowMs - beganMs);
  }

  #beginBudget(runEndedMs?: number): void {
    const { watch, deadlines } = this.#registry, { at, nowMs } = watch.read();
    this.#isProlonged = false;
    this.#endingMs ??= runEndedMs ?? nowMs;
    this.sinceAt = at;
    if (runEndedMs !== undefined && this.isTimedByRun) deadlines.delete(this.#keeper);
    else deadlines.set(this.#keeper, this.settings.stopTimeoutMs, runEndedMs ?? nowMs);
  }
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined | null)?.then === "function";
}
