/**
 * One attempt at running an entry, from asking for its lease to the end of its run, within the budgets for start and stop.
 *
 * ```text
 *   building ──▶ starting ──▶ running ──▶ stopping ──▶ ended
 *      │            │                      │    ▲        ▲
 *      │ stop,      │ stop, start timeout  │    │        │
 *      └────────────┴──────────────────────┼────┘        │
 *                                          ╰─▶ stuck ────╯
 * ```
 *
 * @module
 */

import { describeValue } from "../errors.ts";
import type { ExitOutcome, StartCause } from "../events.ts";
import { Life, type LifeOwner, stopReason } from "../process/life.ts";
import { isRunnable, type Runnable } from "../process/runnable.ts";
import type { Entry, Lease } from "../table/table.ts";
import type { AttemptHost, AttemptOwner } from "./host.ts";

/** How far an attempt has come. */
export type AttemptState = "building" | "starting" | "running" | "stopping" | "stuck" | "ended";

const ready: Promise<void> = Promise.resolve();

/** Runs an entry once. */
export class Attempt<K, P extends Runnable> implements LifeOwner {
  state: AttemptState = "building";
  outcome: ExitOutcome = "stopped";
  error: unknown = undefined;
  /** When its state last changed, epoch ms. */
  sinceAt: number;
  /** Whether somebody asked for the stop, so that its end is no failure of the process. */
  isAsked = false;
  uptimeMs = 0;
  wasUp = false;
  wasStuck = false;
  #upAt = 0;
  readonly #host: AttemptHost<K>;
  readonly #owner: AttemptOwner<K>;
  readonly #number: number;
  #lease: Lease | undefined = undefined;
  #life: Life<P> | undefined = undefined;
  #isForced = false;
  #late: { error: unknown } | undefined = undefined;

  /**
   * @param host The supervisor.
   * @param owner Whose attempt it is.
   * @param number How many times in a row this is tried, counting from 1.
   */
  constructor(host: AttemptHost<K>, owner: AttemptOwner<K>, number: number) {
    this.#host = host;
    this.#owner = owner;
    this.#number = number;
    this.sinceAt = host.clock.now();
  }

  /** The runnable, once it is built. */
  get runnable(): P | undefined {
    return this.#life?.runnable;
  }

  /** Whether nobody and nothing has asked for its end. */
  get isWanted(): boolean {
    return this.state === "building" || this.state === "starting" || this.state === "running";
  }

