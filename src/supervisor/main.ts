/**
 * A whole program in one call: run until the operating system says stop.
 *
 * @module
 */

import { type Clock, ifStillAlive, pause, systemClock } from "../clock.ts";
import { assertRunnable, checkNumber } from "../check.ts";
import { isInstance, printError, printLine } from "../error_data.ts";
import { ProcessEndedEarlyError } from "../errors.ts";
import type { Failure } from "../process/failure.ts";
import { stopReason } from "../process/life.ts";
import { onAbort } from "../on_abort.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";
import { isAnyStuck } from "./attempt.ts";

/** Options of {@linkcode main}. */
export interface MainOptions {
  /**
   * How long the runnable may take to stop after the first signal before it is aborted, in ms. A tenth of that later the
   * program exits whatever is left, also when `main` has returned by then. The default leaves room within the 5 s that Deno
   * Deploy grants.
   *
   * @default {4_200}
   */
  readonly stopTimeoutMs?: number;
  /** Stops the program like a first signal when it aborts; for tests and for programs inside programs. */
  readonly signal?: AbortSignal;
}

/** What ends a program. On Deno Deploy only the first of them ever comes. */
const stopSignals: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];

/**
 * A signal so soon after another one is the same wish: under `npx deno task`, one Ctrl-C comes from the terminal and, within
 * a millisecond, from npx.
 */
const echoMs = 200;

/**
 * Runs a runnable until SIGINT or SIGTERM, then stops it gracefully. A second signal forces the end, a third one exits at
 * once; signals less than 200 ms apart count as one. While the runnable is still starting there is nothing to be graceful
 * with: the first signal aborts it, which is no failure, and the second one exits at once. A start-up that ignores its abort,
 * as `Deno.openKv` of a remote database does, has as long as a stop may take; the program then exits, with code 0 all the same.
 *
 * The exit code is 0 after a clean stop, and when the runnable ends by itself without an error. It is 1, and the error is
 * printed in one line, when the runnable fails, has to be forced to end, or leaves a process stuck. What goes on after a
 * clean stop, such as a server outside the runnable, may finish within `stopTimeoutMs` and a tenth, counted from the signal;
 * then the program exits with code 0 all the same.
 *
 * A signal that cannot be listened to is told of in one line. In a Web Worker `main` sees the signals of the program, but
 * `worker.terminate()` stops nothing gracefully: let a message abort the option `signal` instead. Do not await `main` at the
 * top level of a module that `deno serve` runs: the server does not listen before the module has been evaluated.
 *
 * @param runnable What the program is, for example a supervisor, or a chain of runnables.
 * @param options How long a stop may take.
 * @returns A promise that resolves when the runnable has ended; the program then exits as soon as nothing is left to do.
 * @throws {TypeError} If the runnable has no `run` method.
 * @throws {RangeError} If the stop timeout is out of range.
 *
 * @example A program that ends by itself
 * ```ts
 * import { leaf, main } from "@pact/supervisor";
 * import { delay } from "@std/async/delay";
 *
 * await main(leaf((signal) => delay(60_000, { signal })), { signal: AbortSignal.timeout(1) });
 * ```
 */
export async function main(runnable: Runnable, options: MainOptions = {}): Promise<void> {
  const { stopTimeoutMs = 4_200, signal } = options;
  assertRunnable("run the program", runnable);
  checkNumber("stopTimeoutMs", stopTimeoutMs, 0, 1_000_000_000);
  const program = new Program(stopTimeoutMs);
  using _system = listenToSystem(() => program.stopBySystem());
  using _signal = onAbort(signal, () => program.stop());
  await program.run(runnable);
}

class Program {
  readonly #clock: Clock = systemClock;
  readonly #stopTimeoutMs: number;
  readonly #budgetMs: number;
  readonly #graceful = new AbortController();
  readonly #forced = new AbortController();
  readonly #ended = new AbortController();
  /** Whether the runnable came up before it was asked to stop. */
  #isUp = false;
  #isAskedBySystem = false;
  #askedMs = -Infinity;

  constructor(stopTimeoutMs: number) {
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#budgetMs = stopTimeoutMs * 1.1;
  }

