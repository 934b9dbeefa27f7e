/**
 * What is remembered of the failures of one key, and how it waits while it has no process.
 *
 * ```text
 *   an attempt has ended ──▶ retrying ──▶ queued, when the delay is over or its entry changes
 *           │                   ▲
 *           │                   │ its entry changes, and the brake is on
 *           ╰──▶ parked, resting ──▶ queued, when its entry changes
 * ```
 *
 * It applies the rules of `restart.ts` and `brake.ts`, and computes no delay itself.
 *
 * @module
 */

import { type ErrorData, errorData } from "../error_data.ts";
import { ProcessEndedEarlyError } from "../errors.ts";
import type { ParkedCause } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import {
  afterExit,
  delayAfter,
  type Exit,
  type Mistake,
  type RestartDecision,
  type RestartPolicy,
  retryAfterOf,
} from "../restart.ts";
import type { Trouble } from "../table/trouble.ts";
import { Brake, windowMs } from "./brake.ts";
import type { Keeper } from "./keeper.ts";
import { Recovery } from "./recovery.ts";
import type { Registry } from "./registry.ts";
import { TroubleReport } from "./trouble_report.ts";
import { type Finding, leftOfDelayMs } from "./trouble_rule.ts";

/** No version of any entry. */
const none = Symbol();

/** Where a key without a process waits. */
export type Dormancy = "retrying" | "parked" | "resting";

/** Applies the restart rule to one key, announces what it says, and has the key wait. */
export class Backoff<K, P extends Runnable> {
  readonly #registry: Registry<K, P>;
  readonly #keeper: Keeper<K, P>;
  /** Consecutive failures. */
  failures = 0;
  /** What it failed with last, overcome or not. Plain data: the error itself may refer to much. */
  lastError: ErrorData | undefined = undefined;
  /** Made when a second start comes close to the one before. */
  #brake: Brake | undefined = undefined;
  #countedMs = -Infinity;
  /** The policy of its last life. */
  #policy: RestartPolicy;
  #failedLooks = 0;
  #toldVersion: unknown = none;
  /** What the table is told; made when there is something to tell, for a table that remembers it. */
  #report: TroubleReport<K> | undefined = undefined;
  #recovery: Recovery<K, P> | undefined = undefined;
  /** Until when it has to wait although it is not waiting now, by the monotonic clock. */
  #waitsUntilMs: number | undefined = undefined;
  /** Why it was parked before it came here: it has one try, and is parked again if that fails. */
  #parkedBefore: ParkedCause | undefined = undefined;

  constructor(registry: Registry<K, P>, keeper: Keeper<K, P>) {
    this.#registry = registry;
    this.#keeper = keeper;
    this.#policy = registry.settings.restart;
  }

  /** Goes on from what the table remembers of a version of the entry. */
  goOnFrom(trouble: Trouble, version: unknown): void {
    this.#goOnFrom(trouble);
    this.#ownReport?.goOnFrom(trouble, version);
  }

  /** Goes on from what was left of the version of the entry, which the table does not know of yet. */
  takeUp(report: TroubleReport<K>): void {
    this.#report = report;
    if (report.trouble) this.#goOnFrom(report.trouble);
  }

