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
import type { Entry, Lease } from "../table/table.ts";
import { Attempt, type AttemptHost, type AttemptOwner } from "./attempt.ts";
import { afterExit, delayAfter } from "./restart.ts";
import type { Starter, StartQueue } from "./start_queue.ts";

/** What a keeper is doing while it has no attempt. */
export type KeeperPhase = "queued" | "looking" | "retrying" | "parked" | "resting";

/** Counts how the starts of one pass come out. */
export interface StartTally {
  /** A start of the pass came up, failed, or was called off. */
  startEnded(isFailure: boolean): void;
}

/** What a keeper needs from the supervisor. */
export interface KeeperHost<K> extends AttemptHost<K> {
  readonly starts: StartQueue;
  /** Whether processes may be started: false from the moment a shutdown begins. */
  readonly isAccepting: boolean;
  /** Looks the key up in the table; the answer comes as `found`, `isMissing` or `lookFailed`. */
  look(key: K): void;
  /** Drops the keeper. */
  forget(key: K): void;
}

const stopped = "it was stopped meanwhile";

/** Keeps one key. */
export class Keeper<K, P extends Runnable> implements AttemptOwner<K>, Starter {
  readonly key: K;
  readonly #host: KeeperHost<K>;
  phase: KeeperPhase = "queued";
  attempt: Attempt<K, P> | undefined = undefined;
  version: unknown = undefined;
  /** Consecutive failures, and the last of them. */
  failures = 0;
  lastError: unknown = undefined;
  /** The number of the last pass that saw its entry, or in which it was made. */
  seenInPass = 0;
  tally: StartTally | undefined = undefined;
  /** Whether the table was seen to have no such entry any more. */
  isGone = false;
  deadlineAt = 0;
  deadlineOrder = 0;
  heapIndex = -1;
  /** Why it is about to start. */
  #cause: StartCause = "call";
  /** Why it starts again once the attempt has ended; it is forgotten then when absent. */
  #next: StartCause | undefined = undefined;
  /** What it starts from when its turn comes; looked up then when absent. */
  #entry: Entry<K, P> | undefined = undefined;
  #up: PromiseWithResolvers<P> | undefined = undefined;
  #ended: PromiseWithResolvers<Attempt<K, P>> | undefined = undefined;
  #hadAttempt = false;

  /**
   * @param host The supervisor.
   * @param key The key to keep.
   */
  constructor(host: KeeperHost<K>, key: K) {
    this.#host = host;
    this.key = key;
  }

  /** Whether a process of the key exists, in whatever state, or is about to. */
  get exists(): boolean {
    return this.attempt !== undefined || this.phase === "queued" || this.phase === "looking";
  }

