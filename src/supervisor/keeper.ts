/**
 * Keeps the process of one key as the table wants it: starts, replaces, restarts, parks, stops.
 *
 * ```text
 *   asking ──▶ queued ──▶ looking ──▶ attempting ──▶ retrying ──▶ queued …
 *      │                     ▲            │  ╰─────▶ parked, resting          (backoff.ts)
 *      │                     │            ├────────▶ paused, as any other     (pausing.ts)
 *      │                     │            ▼
 *      ╰─────▶ forgotten ◀── ╰──── stopped, with or without a start to follow
 * ```
 *
 * At most one attempt exists at any time: the next one is made only after the one before has ended.
 *
 * @module
 */

import { ProcessEndedEarlyError, ProcessStuckError } from "../errors.ts";
import type { StartCause } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Absence, Entry } from "../table/table.ts";
import { found, goOnFrom, isPaused, lookFailed, missing } from "./answers.ts";
import { Attempt } from "./attempt.ts";
import { Backoff, type Dormancy } from "./backoff.ts";
import { Callers } from "./callers.ts";
import type { DeadlineHolder } from "./deadlines.ts";
import type { Look, Sought } from "./lookups.ts";
import type { Tally } from "./pass.ts";
import type { Pausing } from "./pausing.ts";
import type { Registry } from "./registry.ts";
import type { Starter } from "./start_queue.ts";

/** What goes on with a key: it is asked whether there is an entry, waits to start, is looked at, lives, or does not. */
export type Phase = "asking" | "queued" | "looking" | "attempting" | Dormancy | "paused" | "forgotten";

const stoppedMeanwhile = () => new ProcessEndedEarlyError("it was stopped meanwhile");

/** Keeps one key. */
export class Keeper<K, P extends Runnable> implements DeadlineHolder, Starter, Sought<K, P> {
  readonly key: K;
  phase: Phase = "asking";
  /** Since when it is queued, looked at or dormant, epoch ms; an attempt knows that of itself. */
  sinceAt = 0;
  /** Exists in the phase "attempting" and in no other. */
  attempt: Attempt<K, P> | undefined = undefined;
  /** The runnable of the attempt while it is up. */
  running: P | undefined = undefined;
  version: unknown = undefined;
  /** What is remembered of its failures; made at the first of them, as most keys never fail. */
  backoff: Backoff<K, P> | undefined = undefined;
  /** Exists while the table says that it is not to run for now. */
  pausing: Pausing<K, P> | undefined = undefined;
  /** Counts how its start or stop comes out. */
  tally: Tally | undefined = undefined;
  look: Look<K, P> | undefined = undefined;
  lookedInPass = 0;
  /** The number of the last pass that saw its entry, or in which it was made. */
  seenInPass = 0;
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  readonly registry: Registry<K, P>;
  /** Why it is about to start. */
  #cause: StartCause = "call";
  /** Why it starts again once the attempt has ended; without, it is forgotten then. */
  next: StartCause | undefined = undefined;
  /** What it starts from when its turn comes, or after a stop that was not called for; without, it is looked up then. */
  entry: Entry<K, P> | undefined = undefined;
  /** Whether there has been an attempt at the entry since the key was last forgotten. */
  hadAttempt = false;
  /** Whether it was announced that its entry is gone. */
  isRemoved = false;
  #callers: Callers<K, P> | undefined = undefined;

  constructor(registry: Registry<K, P>, key: K) {
    this.registry = registry;
    this.key = key;
  }

  /** Whether a process of the key exists, in whatever state, or is about to. */
  get exists(): boolean {
    return this.phase === "attempting" || this.phase === "queued" || this.phase === "looking";
  }

  /** Whether a look is still to come. */
  get isLookedAtAgain(): boolean {
    return this.look !== undefined && this.look.next !== "none";
  }

  /** Those who wait for the process, and are told how it goes. */
  get callers(): Callers<K, P> {
    return this.#callers ??= new Callers();
  }

  /** Starts from this entry when its turn comes. */
  enqueue(entry: Entry<K, P> | undefined, cause: StartCause, at: number = this.registry.watch.read().at): void {
    this.enter("queued", at);
    this.entry = entry;
    this.#cause = cause;
    this.registry.starts.add(this);
  }