  /** Has a key that does not run wait for what is left of its delay. Returns whether there is any; one that was parked gets a try. */
  waits(): boolean {
    if (this.#waitsUntilMs === undefined) return false;
    const { clock } = this.#registry, leftMs = this.#waitsUntilMs - clock.monotonic();
    this.#waitsUntilMs = undefined;
    if (leftMs > 0) this.#retryIn(leftMs, clock.now());
    return leftMs > 0;
  }

  /** Its key is paused: it does not wait meanwhile, and waits for what is left then. */
  paused(): void {
    if (this.#keeper.phase === "retrying") this.#waitsUntilMs = this.#keeper.deadlineAt;
  }

  /** Its process came up. */
  isUp(policy: RestartPolicy): void {
    if (this.failures === 0 && this.#parkedBefore === undefined && !this.#report?.trouble) return;
    this.#recovery ??= new Recovery(this.#registry, this);
    this.#recovery.isUp(policy.resetAfterMs);
  }

  /** Its process is up no more. */
  isDown(): void {
    this.#recovery?.isDown();
  }

  /** Its process does not end. */
  isStuck(at: number): void {
    const { failures, lastError } = this;
    this.#recovery?.end();
    this.#found({ state: "stuck", failures, lastError: failures > 0 ? lastError : undefined }, at);
  }

  /** All is well again, or a version of the entry begins of which nothing is known. */
  end(version: unknown): void {
    this.forget();
    this.#waitsUntilMs = undefined;
    this.#report?.end(version);
  }

  /** Its process has been up for long enough. */
  recovered(): void {
    this.end(this.#keeper.version);
  }

  /** The key is no concern of this supervisor any more: what is known of it goes to the table. */
  leave(): void {
    this.#recovery?.end();
    if (this.#report) this.#registry.reports.leave(this.#report);
  }

  /** Waits, rests or parks after an exit that was not asked for. */
  afterExit(
    { outcome, error, phase, uptimeMs, wasStuck }: Omit<Exit, "key" | "failures"> & { readonly wasStuck?: boolean },
    at: number,
    policy: RestartPolicy,
  ): void {
    const { key } = this.#keeper;
    this.#policy = policy;
    this.#failedLooks = 0;
    this.#waitsUntilMs = undefined;
    // If it returned, an earlier failure is not why it is idle now.
    this.lastError = outcome === "failed" ? errorData(error, at) : undefined;
    const exit = { key, outcome, error, phase, uptimeMs, failures: this.failures };
    const decision = this.#decide(exit);
    const delayMs = decision.action === "retry" ? decision.delayMs : 0;
    const brakeMs = this.#count(delayMs);
    if (decision.action !== "rest") this.failures = decision.failures;
    if (decision.action === "retry") {
      if (decision.mistake) this.#tell(decision.mistake, at);
      this.#retryIn(delayMs, at, brakeMs, wasStuck);
      return this.#foundToWait(Math.max(delayMs, brakeMs), at);
    }
    if (decision.action === "park") {
      this.#registry.emit({ type: "parked", at, key, failures: this.failures, cause: decision.cause, error });
    }
    this.#keeper.enter(decision.action === "park" ? "parked" : "resting", at);
    this.#keeper.failUp(() => error ?? new ProcessEndedEarlyError("it is not restarted"));
    if (decision.action === "rest") return this.end(this.#keeper.version);
    const { failures, lastError } = this;
    this.#found({ state: "parked", failures, lastError, cause: decision.cause }, at);
  }

  /** It has ended as it was asked to, with an error that may say when to try again: that is for the next owner of the key. */
  endedAsAsked(error: unknown, at: number): void {
    const delayMs = retryAfterOf(error);
    if (delayMs === undefined) return;
    this.lastError = errorData(error, at);
    this.#waitsUntilMs = this.#registry.clock.monotonic() + delayMs;
    this.#foundToWait(delayMs, at);
  }

  /** Tries once more although it was not the process that failed; the delay grows while that goes on. */
  again(at: number): void {
    const failures = Math.max(1, this.failures) + this.#failedLooks++;
    this.#retryIn(delayAfter(this.#policy, failures, this.#registry.settings.random()), at);
  }

  /** A process is being replaced. Returns whether the brake is on, and has its key wait. */
  brakes(at: number, policy: RestartPolicy): boolean {
    this.#policy = policy;
    const brakeMs = this.#count(0);
    if (brakeMs > 0) this.#retryIn(0, at, brakeMs);
    return brakeMs > 0;
  }

  /** Ends the wait, as a start is called for, or the entry has changed. Returns whether the brake does not allow that yet. */
  wake(cause: "call" | "change"): boolean {
    const { clock, deadlines } = this.#registry, keeper = this.#keeper;
    if (keeper.phase === "parked") this.unpark(cause);
    const nowMs = clock.monotonic(), leftMs = cause === "call" ? 0 : this.#brake?.leftMs(nowMs) ?? 0;
    const isRetrying = keeper.phase === "retrying";
    if (isRetrying && leftMs > 0 && keeper.deadlineAt <= nowMs + leftMs) return true;
    deadlines.delete(keeper);
    if (leftMs > 0) this.#retryIn(0, clock.now(), leftMs);
    return leftMs > 0;
  }

  /** It may start again although it was parked. */
  unpark(cause: "call" | "change"): void {
    this.#registry.emit({ type: "unparked", at: this.#registry.clock.now(), key: this.#keeper.key, cause });
    this.forget();
  }

  /** Counts failures from the beginning again. */
  forget(): void {
    this.failures = 0;
    this.#parkedBefore = undefined;
  }

  /** Its entry is gone: what may come in its place is another process. */
  removed(): void {
    this.forget();
    this.#report?.leave();
    this.#report = this.#waitsUntilMs = undefined;
    this.#brake = undefined;
    this.#countedMs = -Infinity;
  }

  get #ownReport(): TroubleReport<K> | undefined {
    const { table, reports } = this.#registry;
    if (table.report) this.#report ??= new TroubleReport(reports, this.#keeper.key);
    return this.#report;
  }

  #goOnFrom(trouble: Trouble): void {
    const { clock } = this.#registry, { failures, lastError, state, cause = "limit" } = trouble;
    this.#waitsUntilMs = clock.monotonic() + leftOfDelayMs(trouble, clock.now());
    this.failures = failures;
    this.lastError = lastError;
    this.#parkedBefore = state === "parked" ? cause : undefined;
  }

  #decide(exit: Exit): RestartDecision {
    if (exit.uptimeMs >= this.#policy.resetAfterMs) this.#report?.end(this.#keeper.version);
    const decision = afterExit(this.#policy, exit, this.#registry.settings.random());
    if (this.#parkedBefore === undefined || decision.action !== "retry") return decision;
    return { action: "park", failures: exit.failures + 1, cause: this.#parkedBefore };
  }

  #foundToWait(delayMs: number, at: number): void {
    const { failures, lastError } = this;
    this.#found({ state: "retrying", failures, lastError, retryAt: at + delayMs, delayMs }, at);
  }

  #found(finding: Finding, at: number): void {
    this.#ownReport?.found(finding, this.#keeper.version, at);
  }

  /** Counts a start that is to follow. Returns how long the brake holds it up. */
  #count(ownDelayMs: number): number {
    if (this.#policy.minDelayMs === 0) return 0;
    const nowMs = this.#registry.clock.monotonic(), beforeMs = this.#countedMs;
    this.#countedMs = nowMs;
    if (this.#brake?.isForgotten(nowMs)) this.#brake = undefined;
    if (this.#brake === undefined && nowMs - beforeMs < windowMs) this.#brake = new Brake(beforeMs);
    return this.#brake?.count(nowMs, ownDelayMs, this.#policy) ?? 0;
  }

  /** Tells of a mistake in what decides about restarts, once for each version: it is made at each failure. */
  #tell({ error }: Mistake, at: number): void {
    const { key, version } = this.#keeper;
    if (Object.is(this.#toldVersion, version)) return;
    this.#toldVersion = version;
    this.#registry.emit({ type: "entry-failed", at, key, error });
  }

  /** What was stuck may end, or be abandoned, in the context of a caller: its next life must not begin there. */
  #retryIn(ownDelayMs: number, at: number, brakeMs = 0, isFromElsewhere = false): void {
    const keeper = this.#keeper, { key } = keeper, { failures } = this;
    const delayMs = Math.max(ownDelayMs, brakeMs);
    const isNews = brakeMs > ownDelayMs && this.#brake?.isTold === false;
    if (isNews) this.#brake!.isTold = true;
    const event = { type: "retrying", at, key, failures, delayMs, retryAt: at + delayMs } as const;
    this.#registry.emit(isNews ? { ...event, cause: "brake" } : event);
    keeper.enter("retrying", at);
    // A timer of 0 ms is 2 ms late.
    if (delayMs > 0 || isFromElsewhere) this.#registry.deadlines.set(keeper, delayMs);
    else keeper.enqueue(undefined, "retry", at);
  }
}