  /** Resolves with the runnable when the process is up, rejects when it cannot come up. */
  whenUp(): Promise<P> {
    if (this.attempt?.isUp) return Promise.resolve(this.attempt.runnable!);
    return (this.#up ??= Promise.withResolvers()).promise;
  }

  /** Resolves with the attempt when it has ended, rejects when it is stuck. */
  whenEnded(): Promise<Attempt<K, P>> {
    const { attempt } = this;
    if (attempt?.state === "stuck") return Promise.reject(new ProcessStuckError(this.key, attempt.sinceAt));
    return (this.#ended ??= Promise.withResolvers()).promise;
  }

  /** Starts from this entry when its turn comes. */
  enqueue(entry: Entry<K, P>, cause: StartCause): void {
    this.phase = "queued";
    this.#entry = entry;
    this.#cause = cause;
    this.#host.starts.add(this);
  }

  /** Starts at once, from a fresh look at the table, parked or not. */
  call(): void {
    if (this.attempt) {
      if (!this.attempt.isWanted) this.#next = "call";
      return;
    }
    if (this.phase === "looking") return;
    this.#host.starts.release(this);
    this.#host.deadlines.delete(this);
    if (this.phase === "parked") this.#unpark("call");
    this.#lookAndStart("call");
  }

  /** Stops the process; a start called for later follows only if `call` is made after this. */
  stop(): void {
    this.#next = undefined;
    if (!this.attempt) return this.#vanish(new ProcessEndedEarlyError(stopped));
    this.#rejectUp(new ProcessEndedEarlyError(stopped));
    this.attempt.stop();
  }

  /**
   * Ends everything because the supervisor does.
   *
   * @param error What callers that wait for a start are told.
   */
  shutDown(error: Error): void {
    this.#next = undefined;
    if (!this.attempt) return this.#vanish(error);
    this.#rejectUp(error);
    this.attempt.stop(false);
  }

  /** The table has this entry. Returns whether a process is replaced because of it. */
  found(entry: Entry<K, P>, cause: StartCause): boolean {
    this.isGone = false;
    const { attempt } = this;
    const isChanged = !Object.is(entry.version, this.version);
    if (attempt) {
      if (!attempt.isWanted) this.#next ??= attempt.isAsked ? cause : undefined;
      else if (isChanged) this.#replace(entry);
      return isChanged && attempt.isWanted;
    }
    if (this.phase === "looking") this.#start(entry, this.#cause);
    else if (this.phase === "queued") this.#entry = entry;
    else if (isChanged) this.#startChanged(entry);
    return false;
  }

  /** The table has no such entry, and that is certain. */
  isMissing(): void {
    this.isGone = true;
    this.failures = 0;
    this.#next = undefined;
    const { attempt } = this;
    const isNew = !attempt && this.phase === "looking" && !this.#hadAttempt;
    if (!isNew && (attempt?.isWanted ?? true)) this.#emitRemoved();
    const error = new ProcessNotFoundError("start", this.key, "the table");
    if (!attempt) return this.#vanish(error);
    this.#rejectUp(error);
    attempt.stop();
  }

  /**
   * The table could not be asked.
   *
   * @returns Whether a caller was told.
   */
  lookFailed(error: unknown): boolean {
    if (this.attempt || this.phase !== "looking") return false;
    const isTold = this.#up !== undefined;
    this.#rejectUp(error);
    this.#startEnded(true);
    if (!this.#hadAttempt) this.#vanish(error);
    else this.#retry(Math.max(1, this.failures));
    return isTold;
  }

  mayStart(): void {
    const entry = this.#entry;
    this.#entry = undefined;
    if (entry) this.#start(entry, this.#cause);
    else this.#lookAndStart(this.#cause);
  }

  onDeadline(): void {
    if (this.attempt) return this.attempt.onDeadline();
    this.phase = "queued";
    this.#cause = "retry";
    this.#host.starts.add(this);
  }

  attemptIsUp(): void {
    this.#startEnded(false);
    this.#up?.resolve(this.attempt!.runnable!);
    this.#up = undefined;
  }

  attemptIsLate(error: unknown): void {
    this.#startEnded(true);
    this.#rejectUp(error);
  }

  attemptIsStuck(sinceAt: number): void {
    const error = new ProcessStuckError(this.key, sinceAt);
    this.#ended?.reject(error);
    this.#ended = undefined;
    this.#rejectUp(error);
  }

  attemptEnded(): void {
    const attempt = this.attempt!;
    this.attempt = undefined;
    const { outcome, error, wasUp } = attempt;
    if (!wasUp) this.#startEnded(outcome === "failed");
    this.#ended?.resolve(attempt);
    this.#ended = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (next && this.#host.isAccepting) {
      this.failures = 0;
      return this.#lookAndStart(next);
    }
    const isOver = attempt.isAsked || !this.#host.isAccepting;
    if (!wasUp || isOver) this.#rejectUp(outcome === "failed" ? error : new ProcessEndedEarlyError(stopped));
    if (!isOver) return this.#afterExit(attempt);
    this.#host.forget(this.key);
    // While it was stuck the table may have come to want it again, and nobody could do anything about it.
    if (attempt.wasStuck && this.#host.isAccepting) this.#host.look(this.key);
  }

  #afterExit({ outcome, error, uptimeMs }: Attempt<K, P>): void {
    const { settings } = this.#host;
    this.lastError = error;
    const exit = { outcome, uptimeMs, failures: this.failures };
    const decision = afterExit(settings.restart, exit, settings.random());
    if (decision.action !== "rest") this.failures = decision.failures;
    if (decision.action === "retry") return this.#retryIn(decision.delayMs);
    this.#rejectUp(error ?? new ProcessEndedEarlyError("it returned and is not restarted"));
    this.phase = decision.action === "park" ? "parked" : "resting";
    if (decision.action === "rest") return;
    const { key, failures } = this;
    this.#host.emit({ type: "parked", at: this.#host.clock.now(), key, failures, error });
  }

  #retry(failures: number): void {
    const { settings } = this.#host;
    this.#retryIn(delayAfter(settings.restart, failures, settings.random()));
  }

  #retryIn(delayMs: number): void {
    this.phase = "retrying";
    const at = this.#host.clock.now();
    this.deadlineAt = at + delayMs;
    const { key, failures } = this;
    this.#host.emit({ type: "retrying", at, key, failures, delayMs, retryAt: this.deadlineAt });
    if (delayMs === 0) this.onDeadline();
    else this.#host.deadlines.set(this, delayMs);
  }

