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
import { onAbort } from "./on_abort.ts";
import { isAbortEcho, type Runnable } from "./runnable.ts";

/** Where a process stands. It only ever moves to the right, and may skip. */
export type ProcessState = "initial" | "starting" | "running" | "stopping" | "stopped";

/** Why a run is aborted when nobody gave a better reason. One for all: an exception with a stack costs 4 us. */
export const stopReason: DOMException = new DOMException("The process was asked to stop", "AbortError");

/**
 * Runs a runnable once and classifies how it ended; nothing here rejects. Whoever extends it is told how it goes, within
 * the same instruction: an owner beside it would be one object more for each process.
 */
export abstract class Life<P extends Runnable> {
  state: ProcessState = "initial";
  readonly controller: AbortController = new AbortController();
  /** Whether the callback was called while the life was wanted. */
  wasUp = false;
  /** Whether somebody asked for the end, so that it is no failure of the process. */
  isAsked = false;
  /** Whether the run was aborted, or never begun. */
  isForced = false;
  outcome: ExitOutcome = "returned";
  error: unknown = undefined;
  #isCalledBack = false;
  #startFailure: { error: unknown } | undefined = undefined;
  #release: (() => void) | undefined = undefined;
  #narrower: Disposable | undefined = undefined;

  /** The callback was called: it is up. */
  protected abstract lifeIsUp(runnable: P): void;
  /** It was up, and its callback returns: it is about to end. */
  protected abstract lifeIsLeaving(): void;
  /** The run settled; `outcome` and `error` say how. */
  protected abstract lifeEnded(): void;

  /** Whether nobody has asked for its end, nor given its start-up up. */
  get isWanted(): boolean {
    return !this.isAsked && this.#startFailure === undefined && this.state !== "stopped";
  }

  /**
   * Starts the run. Called once.
   *
   * @param runnable What to run.
   */
  beginRun(runnable: P): void {
    if (this.state !== "initial") return this.#end(undefined); // asked to stop before it has begun
    this.state = "starting";
    let run: unknown;
    try {
      run = runnable.run((signal) => this.#calledBack(runnable, signal), { signal: this.controller.signal });
    } catch (error) {
      run = Promise.reject(error);
    }
    // Not awaited: an error that is made in a run would then carry, and pay for, the frames of whoever awaits it.
    Promise.resolve(run).then(() => this.#end(undefined), (error) => this.#end({ error }));
  }

  /** Asks for a graceful end; while starting there is nothing to be graceful with, so the run is aborted. */
  stop(): void {
    const { isWanted } = this;
    this.isAsked = true;
    if (!isWanted) return;
    this.isForced = !this.wasUp;
    this.#letGo(); // first: a listener to the abort may call the callback
    if (this.isForced) this.controller.abort(stopReason);
  }

  /**
   * Asks for the end at once.
   *
   * @param reason What the run's signal aborts with.
   */
  force(reason: unknown): void {
    this.isAsked = true;
    if (this.isForced || this.state === "stopped") return;
    this.isForced = true;
    this.#letGo();
    this.controller.abort(reason);
  }

  /**
   * Gives a start-up up: the run is aborted and the life counts as failed, however it ends.
   *
   * @param error What it failed with.
   */
  failStart(error: unknown): void {
    this.#startFailure = { error };
    this.isForced = true;
    this.state = "stopping";
    this.controller.abort(error);
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

  #end(failure: { error: unknown } | undefined): void {
    this.state = "stopped";
    this.#forgetNarrower();
    const verdict = this.#failureOf(failure);
    if (verdict) {
      this.outcome = "failed";
      this.error = verdict.error;
    } else {
      this.outcome = this.isAsked ? "stopped" : "returned";
    }
    this.lifeEnded();
  }

  /** Only the echo of our own abort is no failure: an AbortError of the run's own making is one. */
  #failureOf(failure: { error: unknown } | undefined): { error: unknown } | undefined {
    if (this.#startFailure) {
      return failure && !isAbortEcho(failure.error, this.controller.signal) ? failure : this.#startFailure;
    }
    if (failure) return isAbortEcho(failure.error, this.controller.signal) ? undefined : failure;
    if (!this.#isCalledBack && !this.isAsked) return { error: new ProcessEndedEarlyError() };
    return undefined;
  }
}