  /** Starts at once, or as soon as a stop under way has ended, from a fresh look at the table, parked or not. */
  call(): void {
    if (this.attempt) {
      if (!this.attempt.isWanted) this.#callNext();
    } else if (this.phase !== "looking") {
      this.#noteOrigin();
      this.registry.starts.release(this);
      this.backoff?.wake("call");
      this.#lookAndStart("call", true);
    }
  }

  /** Ends the process, if there is one, and starts it from a fresh look. Callers who wait for it to be up get the new one. */
  restart(): void {
    if (!this.attempt) return this.call();
    this.#callNext();
    this.#callers?.failStarted(stoppedMeanwhile);
    this.attempt.stop();
  }

  #callNext(): void {
    this.next = "call";
    this.#noteOrigin();
  }

  /** Remembers where a call comes from, in whose async context this is. It is forgotten with those who wait. */
  #noteOrigin(): void {
    const origin = this.registry.originOf();
    if (origin !== undefined || this.#callers) this.callers.origin = origin;
  }

  /** Where the last call came from that was to lead to a start. */
  get origin(): string | undefined {
    return this.#callers?.origin;
  }

  /** Stops the process; a start follows only if it is called for after this. */
  stop(makeError: () => Error = stoppedMeanwhile, runEndedMs?: number): void {
    if (this.phase === "forgotten") return;
    this.next = undefined;
    if (!this.attempt) return this.vanish(makeError, false);
    this.failUp(makeError);
    this.attempt.stop(runEndedMs);
  }

  looked(entry: Entry<K, P> | undefined, absence?: Absence): void {
    if (this.phase === "forgotten") return; // the start that the look was for has been called off
    if (entry) found(this, entry, "change");
    else missing(this, absence);
  }

  lookFailed(error: unknown, isOutdated: boolean): void {
    lookFailed(this, error, isOutdated);
  }

  enter(phase: Phase, at: number): void {
    this.phase = phase;
    this.sinceAt = at;
  }

  /** Tells those who wait for it to be up that it cannot be. Returns whether there were any. */
  failUp(makeError: () => unknown): boolean {
    return this.#callers !== undefined && this.#callers.failUp(makeError);
  }

  mayStart(): void {
    if (!this.registry.isAccepting) return;
    const entry = this.entry;
    this.entry = undefined;
    if (entry) this.attemptAt(entry);
    else this.#lookAndStart(this.#cause);
  }

  cannotStart(error: unknown): void {
    const at = this.registry.clock.now();
    this.registry.emit({ type: "entry-failed", at, key: this.key, error });
    this.failUp(() => error);
    this.settled(true);
    this.failed.afterExit(
      { outcome: "failed", error, phase: "starting", uptimeMs: 0 },
      at,
      this.registry.settings.restart,
    );
  }

  onDeadline(lateMs: number): void {
    if (this.attempt) this.attempt.onDeadline(lateMs);
    else if (this.pausing) this.pausing.onDeadline();
    else this.enqueue(undefined, "retry");
  }

  attemptIsUp(runnable: P): void {
    this.running = runnable;
    this.registry.running.set(this.key, runnable);
    this.backoff?.isUp(this.attempt!.settings.restart);
    this.settled(false);
    this.#callers?.tellUp(runnable);
    this.#callers = undefined;
  }

  /** Its attempt is about to end, asked to or not. */
  attemptIsLeaving(): void {
    if (!this.running) return;
    this.running = undefined;
    this.registry.running.delete(this.key);
    this.backoff?.isDown();
  }

  /** The start-up of its attempt is given up; the end is still to come. */
  attemptIsLate(error: unknown): void {
    this.settled(true);
    this.failUp(() => error);
  }

  attemptIsStuck(sinceAt: number): void {
    const makeError = () => new ProcessStuckError(this.key, sinceAt);
    this.registry.run?.gotStuck(this);
    this.failed.isStuck(sinceAt);
    this.#callers?.failEnded(makeError);
    this.failUp(makeError);
    this.registry.abandoned.consider(this);
  }

  /** This instance does not own the entry: nothing was started, nothing is announced. */
  attemptIsNotOurs(attempt: Attempt<K, P>): void {
    const next = this.#over(attempt);
    if (next) return this.#startNext(next, undefined);
    this.vanish(() => this.registry.notOursError(this.key), this.isLookedAtAgain);
  }

  /** Its attempt has ended, or was abandoned. */
  attemptEnded(attempt: Attempt<K, P>): void {
    const { outcome, error, wasUp, sinceAt: endedAt } = attempt, { isAccepting, run } = this.registry;
    const { entry } = this, next = this.#over(attempt), isOver = attempt.isAsked || !isAccepting;
    if (attempt.wasStuck && (next || isOver)) this.backoff?.end(this.version);
    if (next) {
      this.backoff?.forget();
      if (next !== "call" && this.failed.brakes(endedAt, attempt.settings.restart)) return this.settled(false);
      if (!attempt.wasStuck) return this.#startNext(next, entry);
      return this.#startNext(next, undefined, true); // it may have been stuck since an earlier run
    }
    this.settled(!wasUp && outcome === "failed");
    if (!wasUp || isOver) this.failUp(outcome === "failed" ? () => error : stoppedMeanwhile);
    if (this.pausing && isAccepting) return this.pausing.settle();
    if (!isOver) return this.failed.afterExit(attempt, endedAt, attempt.settings.restart);
    if (outcome === "failed") this.failed.endedAsAsked(error, endedAt);
    this.#forgetUnless(this.look !== undefined);
    // While it was stuck the table may have come to want it again, and nothing could be done about it.
    if (attempt.wasStuck && isAccepting) this.registry.enter(() => run?.lookAt(this.key));
  }

  /** There is no attempt any more. Returns why the next one follows at once, if one does: what it set going is not settled. */
  #over(attempt: Attempt<K, P>): StartCause | undefined {
    const next = this.registry.isAccepting ? this.next : undefined;
    this.attemptIsLeaving();
    this.attempt = this.next = this.entry = undefined;
    this.#callers?.tellEnded(attempt);
    if (next) this.registry.starts.release(this);
    return next;
  }

  /** What is remembered of its failures, from now on. */
  get failed(): Backoff<K, P> {
    return this.backoff ??= new Backoff(this.registry, this);
  }

  /** Starts right after an end. Where the starts of a second are limited, one that was not called for waits for its turn. */
  #startNext(cause: StartCause, entry: Entry<K, P> | undefined, isFromElsewhere = false): void {
    if (cause !== "call" && this.registry.starts.isPaced) this.enqueue(entry, cause);
    else if (cause !== "call" && entry) this.attemptAt(entry, cause);
    else this.#lookAndStart(cause, isFromElsewhere);
  }

  #lookAndStart(cause: StartCause, isFromElsewhere = false): void {
    if (this.phase === "queued") this.phase = "looking"; // it is still queued, to those who ask
    else this.enter("looking", this.registry.watch.read().at);
    this.#cause = cause;
    this.registry.run?.lookups.lookAfresh(this, isFromElsewhere);
  }

  /** Makes an attempt at this entry. */
  attemptAt(entry: Entry<K, P>, cause: StartCause = this.#cause): void {
    if (isPaused(this, entry)) return; // it may have become so while it waited for its turn
    if (goOnFrom(this, entry)?.state === "parked" && cause === "call") this.backoff?.forget();
    if (!Object.is(entry.version, this.version)) this.backoff?.end(entry.version);
    this.version = entry.version;
    this.hadAttempt = true;
    this.phase = "attempting";
    this.registry.starts.began(this);
    this.attempt = new Attempt(this.registry, this, (this.backoff?.failures ?? 0) + 1);
    this.attempt.begin(entry, cause);
  }

  /** What was set going has come out, one way or another. */
  settled(isFailure: boolean): void {
    this.registry.starts.release(this);
    this.tally?.settled(isFailure);
    this.tally = undefined;
  }

  /** Goes, as there is no attempt that would have to end first. */
  vanish(makeError: () => unknown, isLookedAtAgain: boolean): void {
    this.registry.deadlines.delete(this);
    this.settled(false);
    this.failUp(makeError);
    this.#forgetUnless(isLookedAtAgain);
  }

  /** A look that is still to come may find that the key is wanted after all. */
  #forgetUnless(isLookedAtAgain: boolean): void {
    const isAsking = isLookedAtAgain && this.registry.isAccepting;
    this.phase = isAsking ? "asking" : "forgotten";
    this.hadAttempt = false;
    this.pausing = undefined;
    this.backoff?.leave();
    if (!isAsking) this.registry.forget(this);
  }
}