  #replace(entry: Entry<K, P>): void {
    this.#host.emit({ type: "replaced", at: this.#host.clock.now(), key: this.key, version: entry.version });
    this.#next = "change";
    this.attempt!.stop();
  }

  #startChanged(entry: Entry<K, P>): void {
    this.#host.deadlines.delete(this);
    if (this.phase === "parked") this.#unpark("change");
    this.enqueue(entry, "change");
  }

  #lookAndStart(cause: StartCause): void {
    this.phase = "looking";
    this.#cause = cause;
    this.#host.look(this.key);
  }

  #start(entry: Entry<K, P>, cause: StartCause): void {
    const granted = this.#askLease(entry);
    if (granted === undefined) return;
    if (!Object.is(entry.version, this.version)) this.failures = 0;
    this.version = entry.version;
    this.#hadAttempt = true;
    this.attempt = new Attempt(this.#host, this, granted.lease);
    this.attempt.begin(entry, cause, this.failures + 1);
  }

  /** Returns nothing when the entry cannot be started now; everybody concerned has been told then. */
  #askLease(entry: Entry<K, P>): { lease: Lease | undefined } | undefined {
    if (!entry.lease) return { lease: undefined };
    try {
      const lease = entry.lease();
      if (lease && !lease.signal.aborted) return { lease };
      lease?.release();
      this.#vanish(new ProcessNotFoundError("start", this.key, "this session's share of the table"));
    } catch (error) {
      this.#host.emit({ type: "entry-failed", at: this.#host.clock.now(), key: this.key, error });
      this.#rejectUp(error);
      this.#startEnded(true);
      this.#retry(++this.failures);
    }
    return undefined;
  }

  /** Goes, as there is no attempt that would have to end first. */
  #vanish(error: unknown): void {
    this.#host.deadlines.delete(this);
    this.#startEnded(false);
    this.#rejectUp(error);
    this.#host.forget(this.key);
  }

  #startEnded(isFailure: boolean): void {
    this.#host.starts.release(this);
    this.tally?.startEnded(isFailure);
    this.tally = undefined;
  }

  #rejectUp(error: unknown): void {
    this.#up?.reject(error);
    this.#up = undefined;
  }

  #unpark(cause: "call" | "change"): void {
    this.#host.emit({ type: "unparked", at: this.#host.clock.now(), key: this.key, cause });
    this.failures = 0;
  }

  #emitRemoved(): void {
    this.#host.emit({ type: "removed", at: this.#host.clock.now(), key: this.key });
  }
}
