/**
 * A whole program in one call: run until the operating system says stop.
 *
 * @module
 */

import { type Clock, ifStillAlive, pause, systemClock } from "../clock.ts";
import { assertRunnable, checkNumber } from "../check.ts";
import { ProcessEndedEarlyError } from "../errors.ts";
import { stopReason } from "../process/life.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";

/** Options of {@linkcode main}. */
export interface MainOptions {
  /**
   * How long the runnable may take to stop after the first signal before it is aborted, in ms. A tenth of that later the
   * program exits with code 1 whatever is left, also when `main` has returned by then. The default leaves room within the
   * 5 s that Deno Deploy grants.
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
 * once; signals less than 200 ms apart count as one. The exit code is 0 after a clean stop and when the runnable ends by
 * itself without an error; otherwise it is 1 and the error is printed.
 *
 * @param runnable What the program is, for example a supervisor, or a chain of runnables.
 * @param options How long a stop may take.
 * @returns A promise that resolves when the runnable has ended; the program then exits as soon as nothing is left to do.
 * @throws {TypeError} When the runnable has no `run` method.
 * @throws {RangeError} When the stop timeout is out of range.
 *
 * @example A program that ends by itself
 * ```ts
 * import { leaf, main } from "@pact/supervisor";
 *
 * const stop = new AbortController();
 * await main(leaf((signal) => new Promise((resolve) => signal.addEventListener("abort", resolve))), {
 *   signal: AbortSignal.any([stop.signal, AbortSignal.timeout(1)]),
 * });
 * ```
 */
export async function main(runnable: Runnable, options: MainOptions = {}): Promise<void> {
  const { stopTimeoutMs = 4_200, signal } = options;
  assertRunnable("run the program", runnable);
  checkNumber("stopTimeoutMs", stopTimeoutMs, 0, 1_000_000_000);
  const program = new Program(stopTimeoutMs);
  using _signals = listenToSystem(() => program.stopBySystem());
  const stop = () => program.stop();
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  await program.run(runnable);
  signal?.removeEventListener("abort", stop);
}

class Program {
  readonly #clock: Clock = systemClock;
  readonly #stopTimeoutMs: number;
  readonly #budgetMs: number;
  readonly #graceful = new AbortController();
  readonly #forced = new AbortController();
  readonly #ended = new AbortController();
  #isUp = false;
  #isAskedBySystem = false;
  #askedMs = -Infinity;

  constructor(stopTimeoutMs: number) {
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#budgetMs = stopTimeoutMs * 1.1;
  }

  /** The operating system waits for the end of the program, and a run may leave something stuck that goes on after it. */
  stopBySystem(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#askedMs < echoMs) return;
    this.#askedMs = nowMs;
    if (!this.#isAskedBySystem) ifStillAlive(() => this.#exit("goes on after it was stopped"), this.#budgetMs);
    this.#isAskedBySystem = true;
    this.stop();
  }

  /** Goes one step further each time: graceful, forced, exit. */
  stop(): void {
    if (this.#forced.signal.aborted) this.#exit("was asked a third time");
    else if (this.#graceful.signal.aborted) this.#forced.abort(stopReason);
    else this.#graceful.abort(stopReason);
  }

  async run(runnable: Runnable): Promise<void> {
    const watching = this.#watch();
    try {
      await runnable.run((signal) => this.#untilStopped(signal), { signal: this.#forced.signal });
      if (this.#forced.signal.aborted) this.#failForced();
      else if (!this.#isUp && !this.#graceful.signal.aborted) this.#fail(new ProcessEndedEarlyError());
    } catch (error) {
      if (isAbortEcho(error, this.#forced.signal)) this.#failForced();
      else this.#fail(error);
    }
    this.#ended.abort(stopReason);
    await watching;
  }

  async #untilStopped(signal: AbortSignal | undefined): Promise<void> {
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
    if (ended.aborted) return;
    await pause(this.#clock, this.#stopTimeoutMs, this.#forced.signal, ended);
    if (ended.aborted) return;
    this.#forced.abort(stopReason);
    await pause(this.#clock, this.#budgetMs - this.#stopTimeoutMs, ended);
    if (!ended.aborted) this.#exit("did not end after it was aborted");
  }

  #exit(reason: string): never {
    console.error(`The program exits although not everything has ended: it ${reason}`);
    Deno.exit(1);
  }

  #failForced(): void {
    this.#fail("The program was stopped by force: it did not end when it was asked to");
  }

  #fail(error: unknown): void {
    console.error(error);
    Deno.exitCode = 1;
  }
}

function listenToSystem(listener: () => void): Disposable {
  const added: Deno.Signal[] = [];
  for (const name of stopSignals) {
    try {
      Deno.addSignalListener(name, listener);
      added.push(name);
    } catch (_unsupported) {
      // Windows has no SIGTERM: the others remain.
    }
  }
  return { [Symbol.dispose]: () => added.forEach((name) => Deno.removeSignalListener(name, listener)) };
}
