/**
 * One runnable made of several.
 *
 * @module
 */

import { assertRunnable } from "../check.ts";
import { ProcessEndedEarlyError } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import { type Failure, failureOf } from "./failure.ts";
import { Process } from "./process.ts";
import { type RunCallback, type Runnable, signalOf, type StandaloneRunnable } from "./runnable.ts";

const memberEnded = new DOMException("A process of the group ended by itself", "AbortError");

/**
 * A runnable that does nothing: it is up at once and ends when its callback does, with the callback's error if any.
 *
 * @example
 * ```ts
 * import { nop } from "@pact/supervisor";
 * import { assert } from "@std/assert";
 *
 * let isCalled = false;
 * await nop.run(() => isCalled = true);
 * assert(isCalled);
 * ```
 */
export const nop: StandaloneRunnable = {
  async run(callback, options) {
    await callback(signalOf(options));
  },
};

/**
 * Returns a single runnable as it is.
 *
 * @param only The runnable.
 * @returns The runnable.
 * @throws {TypeError} If it has no `run` method.
 */
export function chain<P extends Runnable>(only: P): P;
/**
 * Nests runnables: the second one runs inside the callback of the first, and so on. Each starts when the one before it is
 * up, and they stop in reverse order. When one ends by itself, those inside it are forced to end, as their signal comes
 * from it.
 *
 * The outermost decides about errors: a runnable that awaits its callback passes on the errors of those inside it.
 *
 * @param runnables From the outermost to the innermost.
 * @returns One runnable; {@linkcode nop} if there are none. A list of one gives that one, which may need options.
 * @throws {TypeError} If one has no `run` method.
 *
 * @example A pool that outlives its user
 * ```ts
 * import { chain, startStop } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: string[] = [];
 * const part = (name: string) => startStop(() => steps.push(`+${name}`), () => steps.push(`-${name}`));
 *
 * const program = chain(part("pool"), part("bot"));
 * await program.run(() => steps.push("up"));
 * assertEquals(steps, ["+pool", "+bot", "up", "-bot", "-pool"]);
 * ```
 */
export function chain(...runnables: readonly Runnable[]): StandaloneRunnable;
export function chain(...runnables: readonly Runnable[]): Runnable {
  return compose("chain", runnables, {
    async run(callback, options) {
      const alive = options?.alive;
      const nest = (inner: RunCallback, outer: Runnable): RunCallback => (signal) =>
        outer.run(inner, { signal, alive });
      await runnables.reduceRight(nest, callback)(signalOf(options));
    },
  });
}

/**
 * Returns a single runnable as it is.
 *
 * @param only The runnable.
 * @returns The runnable.
 * @throws {TypeError} If it has no `run` method.
 */
export function parallel<P extends Runnable>(only: P): P;
/**
 * Runs runnables side by side. They start at the same time, and the callback is called once all of them are up.
 *
 * When one fails to start, or ends before all are up, those that are up are stopped gracefully, those still starting are
 * aborted, and the callback is not called. When one ends while the callback is pending, the callback's signal aborts. When
 * the callback has returned, all are stopped gracefully at the same time; none of them sees its own callback return before
 * that. A signal that aborts forces all of them.
 *
 * The run rejects with the error of the callback; otherwise with those of the runnables: a single error as it is, several
 * as an `AggregateError` in the order of the arguments. An error that only echoes the abort of the signal does not count.
 * If nothing failed and yet not all came up, it rejects with the reason of the signal, or with a
 * {@linkcode ProcessEndedEarlyError}.
 *
 * @param runnables In any order.
 * @returns One runnable; {@linkcode nop} if there are none. A list of one gives that one, which may need options.
 * @throws {TypeError} If one has no `run` method.
 *
 * @example Two that start together
 * ```ts
 * import { nop, parallel, startStop } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: string[] = [];
 * const part = (name: string) => startStop(() => steps.push(`+${name}`), () => steps.push(`-${name}`));
 *
 * const program = parallel(part("a"), part("b"), nop);
 * await program.run(() => steps.push("up"));
 * assertEquals(steps, ["+a", "+b", "up", "-a", "-b"]);
 * ```
 */
