/**
 * One life of a runnable: from the first instruction of its run to the last.
 *
 * ```text
 *              callback called          asked to stop, or the work ended
 *   starting ──────────────────▶ running ──────────────────▶ stopping
 *      │  ╲                         │                            │
 *      │   ╲ asked to stop: abort   │ run settles                │ run settles
 *      │    ╲──────────▶ stopping   ▼                            ▼
 *      └────────────────────────▶ stopped ◀──────────────────────┘
 * ```
 *
 * @module
 */

import { ProcessEndedEarlyError, ProcessStateError } from "../errors.ts";
import type { ExitOutcome } from "../events.ts";
import { onAbort } from "./on_abort.ts";
import { isAbortEcho, type RunCallback, type Runnable } from "./runnable.ts";

/** How far a life has come. */
export type LifeState = "starting" | "running" | "stopping" | "stopped";

/** Is told, within the same instruction, how a life goes. */
export interface LifeOwner {
  /** The callback was called: it is up. */
  lifeIsUp(): void;
  /** It was up, and its callback returns: it is about to end. */
  lifeIsLeaving(): void;
  /** The run settled; `outcome` and `error` of the life say how. */
  lifeEnded(): void;
}

/** Why a run is aborted when nobody gave a better reason. One for all: an exception with a stack costs 4 us. */
export const stopReason: DOMException = new DOMException("The process was asked to stop", "AbortError");

/** Runs a runnable once and classifies how it ended. Its owner is told; nothing here rejects. */
export class Life<P extends Runnable> {
  readonly runnable: P;
  readonly owner: LifeOwner;
  readonly controller: AbortController = new AbortController();
  state: LifeState = "starting";
  /** Whether the callback was called while the life was wanted. */
  wasUp = false;
  outcome: ExitOutcome = "returned";
  error: unknown = undefined;
  #isCalledBack = false;
  #isAskedToStop = false;
  #doom: { error: unknown } | undefined = undefined;
  #release: (() => void) | undefined = undefined;
  #narrower: Disposable | undefined = undefined;

  /**
   * @param runnable What to run.
   * @param owner Who is told.
   */
  constructor(runnable: P, owner: LifeOwner) {
    this.runnable = runnable;
    this.owner = owner;
  }

  /** Starts the run. Called once. */
  begin(): void {
    if (this.state !== "starting") return this.#end(undefined); // asked to stop before it has begun
    let run: unknown;
    try {
      run = this.runnable.run(this.#callback, { signal: this.controller.signal });
    } catch (error) {
      run = Promise.reject(error);
    }
    // Not awaited: an error that is made in a run would then carry, and pay for, the frames of whoever awaits it.
    Promise.resolve(run).then(() => this.#end(undefined), (error) => this.#end({ error }));
  }

  /** Asks for a graceful end; while starting there is nothing to be graceful with, so the run is aborted. */
  stop(): void {
    if (this.state === "stopped") return;
    const wasStarting = this.state === "starting";
    this.#isAskedToStop = true;
    this.#letGo(); // first: a listener to the abort may call the callback
    if (wasStarting) this.controller.abort(stopReason);
  }

  /**
   * Asks for the end at once.
   *
   * @param reason What the run's signal aborts with.
   */
  force(reason: unknown): void {
    if (this.state === "stopped") return;
    this.#isAskedToStop = true;
    this.#letGo();
    this.controller.abort(reason);
  }

  /**
   * Gives a start-up up: the run is aborted and the life counts as failed, however it ends.
   *
   * @param error What it failed with.
   */
  doom(error: unknown): void {
    this.#doom = { error };
    this.state = "stopping";
    this.controller.abort(error);
  }

  readonly #callback: RunCallback = (signal) => {
    if (this.#isCalledBack || this.state === "stopped") {
      throw new ProcessStateError("call the run callback again", this.state);
    }
    this.#isCalledBack = true;
    if (this.state !== "starting") return; // asked to stop meanwhile: nothing to wait for
    this.state = "running";
    this.wasUp = true;
    this.owner.lifeIsUp();
    return this.#untilLetGo(signal);
  };

  #untilLetGo(signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.state !== "running") return undefined; // the owner asked for a stop at once
    return new Promise((resolve) => {
      this.#release = resolve;
      if (signal !== this.controller.signal) this.#narrower = onAbort(signal, () => this.#letGo());
    });
  }

  #letGo(): void {
    const wasRunning = this.state === "running";
    this.state = "stopping";
    if (wasRunning) this.owner.lifeIsLeaving();
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
      this.outcome = this.#isAskedToStop ? "stopped" : "returned";
    }
    this.owner.lifeEnded();
  }

  /** Only the echo of our own abort is no failure: an AbortError of the run's own making is one. */
  #failureOf(failure: { error: unknown } | undefined): { error: unknown } | undefined {
    if (this.#doom) return failure && !isAbortEcho(failure.error, this.controller.signal) ? failure : this.#doom;
    if (failure) return isAbortEcho(failure.error, this.controller.signal) ? undefined : failure;
    if (!this.#isCalledBack && !this.#isAskedToStop) return { error: new ProcessEndedEarlyError() };
    return undefined;
  }
}