  /** The operating system waits for the end of the program, and more than the runnable may go on in it. */
  stopBySystem(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#askedMs < echoMs) return;
    this.#askedMs = nowMs;
    if (!this.#isAskedBySystem) ifStillAlive(() => this.#exitAtLast(), this.#budgetMs);
    this.#isAskedBySystem = true;
    this.stop();
  }

  /** Goes one step further each time: graceful, forced, exit. While starting it begins with the second step. */
  stop(): void {
    if (this.#forced.signal.aborted) this.#exit(`was asked a ${this.#isUp ? "third" : "second"} time`);
    const isForced = this.#graceful.signal.aborted || !this.#isUp;
    this.#graceful.abort(stopReason);
    if (isForced) this.#forced.abort(stopReason);
  }

  async run(runnable: Runnable): Promise<void> {
    if (this.#graceful.signal.aborted) return;
    const watching = this.#watch();
    try {
      await runnable.run((signal) => this.#untilStopped(signal), { signal: this.#forced.signal });
      this.#judge(undefined);
    } catch (error) {
      this.#judge({ error });
    }
    this.#ended.abort(stopReason);
    await watching;
  }

  async #untilStopped(signal: AbortSignal | undefined): Promise<void> {
    if (this.#graceful.signal.aborted) return;
    this.#isUp = true;
    // A timer keeps the event loop alive: neither a pending promise nor a listener to signals does.
    const signals = signal ? [signal, this.#graceful.signal] : [this.#graceful.signal];
    while (!signals.some(({ aborted }) => aborted)) await pause(this.#clock, Infinity, ...signals);
  }

  /** Sees to it that a stop, once asked for, comes to an end. */
  async #watch(): Promise<void> {
    const { signal: ended } = this.#ended;
    while (!this.#graceful.signal.aborted && !ended.aborted) {
      await pause(this.#clock, Infinity, this.#graceful.signal, ended);
    }
    // A start-up is aborted at once, and has the whole budget to clean up.
    const signals = this.#isUp ? [ended, this.#forced.signal] : [ended];
    await pause(this.#clock, this.#stopTimeoutMs, ...signals);
    if (ended.aborted) return;
    this.#forced.abort(stopReason);
    await pause(this.#clock, this.#budgetMs - this.#stopTimeoutMs, ended);
    if (!ended.aborted) this.#exit("did not end after it was aborted");
  }

  /** Says how the run of the runnable ended. */
  #judge(failure: Failure | undefined): void {
    const { signal: forced } = this.#forced;
    if (failure && !isAbortEcho(failure.error, forced)) this.#fail(failure.error);
    else if (this.#isUp && forced.aborted) this.#fail("it did not end when it was asked to, and was stopped by force");
    else if (!this.#isUp && !forced.aborted) this.#fail(new ProcessEndedEarlyError());
  }

  #fail(error: unknown): void {
    printError("The program failed", error);
    Deno.exitCode = 1;
  }

  /** What is left has had its time. That is no failure of a runnable that has ended cleanly, and left no process stuck. */
  #exitAtLast(): never {
    if (!this.#ended.signal.aborted) this.#exit("did not end after it was aborted");
    if (isAnyStuck()) this.#exit("goes on after it was stopped");
    printLine("The program exits although something outside the runnable, such as a server or a timer, goes on");
    Deno.exit(Deno.exitCode);
  }

  #exit(reason: string): never {
    printLine(`The program exits although not everything has ended: it ${reason}`);
    // A stop during the start-up is no failure, whatever the start-up makes of it.
    Deno.exit(this.#isUp || isAnyStuck() ? 1 : Deno.exitCode);
  }
}

function listenToSystem(listener: () => void): Disposable {
  const added: Deno.Signal[] = [];
  const refused: Deno.Signal[] = [];
  let refusal: unknown;
  for (const name of stopSignals) {
    try {
      Deno.addSignalListener(name, listener);
      added.push(name);
    } catch (error) {
      refused.push(name);
      refusal = error;
    }
  }
  const isWindows = refused.join() === "SIGTERM" && isInstance(refusal, TypeError); // which has no SIGTERM
  if (refused.length > 0 && !isWindows) printError(`The program cannot listen to ${refused.join(" and ")}`, refusal);
  return { [Symbol.dispose]: () => added.forEach((name) => Deno.removeSignalListener(name, listener)) };
}
