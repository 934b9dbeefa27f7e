/**
 * One process: the life of one runnable, without a supervisor.
 *
 * @module
 */

import { assertRunnable } from "../check.ts";
import { ProcessEndedEarlyError, ProcessStateError } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import { Life, type ProcessState } from "./life.ts";
import type { Runnable, RunOptions } from "./runnable.ts";

/** How a process ended: well, or with an error. */
export type ProcessExit = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

/** Options of {@linkcode Process}. */
export interface ProcessOptions {
  /** The lifetime of the process: when it aborts, the process is forced to end. */
  readonly signal?: AbortSignal;
  /** Is handed to the run, which calls it to say that it has made progress. */
  readonly alive?: RunOptions["alive"];
}

/**
 * Starts a runnable in the background, shows its state, and stops it. A process lives once: to run the runnable again,
 * make another process.
 *
 * @typeParam P The kind of runnable.
 *
 * @example Start, look, stop
 * ```ts
 * import { nop, Process } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const process = new Process(nop);
 * await process.start();
 * assertEquals(process.state, "running");
 * await process.stop();
 * assertEquals(await process.exited, { ok: true });
 * ```
 */
export class Process<P extends Runnable> implements AsyncDisposable {
  /** What it runs. */
  readonly runnable: P;
  /** Resolves when the run has settled, and never rejects. A process that is neither started nor stopped never exits. */
  readonly exited: Promise<ProcessExit>;
  readonly #signal: AbortSignal | undefined;
  readonly #life: ProcessLife<P>;

  /**
   * Makes a process that has not started yet.
   *
   * @param runnable What to run.
   * @param options The lifetime signal, and what the run calls to say that it is alive.
   * @throws {TypeError} If the runnable has no `run` method.
   */
  constructor(runnable: P, options: ProcessOptions = {}) {
    assertRunnable("make a process", runnable);
    this.runnable = runnable;
    this.#signal = options.signal;
    this.#life = new ProcessLife(options.alive);
    this.exited = this.#life.exited.promise;
  }

  /** The state of the process. */
  get state(): ProcessState {
    return this.#life.state;
  }

  /**
   * Starts the process and waits until it is up.
   *
   * @param options A signal that bounds the start-up only: when it aborts before the process is up, the run is aborted.
   * @throws {ProcessStateError} If it was started or stopped before.
   * @throws {ProcessEndedEarlyError} If the run returned, or was stopped, before it was up.
   * @throws {unknown} The error of the run, or the reason of the signal.
   */
  async start(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.state !== "initial") throw new ProcessStateError("start the process", this.state);
    options.signal?.throwIfAborted();
    this.#signal?.throwIfAborted();
    this.#life.lifetime = onAbort(this.#signal, () => this.#life.force(this.#signal?.reason));
    this.#life.beginRun(this.runnable);
    if (await this.#isUp(options.signal)) return;
    if (options.signal?.aborted) throw options.signal.reason;
    throw this.#life.outcome === "failed" ? this.#life.error : new ProcessEndedEarlyError("it was stopped meanwhile");
  }

  /**
   * Stops the process gracefully and waits for its end. Stopping one that was never started prevents a start; stopping
   * one that is still starting aborts its run; stopping one that is already stopping joins that stop. The runnable itself must
   * not await it in its run: that would wait for its own end.
   *
   * @param options A signal that forces the end when it aborts: the run is aborted, and its end still awaited.
   * @throws {ProcessStateError} If it has already ended.
   * @throws {unknown} The error of the run, if it failed.
   */
  async stop(options: { signal?: AbortSignal } = {}): Promise<void> {
    const { state } = this;
    if (state === "stopped") throw new ProcessStateError("stop the process", state);
    if (state === "initial") {
      this.#life.state = "stopped";
      this.#life.exited.resolve({ ok: true });
      return;
    }
    this.#life.stop();
    const { signal } = options;
    using _forced = onAbort(signal, () => this.#life.force(signal?.reason));
    const exit = await this.exited;
    if (!exit.ok) throw exit.error;
  }

  /** Stops the process unless it has already ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state !== "stopped") await this.stop();
  }

  async #isUp(signal: AbortSignal | undefined): Promise<boolean> {
    using _bound = onAbort(signal, () => {
      if (!this.#life.wasUp) this.#life.force(signal?.reason); // its end resolves the promise
    });
    return await this.#life.up.promise;
  }
}

/** The life of a {@linkcode Process}, as promises. */
class ProcessLife<P extends Runnable> extends Life<P> {
  readonly up: PromiseWithResolvers<boolean> = Promise.withResolvers();
  readonly exited: PromiseWithResolvers<ProcessExit> = Promise.withResolvers();
  /** Listens to the lifetime signal of the process. */
  lifetime: Disposable | undefined = undefined;
  readonly #alive: RunOptions["alive"];

  constructor(alive: RunOptions["alive"]) {
    super();
    this.#alive = alive;
  }

  protected override makeAlive(): RunOptions["alive"] {
    return this.#alive;
  }

  protected override lifeIsUp(): void {
    this.up.resolve(true);
  }

  protected override lifeIsLeaving(): void {}

  protected override lifeEnded(): void {
    const { outcome, error } = this;
    this.lifetime?.[Symbol.dispose]();
    this.up.resolve(false);
    this.exited.resolve(outcome === "failed" ? { ok: false, error } : { ok: true });
  }
}
