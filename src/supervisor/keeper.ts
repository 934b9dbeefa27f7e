/**
 * Keeps the process of one key as the table wants it: starts, replaces, restarts, parks, stops.
 *
 * ```text
 *   asking ──▶ queued ──▶ looking ──▶ attempt ──▶ retrying ──▶ queued …
 *                            ▲           │  ╰───▶ parked, resting
 *                            │           ▼
 *                            ╰──── stopped, with a start to follow, or forgotten
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
import type { AttemptOwner } from "./host.ts";
import type { Flight, Sought } from "./lookups.ts";
import { Standing } from "./standing.ts";
import type { Starter } from "./start_queue.ts";

const stoppedMeanwhile = () => new ProcessEndedEarlyError("it was stopped meanwhile");

/** Keeps one key. */
export class Keeper<K, P extends Runnable> extends Standing<K, P> implements AttemptOwner<K>, Starter, Sought<K, P> {
  version: unknown = undefined;
  flight: Flight = "none";
  lookedInPass = 0;
  /** The number of the last pass that saw its entry, or in which it was made. */
  seenInPass = 0;
  /** Why it is about to start. */
  #cause: StartCause = "call";
  /** Why it starts again once the attempt has ended; it is forgotten then when absent. */
  #next: StartCause | undefined = undefined;
  /** What it starts from when its turn comes; looked up then when absent. */
  #entry: Entry<K, P> | undefined = undefined;
  #hadAttempt = false;
  /** Whether it was announced that its entry is gone. */
  #isRemoved = false;
  /** What is remembered of its failures; made at the first of them, as most keys never fail. */
  backoff: Backoff<K> | undefined = undefined;

  /** Starts from this entry when its turn comes. */
  enqueue(entry: Entry<K, P> | undefined, cause: StartCause): void {
    this.enter("queued");
    this.#entry = entry;
    this.#cause = cause;
    this.host.starts.add(this);
  }

  /** Starts at once, or as soon as a stop under way has ended, from a fresh look at the table, parked or not. */
  call(): void {
    if (this.attempt) {
      if (!this.attempt.isWanted) this.#next = "call";
    } else if (this.phase !== "looking") {
      this.host.starts.release(this);
      this.#wake("call");
      this.#lookAndStart("call");
    }
  }

  /** Stops the process; a start follows only if it is called for after this. */
  stop(makeError: () => Error = stoppedMeanwhile, hasOwnBudget: boolean = true): void {
    if (this.isForgotten) return;
    this.#next = undefined;
    if (!this.attempt) return this.#vanish(makeError, false);
    this.failUp(makeError);
    this.attempt.stop(hasOwnBudget);
  }

  looked(entry: Entry<K, P> | undefined): void {
    if (this.isForgotten) return; // the start that the look was for has been called off
    if (entry) this.found(entry, "change");
    else this.#isMissing();
  }

  /** The table has this entry. Returns whether a process is replaced because of it. */
  found(entry: Entry<K, P>, cause: StartCause): boolean {
    const isChanged = !Object.is(entry.version, this.version);
    if (!isChanged && this.running) return false;
    this.#isRemoved = false;
    const { attempt } = this;
    if (isChanged && attempt?.isWanted) {
      this.host.emit({ type: "replaced", at: this.host.clock.now(), key: this.key, version: entry.version });
      this.#next = "change";
      attempt.stop();
      return true;
    }
    if (attempt?.isAsked) this.#next ??= cause;
    else if (attempt) return false; // as it should be; or too late in its start-up, and its exit decides
    else if (this.phase === "looking") this.#start(entry);
    else if (this.phase === "queued") this.#entry = entry;
    else if (this.phase === "asking" || isChanged) {
      this.#wake("change");
      this.enqueue(entry, "change");
    }
    return false;
  }

