/**
 * Keeps the process of one key as the table wants it: starts, replaces, restarts, parks, stops.
 *
 * ```text
 *   queued ──▶ looking ──▶ attempt ──▶ retrying ──▶ queued …
 *                 ▲           │  ╰───▶ parked, resting
 *                 │           ▼
 *                 ╰──── stopped, with a start to follow, or forgotten
 * ```
 *
 * At most one attempt exists at any time: the next one is made only after the one before has ended.
 *
 * @module
 */

import { ProcessEndedEarlyError, ProcessNotFoundError, ProcessStuckError } from "../errors.ts";
import type { StartCause } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Entry } from "../table/table.ts";
import { Attempt } from "./attempt.ts";
import { Backoff, type Dormancy } from "./backoff.ts";
import { DeadlineHolder } from "./deadlines.ts";
import type { AttemptOwner, KeeperHost, Tally } from "./host.ts";
import type { Grant } from "./leases.ts";
import type { Starter } from "./start_queue.ts";
import { Waiting } from "./waiting.ts";

/** What a keeper is doing while it has no attempt: waits for its turn, looks at its entry, or is dormant. */
export type KeeperPhase = "queued" | "looking" | Dormancy;

const stoppedMeanwhile = () => new ProcessEndedEarlyError("it was stopped meanwhile");

/** Keeps one key. */
export class Keeper<K, P extends Runnable> extends DeadlineHolder implements AttemptOwner<K>, Starter {
  readonly key: K;
  readonly #host: KeeperHost<K>;
  phase: KeeperPhase = "queued";
  attempt: Attempt<K, P> | undefined = undefined;
  version: unknown = undefined;
  /** The number of the last pass that saw its entry, or in which it was made. */
  seenInPass = 0;
  tally: Tally | undefined = undefined;
  /** Why it is about to start. */
  #cause: StartCause = "call";
  /** Why it starts again once the attempt has ended; it is forgotten then when absent. */
  #next: StartCause | undefined = undefined;
  /** What it starts from when its turn comes; looked up then when absent. */
  #entry: Entry<K, P> | undefined = undefined;
  #hadAttempt = false;
  // Most keys never fail, and nobody waits for them: what serves that is made when it is needed.
  backoff: Backoff<K> | undefined = undefined;
  #up: Waiting<P> | undefined = undefined;
  #ended: Waiting<Attempt<K, P>> | undefined = undefined;

  constructor(host: KeeperHost<K>, key: K) {
    super();
    this.#host = host;
    this.key = key;
  }

  /** Whether a process of the key exists, in whatever state, or is about to. */
  get exists(): boolean {
    return this.attempt !== undefined || this.phase === "queued" || this.phase === "looking";
  }