  /**
   * Asks for the right to run the entry, builds the runnable and starts its run.
   *
   * @param entry What to build it from.
   * @param cause Why it is started.
   */
  begin(entry: Entry<K, P>, cause: StartCause): void {
    const { settings, deadlines, leases } = this.#host;
    try {
      const grant = leases.ask(entry);
      this.#lease = grant?.lease;
      if (this.#lease) leases.watch(this.#lease, this);
      // Whoever was asked for the lease may have asked for the end.
      if (!grant || !this.isWanted) return this.#giveUpLease();
    } catch (error) {
      return this.#failToBuild(error);
    }
    this.#host.emit({ type: "starting", at: this.sinceAt, key: this.#owner.key, cause, attempt: this.#number });
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

  /**
   * Asks for a graceful end. Does nothing when that was done before.
   *
   * @param hasOwnBudget Whether to set a deadline; a stop of all processes has one for all.
   */
  stop(hasOwnBudget = true): void {
    this.isAsked = true;
    if (!this.isWanted) return;
    this.#isForced = this.state !== "running"; // there is nothing graceful about ending a start-up: it is aborted
    this.#setState("stopping");
    this.#setBudget(hasOwnBudget);
    this.#life?.stop();
  }

  /**
   * Asks for the end at once. Does nothing when that was done before.
   *
   * @param reason What the run's signal aborts with.
   * @param hasOwnBudget Whether to set a deadline.
   */
  force(reason: unknown, hasOwnBudget = true): void {
    this.isAsked = true;
    if (this.state === "stuck" || this.state === "ended" || this.#isForced) return;
    this.#isForced = true;
    this.#setState("stopping");
    this.#setBudget(hasOwnBudget);
    this.#life?.force(reason);
  }

  /** Goes on when a budget is spent: from start to abort, from graceful to forced, from forced to stuck. */
  onDeadline(): void {
    if (this.isWanted) this.#giveUpStart();
    else if (!this.#isForced) this.force(stopReason);
    else this.giveUp();
  }

  /** Declares the attempt stuck. It keeps its key until it ends after all. */
  giveUp(): void {
    if (this.state !== "stopping") return;
    this.wasStuck = true;
    this.#setState("stuck");
    this.#host.deadlines.delete(this.#owner);
    this.#host.emit({ type: "stuck", at: this.sinceAt, key: this.#owner.key, sinceAt: this.sinceAt });
    this.#owner.attemptIsStuck(this.sinceAt);
  }

  /** The callback was called. */
  lifeIsUp(): void {
    const startedAt = this.sinceAt;
    this.wasUp = true;
    this.#setState("running");
    this.#upAt = this.sinceAt;
    this.#host.deadlines.delete(this.#owner);
    const startMs = Math.max(0, this.sinceAt - startedAt);
    this.#host.emit({ type: "running", at: this.sinceAt, key: this.#owner.key, startMs, attempt: this.#number });
    this.#owner.attemptIsUp();
  }

  /** The callback returns, asked or not. */
  lifeIsLeaving(): void {
    this.#owner.attemptIsLeaving();
  }

  /** The run settled. */
  lifeEnded(): void {
    this.#end(this.#life!.outcome, this.#life!.error);
  }

  #run(runnable: P): void {
    if (this.state === "stuck" || this.state === "stopping") {
      return this.#late ? this.#end("failed", this.#late.error) : this.#end("stopped", undefined);
    }
    if (!isRunnable(runnable)) {
      throw new TypeError(
        `Cannot run what the entry gave: a runnable has a run method, current value is ${describeValue(runnable)}`,
      );
    }
    this.state = "starting";
    const life = this.#life = new Life(runnable, this);
    // What has failed before may fail at once, and an error costs 0.4 us for each frame below it: from an empty stack then.
    if (this.#number > 1) ready.then(() => life.begin());
    else life.begin();
  }

  #giveUpLease(): void {
    this.state = "ended";
    if (this.#lease) this.#giveBack(this.#lease);
    this.#owner.attemptIsNotOurs();
  }

  #giveUpStart(): void {
    const { startTimeoutMs } = this.#host.settings;
    const error = new DOMException(`The process was not up within ${startTimeoutMs} ms`, "TimeoutError");
    this.#late = { error };
    this.#isForced = true;
    this.#setState("stopping");
    this.#setBudget(true);
    this.#owner.attemptIsLate(error);
    this.#life?.doom(error);
  }

  #failToBuild(error: unknown): void {
    const { key } = this.#owner;
    this.#leave();
    this.outcome = "failed";
    this.error = error;
    this.#host.emit({ type: "entry-failed", at: this.sinceAt, key, error });
    this.#owner.attemptEnded();
  }

  #end(outcome: ExitOutcome, error: unknown): void {
    const { key } = this.#owner;
    this.#leave();
    this.outcome = outcome;
    this.error = error;
    const { sinceAt: at, wasUp, uptimeMs } = this;
    const exit = { type: "exited", at, key, phase: wasUp ? "running" : "starting", outcome, uptimeMs } as const;
    const failure = outcome === "failed" && { error };
    const force = wasUp && this.#isForced && { isForced: true as const };
    this.#host.emit(failure || force ? { ...exit, ...failure, ...force } : exit);
    this.#owner.attemptEnded();
  }

  /** What has to be done however it ends. */
  #leave(): void {
    const { state, sinceAt } = this;
    this.#setState("ended");
    this.#host.deadlines.delete(this.#owner);
    if (this.wasUp) this.uptimeMs = Math.max(0, this.sinceAt - this.#upAt);
    if (state === "stuck") this.#host.emit({ type: "unstuck", at: this.sinceAt, key: this.#owner.key, sinceAt });
    if (this.#lease) this.#giveBack(this.#lease);
  }

  #giveBack(lease: Lease): void {
    this.#host.leases.unwatch(lease, this);
    this.#host.leases.giveBack(lease, this.#owner.key);
  }

  #setBudget(hasOwn: boolean): void {
    if (hasOwn) this.#host.deadlines.set(this.#owner, this.#host.settings.stopTimeoutMs);
    else this.#host.deadlines.delete(this.#owner);
  }

  #setState(state: AttemptState): void {
    this.state = state;
    this.sinceAt = this.#host.clock.now();
  }
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined | null)?.then === "function";
}