  lookFailed(error: unknown, isOutdated: boolean): void {
    if (isOutdated || this.isForgotten) return this.host.announceLookFailed(error);
    const isStarting = !this.attempt && this.phase === "looking";
    if (!(isStarting && this.failUp(() => error))) this.host.announceLookFailed(error);
    if (isStarting) this.settled(true);
    if (isStarting && this.#hadAttempt) this.#goDormant(this.#failed.again(), error);
    else if (isStarting || this.phase === "asking") this.#vanish(() => error, this.isLookedAtAgain);
  }

  /** Whether a look is still to come. */
  get isLookedAtAgain(): boolean {
    return this.flight === "again" || this.flight === "outdated";
  }

  override cannotStart(error: unknown): void {
    const at = this.host.clock.now();
    this.host.emit({ type: "entry-failed", at, key: this.key, error });
    this.failUp(() => error);
    this.settled(true);
    this.#goDormant(this.#failed.afterExit("failed", error, 0, at), error);
  }

  override mayStart(): void {
    if (!this.host.isAccepting) return;
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
    const runnable = this.attempt!.runnable!;
    this.running = runnable;
    this.host.running.set(this.key, runnable);
    this.settled(false);
    this.tellUp(runnable);
  }

  attemptIsLeaving(): void {
    if (!this.running) return;
    this.running = undefined;
    this.host.running.delete(this.key);
  }

  attemptIsLate(error: unknown): void {
    this.settled(true);
    this.failUp(() => error);
  }

  attemptIsStuck(sinceAt: number): void {
    const makeError = () => new ProcessStuckError(this.key, sinceAt);
    this.tellStuck(makeError);
  }

  attemptIsNotOurs(): void {
    this.attempt = undefined;
    const makeError = () => new ProcessNotFoundError("start", this.key, "the entry is not ours now");
    this.#vanish(makeError, this.isLookedAtAgain);
  }

  attemptEnded(): void {
    const attempt = this.attempt!;
    const { outcome, error, wasUp, uptimeMs } = attempt;
    const { isAccepting } = this.host, next = this.#next;
    this.attemptIsLeaving();
    this.attempt = this.#next = undefined;
    this.tellEnded(attempt);
    if (next && isAccepting) {
      this.host.starts.release(this); // what it set going goes on, and is not settled yet
      this.backoff?.forget();
      return this.#lookAndStart(next);
    }
    this.settled(!wasUp && outcome === "failed");
    const isOver = attempt.isAsked || !isAccepting;
    if (!wasUp || isOver) this.failUp(outcome === "failed" ? () => error : stoppedMeanwhile);
    if (!isOver) return this.#goDormant(this.#failed.afterExit(outcome, error, uptimeMs, attempt.sinceAt), error);
    this.#forgetUnless(this.flight !== "none");
    // While it was stuck the table may have come to want it again, and nobody could do anything about it.
    if (attempt.wasStuck && isAccepting) this.host.lookAt(this.key);
  }

  #isMissing(): void {
    const { attempt, key } = this;
    this.backoff?.forget();
    this.#next = undefined;
    const isNew = !attempt && !this.#hadAttempt && (this.phase === "looking" || this.phase === "asking");
    if (!isNew && !this.#isRemoved) this.host.emit({ type: "removed", at: this.host.clock.now(), key });
    this.#isRemoved = true;
    const makeError = () => new ProcessNotFoundError("start", key, "the table has no such key");
    if (!attempt) return this.#vanish(makeError, this.isLookedAtAgain);
    this.failUp(makeError);
    attempt.stop();
  }

  get #failed(): Backoff<K> {
    return this.backoff ??= new Backoff(this.host, this);
  }

  #goDormant(phase: Dormancy, error: unknown): void {
    this.enter(phase);
    if (phase !== "retrying") this.failUp(() => error ?? new ProcessEndedEarlyError("it is not restarted"));
    else if (this.heapIndex < 0) this.onDeadline();
  }

  #wake(cause: "call" | "change"): void {
    this.host.deadlines.delete(this);
    if (this.phase === "parked") this.backoff?.unpark(cause);
  }

  #lookAndStart(cause: StartCause): void {
    this.enter("looking");
    this.#cause = cause;
    this.host.lookAfresh(this);
  }

  #start(entry: Entry<K, P>): void {
    if (!Object.is(entry.version, this.version)) this.backoff?.forget();
    this.version = entry.version;
    this.#hadAttempt = true;
    this.attempt = new Attempt(this.host, this, (this.backoff?.failures ?? 0) + 1);
    this.attempt.begin(entry, this.#cause);
  }

  /** Goes, as there is no attempt that would have to end first. */
  #vanish(makeError: () => unknown, isLookedAtAgain: boolean): void {
    this.host.deadlines.delete(this);
    this.settled(false);
    this.failUp(makeError);
    this.#forgetUnless(isLookedAtAgain);
  }

  /** A look that is still to come may find that the key is wanted after all. */
  #forgetUnless(isLookedAtAgain: boolean): void {
    if (!isLookedAtAgain || !this.host.isAccepting) return this.forget();
    this.enter("asking");
    this.#hadAttempt = false;
  }
}