  /** Resolves with the runnable when the process is up, rejects when it cannot come up. */
  whenUp(signal?: AbortSignal): Promise<P> {
    return this.attempt?.isUp ? Promise.resolve(this.attempt.runnable!) : (this.#up ??= new Waiting()).wait(signal);
  }

  /** Resolves with the attempt when it has ended, rejects when it gets stuck. */
  whenEnded(): Promise<Attempt<K, P>> {
    return (this.#ended ??= new Waiting()).wait();
  }

  /** Starts from this entry when its turn comes. */
  enqueue(entry: Entry<K, P> | undefined, cause: StartCause): void {
    this.phase = "queued";
    this.#entry = entry;
    this.#cause = cause;
    this.#host.starts.add(this);
  }

  /** Starts at once, or as soon as a stop under way has ended, from a fresh look at the table, parked or not. */
  call(): void {
    if (this.attempt) {
      if (!this.attempt.isWanted) this.#next = "call";
    } else if (this.phase !== "looking") {
      this.#host.starts.release(this);
      this.#wake("call");
      this.#lookAndStart("call");
    }
  }

  /** Stops the process; a start follows only if it is called for after this. */
  stop(makeError: () => Error = stoppedMeanwhile, hasOwnBudget: boolean = true): void {
    this.#next = undefined;
    if (!this.attempt) this.#host.disregard(this.key);
    this.#leave(makeError, hasOwnBudget);
  }

  /** The table has this entry. Returns whether a process is replaced because of it. */
  found(entry: Entry<K, P>, cause: StartCause): boolean {
    const { attempt } = this;
    const isChanged = !Object.is(entry.version, this.version);
    if (isChanged && attempt?.isWanted) {
      this.#host.emit({ type: "replaced", at: this.#host.clock.now(), key: this.key, version: entry.version });
      this.#next = "change";
      attempt.stop();
      return true;
    }
    if (attempt?.isAsked) this.#next ??= cause;
    else if (attempt) return false; // as it should be; or too late in its start-up, and its exit decides
    else if (this.phase === "looking") this.#start(entry);
    else if (this.phase === "queued") this.#entry = entry;
    else if (isChanged) {
      this.#wake("change");
      this.enqueue(entry, "change");
    }
    return false;
  }

  /** The table has no such entry, and that is certain. */
  isMissing(): void {
    const { attempt, key } = this;
    this.backoff?.forget();
    this.#next = undefined;
    const isNew = !attempt && this.phase === "looking" && !this.#hadAttempt;
    if (!isNew && (attempt?.isWanted ?? true)) this.#host.emit({ type: "removed", at: this.#host.clock.now(), key });
    this.#leave(() => new ProcessNotFoundError("start", key, "the table has no such key"), true);
  }

  /** The table could not be asked. Calls back when no caller can be told. */
  lookFailed(error: unknown, announce: () => void): void {
    const isStarting = !this.attempt && this.phase === "looking";
    if (!(isStarting && this.#up?.reject(() => error))) announce();
    if (!isStarting) return;
    this.#settled(true);
    if (this.#hadAttempt) this.#goDormant(this.#failed.again(), error);
    else this.#vanish(() => error);
  }

  mayStart(): void {
    if (!this.#host.isAccepting) return;
    const entry = this.#entry;
    this.#entry = undefined;
    if (entry) this.#start(entry);
    else this.#lookAndStart(this.#cause);
  }

  override onDeadline(): void {
    if (this.attempt) this.attempt.onDeadline();
    else this.enqueue(undefined, "retry");
  }

  attemptIsUp(): void {
    this.#settled(false);
    this.#up?.resolve(this.attempt!.runnable!);
  }

  attemptIsLate(error: unknown): void {
    this.#settled(true);
    this.#up?.reject(() => error);
  }

  attemptIsStuck(sinceAt: number): void {
    const makeError = () => new ProcessStuckError(this.key, sinceAt);
    this.#ended?.reject(makeError);
    this.#up?.reject(makeError);
  }

  attemptEnded(): void {
    const attempt = this.attempt!;
    const { outcome, error, wasUp, uptimeMs } = attempt;
    const { isAccepting } = this.#host, next = this.#next;
    this.attempt = this.#next = undefined;
    this.#host.starts.release(this);
    this.#ended?.resolve(attempt);
    if (next && isAccepting) {
      this.backoff?.forget();
      return this.#lookAndStart(next);
    }
    this.#settled(!wasUp && outcome === "failed");
    const isOver = attempt.isAsked || !isAccepting;
    if (!wasUp || isOver) this.#up?.reject(outcome === "failed" ? () => error : stoppedMeanwhile);
    if (!isOver) return this.#goDormant(this.#failed.afterExit(outcome, error, uptimeMs), error);
    this.#host.forget(this.key);
    // While it was stuck the table may have come to want it again, and nobody could do anything about it.
    if (attempt.wasStuck && isAccepting) this.#host.look(this.key);
  }

  get #failed(): Backoff<K> {
    return this.backoff ??= new Backoff(this.#host, this);
  }

  #goDormant(phase: Dormancy, error: unknown): void {
    this.phase = phase;
    if (phase !== "retrying") this.#up?.reject(() => error ?? new ProcessEndedEarlyError("it is not restarted"));
    else if (this.heapIndex < 0) this.onDeadline();
  }

  #wake(cause: "call" | "change"): void {
    this.#host.deadlines.delete(this);
    if (this.phase === "parked") this.backoff?.unpark(cause);
  }

  #lookAndStart(cause: StartCause): void {
    this.phase = "looking";
    this.#cause = cause;
    this.#host.look(this.key);
  }

  #start(entry: Entry<K, P>): void {
    let grant: Grant | undefined;
    try {
      grant = this.#host.leases.ask(entry);
    } catch (error) {
      this.#host.emit({ type: "entry-failed", at: this.#host.clock.now(), key: this.key, error });
      this.#up?.reject(() => error);
      this.#settled(true);
      return this.#goDormant(this.#failed.afterExit("failed", error, 0), error);
    }
    if (!grant) return this.#vanish(() => new ProcessNotFoundError("start", this.key, "the entry is not ours now"));
    if (!Object.is(entry.version, this.version)) this.backoff?.forget();
    this.version = entry.version;
    this.#hadAttempt = true;
    this.attempt = new Attempt(this.#host, this, grant.lease, (this.backoff?.failures ?? 0) + 1);
    this.attempt.begin(entry, this.#cause);
  }

  #leave(makeError: () => unknown, hasOwnBudget: boolean): void {
    if (!this.attempt) return this.#vanish(makeError);
    this.#up?.reject(makeError);
    this.attempt.stop(hasOwnBudget);
  }

  /** Goes, as there is no attempt that would have to end first. */
  #vanish(makeError: () => unknown): void {
    this.#host.deadlines.delete(this);
    this.#settled(false);
    this.#up?.reject(makeError);
    this.#host.forget(this.key);
  }

  #settled(isFailure: boolean): void {
    this.#host.starts.release(this);
    this.tally?.settled(isFailure);
    this.tally = undefined;
  }
}