export function parallel(...runnables: readonly Runnable[]): StandaloneRunnable;
export function parallel(...runnables: readonly Runnable[]): Runnable {
  return compose(
    "parallel",
    runnables,
    group(runnables, async (processes, step) => {
      await Promise.all(processes.map(step));
    }),
  );
}

/**
 * Returns a single runnable as it is.
 *
 * @param only The runnable.
 * @returns The runnable.
 * @throws {TypeError} If it has no `run` method.
 */
export function sequential<P extends Runnable>(only: P): P;
/**
 * Does what {@linkcode parallel} does, but starts the runnables one after another, in the order of the arguments, and stops
 * them one after another in the same order. When one fails to start, those after it are not run at all.
 *
 * @param runnables In the order in which they start and stop.
 * @returns One runnable; {@linkcode nop} if there are none. A list of one gives that one, which may need options.
 * @throws {TypeError} If one has no `run` method.
 *
 * @example A consumer that stops before its producer
 * ```ts
 * import { sequential, startStop } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const steps: string[] = [];
 * const part = (name: string) => startStop(() => steps.push(`+${name}`), () => steps.push(`-${name}`));
 *
 * const program = sequential(part("consumer"), part("producer"));
 * await program.run(() => steps.push("up"));
 * assertEquals(steps, ["+consumer", "+producer", "up", "-consumer", "-producer"]);
 * ```
 */
export function sequential(...runnables: readonly Runnable[]): StandaloneRunnable;
export function sequential(...runnables: readonly Runnable[]): Runnable {
  return compose(
    "sequential",
    runnables,
    group(runnables, async (processes, step) => {
      for (const process of processes) await step(process);
    }),
  );
}

/** Takes a step with each process, in an order of its own. */
type Order = (processes: Process<Runnable>[], step: (process: Process<Runnable>) => Promise<void>) => Promise<void>;

function compose(name: string, runnables: readonly Runnable[], composed: StandaloneRunnable): Runnable {
  for (const runnable of runnables) assertRunnable(name, runnable);
  if (runnables.length > 1) return composed;
  return runnables[0] ?? nop;
}

function group(runnables: readonly Runnable[], inOrder: Order): StandaloneRunnable {
  return {
    async run(callback, options) {
      const signal = signalOf(options);
      const main = new AbortController();
      const endMain = () => main.abort(memberEnded);
      let mainCall: Promise<Failure | undefined> | undefined;
      const held = (untilStopped: RunCallback): RunCallback => async (signal) => {
        await untilStopped(signal);
        endMain();
        await mainCall; // undefined until all are up: then there is nothing to outlive
      };
      const processes = runnables.map((runnable) => {
        const member: Runnable = { run: (untilStopped, options) => runnable.run(held(untilStopped), options) };
        return new Process(member, { signal, alive: options?.alive });
      });
      // A run may settle although its callback has not.
      for (const process of processes) process.exited.then(endMain);
      using _forced = onAbort(signal, () => main.abort(signal.reason));

      // The one signal bounds the start-up too: once it has aborted, what is starting is aborted, the rest never begins.
      await inOrder(processes, (process) => process.start({ signal: main.signal }).catch(endMain));
      const isUp = !main.signal.aborted;
      if (isUp) mainCall = failureOf(callback, main.signal);
      const ofCallback = await mainCall;
      // `exited` tells the same error.
      await inOrder(processes, (process) => process.stop().catch(() => {}));
      if (ofCallback) throw ofCallback.error;
      throwCombined(await errorsOf(processes));
      if (isUp) return;
      signal.throwIfAborted();
      throw new ProcessEndedEarlyError("a process of its group ended before all were up");
    },
  };
}

async function errorsOf(processes: readonly Process<Runnable>[]): Promise<unknown[]> {
  const exits = await Promise.all(processes.map((process) => process.exited));
  return exits.flatMap((exit) => exit.ok ? [] : [exit.error]);
}

function throwCombined(errors: readonly unknown[]): void {
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} processes of a group failed`);
  if (errors.length === 1) throw errors[0];
}
