/**
 * One life of a runnable: from before the first instruction of its run to the last.
 *
 * ```text
 *   initial ──▶ starting ──▶ running ──▶ stopping ──▶ stopped
 *      │            │           │           ▲  ▲         ▲
 *      │ asked      │ asked:    │ asked, or the work     │
 *      │ to stop    │ abort     ╰─ ended ───╯  │         │
 *      ╰────────────┴──────────────────────────╯         │
 *                   ╰────────── run settles ─────────────╯
 * ```
 *
 * @module
 */

import { ProcessEndedEarlyError, ProcessStateError } from "../errors.ts";
import type { ExitOutcome } from "../events.ts";
import { onAbort } from "../on_abort.ts";
import { type Failure, firstOf } from "./failure.ts";
import { isAbortEcho, type Runnable, type RunOptions } from "./runnable.ts";

/** The state of a process. It only ever moves to the right, and may skip states. */
export type ProcessState = "initial" | "starting" | "running" | "stopping" | "stopped";

/** Why a run is aborted by default. Shared by all runs, because an exception with a stack costs 4 us. */
export const stopReason: DOMException = new DOMException("The process was asked to stop", "AbortError");

/**
 * Runs a runnable once and classifies how it ended; nothing here rejects. A subclass is told of each step, within the same
 * instruction: a separate owner would be one more object per process.
 */
export abstract class Life<P extends Runnable> {
  state: ProcessState = "initial";
  readonly controller: AbortController = new AbortController();
  /** Whether the callback was called while the life was wanted. */
  wasUp = false;
  /** Whether it was asked to end, so that its end is not a failure. */
  isAsked = false;
  /** Whether the run was aborted, or never begun. */
  isForced = false;
  outcome: ExitOutcome = "returned";
  error: unknown = undefined;
  #isCalledBack = false;
  /** Why it was given up. */
  #failure: Failure & { readonly isGuess: boolean } | undefined = undefined;
  #release: (() => void) | undefined = undefined;
  #narrower: Disposable | undefined = undefined;

  /** Makes what its run calls to say that it is alive: a function that needs no `this`. */
  protected abstract makeAlive(): RunOptions["alive"];
  /** It called its callback: it is up. */
  protected abstract lifeIsUp(runnable: P): void;
  /** It was up, and its callback is about to return: the end begins. */
  protected abstract lifeIsLeaving(): void;
  /** The run settled; `outcome` and `error` say how. */
  protected abstract lifeEnded(): void;

  /** Whether it has not ended, was not asked to, and has not been given up. */
  get isWanted(): boolean {
    return !this.isAsked && this.#failure === undefined && this.state !== "stopped";
  }

  /** Whether its end has begun: it was asked to end, it was given up, or its callback returns. */
  get isEnding(): boolean {
    return this.state === "stopping";
  }

  /** Starts the run. Called once. */
  beginRun(runnable: P): void {
    if (this.state !== "initial") return this.endUnbegun();
    this.state = "starting";
    let run: Promise<unknown>;
    try {
      const options = { signal: this.controller.signal, alive: this.makeAlive() };
      run = Promise.resolve(runnable.run((signal) => this.#calledBack(runnable, signal), options));
    } catch (error) {
      run = Promise.reject(error);
    }
    // Not awaited: an error that is made in a run would then carry, and pay for, the stack frames of its awaiter.
    run.then(() => this.#end(undefined), (error) => this.#end({ error }));
  }

  /** Ends what was asked to end before its run has begun. */
  endUnbegun(): void {
    this.#end(undefined);
  }

  /** Asks for a graceful end. A start-up has no graceful end, so it is aborted. */
  stop(): void {
    const { isWanted } = this;
    this.isAsked = true;
    if (!isWanted) return;
    this.isForced = !this.wasUp;
    this.#letGo(); // first: a listener to the abort may call the callback
    if (this.isForced) this.controller.abort(stopReason);
  }

  /** Forces the end: the run's signal aborts with the reason. */
  force(reason: unknown): void {
    this.isAsked = true;
    if (this.isForced || this.state === "stopped") return;
    this.isForced = true;
    this.#letGo();
    this.controller.abort(reason);
  }

  /** Aborts the run without asking for its end. */
  abort(reason: unknown): void {
    this.isForced = true;
    this.controller.abort(reason);
  }

  /**
   * Gives it up: the run is aborted and the life counts as failed, however it ends. If the error is but a guess, one that the
   * run fails with takes its place.
   */
  failNow(error: unknown, isGuess = false): void {
    this.#failure = { error, isGuess };
    if (this.state === "running") this.#letGo();
    else this.state = "stopping";
    this.abort(error);
  }

  #calledBack(runnable: P, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#isCalledBack || this.state === "stopped") {
      throw new ProcessStateError("call the run callback again", this.state);
    }
    this.#isCalledBack = true;
    if (this.state !== "starting") return undefined; // asked to stop meanwhile: nothing to wait for
    this.state = "running";
    this.wasUp = true;
    this.lifeIsUp(runnable);
    return this.#untilLetGo(signal);
  }

  #untilLetGo(signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.state !== "running") return undefined; // it was asked to stop at once
    return new Promise((resolve) => {
      this.#release = resolve;
      if (signal !== this.controller.signal) this.#narrower = onAbort(signal, () => this.#letGo());
    });
  }

  #letGo(): void {
    const wasRunning = this.state === "running";
    this.state = "stopping";
    if (wasRunning) this.lifeIsLeaving();
    this.#release?.();
    this.#forgetNarrower();
  }

  #forgetNarrower(): void {
    this.#narrower?.[Symbol.dispose]();
    this.#narrower = undefined;
  }

  #end(failure: Failure | undefined): void {
    this.state = "stopped";
    this.#forgetNarrower();
    this.judge(failure);
    this.lifeEnded();
  }

  /** Says how it has ended, or would have if its run had settled by now. */
  protected judge(failure?: Failure): void {
    const verdict = this.#failureOf(failure);
    if (verdict) {
      this.outcome = "failed";
      this.error = verdict.error;
    } else {
      this.outcome = this.isAsked ? "stopped" : "returned";
    }
  }

  /** Only the echo of our own abort is not a failure: an AbortError of the run's own making is one. */
  #failureOf(failure: Failure | undefined): Failure | undefined {
    const own = failure && !isAbortEcho(failure.error, this.controller.signal) ? failure : undefined;
    if (own) return this.#failure && !this.#failure.isGuess ? firstOf(this.#failure, own) : own;
    if (failure || this.#failure) return this.#failure;
    if (!this.#isCalledBack && !this.isAsked) return { error: new ProcessEndedEarlyError() };
    return undefined;
  }
}
