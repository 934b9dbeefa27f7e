/**
 * The supervisor: makes what runs match the table.
 *
 * The way of `start(key)` to the runnable's `run`:
 *
 * ```text
 *   supervisor.ts ──▶ registry.ts ──▶ keeper.ts ──▶ lookups.ts    a fresh look: table.get(key)
 *                                         │◀────────────╯
 *                                         ╰──▶ attempt.ts         lease, build, budgets
 *                                                  ╰──▶ life.ts   runnable.run(callback)
 * ```
 *
 * The way back, when the callback is called, "it is up":
 *
 * ```text
 *   life.ts ──▶ attempt.ts ──▶ keeper.ts ──▶ callers.ts ──▶ supervisor.ts    start() resolves
 * ```
 *
 * The way of `table.set` to the runnable's `run`:
 *
 * ```text
 *   map_table.ts ──▶ change_stream.ts    a hint: this key has changed
 *        ╰── table.ts ──▶ run.ts ──▶ lookups.ts ──▶ keeper.ts ──▶ start_queue.ts
 *                                                       │◀─────────────╯  its turn
 *                                                       ╰──▶ attempt.ts ──▶ life.ts
 * ```
 *
 * A pass over the whole table (`reconcile.ts`, `pass.ts`) enters at the keeper, with a row instead of a look.
 *
 * @module
 */

import { checkArgument, hasMethods } from "../check.ts";
import { printError } from "../error_data.ts";
import {
  describeKey,
  ProcessExistsError,
  ProcessNotFoundError,
  ProcessNotRunningError,
  ProcessStateError,
  ProcessStuckError,
  SupervisorNotRunningError,
} from "../errors.ts";
import type { Listener, SubscribeOptions } from "../event_stream.ts";
import type { SupervisorEvent } from "../events.ts";
import { onAbort } from "../on_abort.ts";
import type { Runnable } from "../process/runnable.ts";
import { assertKey, type Table } from "../table/table.ts";
import type { Attempt } from "./attempt.ts";
import type { Keeper } from "./keeper.ts";
import { checkOptions, type SupervisorOptions } from "./options.ts";
import { noOrigin, Registry } from "./registry.ts";
import { Run } from "./run.ts";
import { RunLock } from "./run_lock.ts";
import {
  describeKeeper,
  type ProcessSnapshot,
  stateOf,
  type SupervisorSnapshot,
  type SupervisorSummary,
  takeSnapshot,
  takeSummary,
} from "./snapshot.ts";

/** A signal that a call obeys; what its abort means is said with the call. */
export interface CallOptions {
  /** Aborts to end the call. */
  readonly signal?: AbortSignal;
}

/**
 * Starts, stops and restarts processes so that what runs matches a table.
 *
 * It promises at most one live process per key at any time, drops no error, and stops nothing because a table fails. It
 * does not promise that a process that ignores its signal ever ends: such a process is named stuck and keeps its key. Only
 * where one is abandoned, which has to be asked for (`abandon`, `onStuck`), may two processes of a key be alive.
 *
 * @typeParam K The type of the keys.
 * @typeParam P The kind of runnable.
 *
 * @example A table in memory
 * ```ts
 * import { leaf, MapTable, Supervisor } from "@pact/supervisor";
 * import { delay } from "@std/async/delay";
 * import { assertEquals } from "@std/assert";
 *
 * const table = new MapTable([["acme", () => leaf((signal) => delay(60_000, { signal }))]]);
 * const supervisor = new Supervisor(table);
 *
 * await supervisor.run(() => {
 *   assertEquals(supervisor.keys(), ["acme"]);
 * });
 * ```
 */
export class Supervisor<K, P extends Runnable = Runnable> implements Runnable {
  readonly #registry: Registry<K, P>;
  readonly #lock: RunLock = new RunLock();

  /**
   * Makes a supervisor that does not run yet.
   *
   * @param table The desired set.
   * @param options How to treat it.
   * @throws {TypeError} If `table` is not a table, or an option has a wrong shape.
   * @throws {RangeError} If an option, or the `sweepMs` of the table, is out of range.
   */
  constructor(table: Table<K, P>, options: SupervisorOptions = {}) {
    const isTable = hasMethods(table, "get", Symbol.asyncIterator);
    checkArgument("make a supervisor", "a table has a get method and is async iterable", table, isTable);
    this.#registry = new Registry(table, checkOptions(options, table.sweepMs));
  }

  /**
   * Runs the processes of the table for as long as the callback takes. The callback is called when they are up or after
   * `initialWaitMs`, whichever is first; when it settles, nothing new is started, everything is stopped, and everything is
   * awaited but what is stuck. At most one run is in progress at a time: a second one waits for the first.
   *
   * @param callback Is given a signal that aborts when the run is forced to end.
   * @param options A signal that forces the end of everything, or of the wait for another run.
   * @throws {unknown} What the callback throws, or the reason of the signal when the callback was not called.
   */
  async run<T>(callback: (signal: AbortSignal) => T, options: CallOptions = {}): Promise<void> {
    checkArgument("run the supervisor", "the callback is a function", callback, typeof callback === "function");
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    using _turn = await this.#lock.enter(signal);
    signal.throwIfAborted(); // it may have aborted between the end of the wait and this instruction
    const run = new Run(this.#registry);
    using _forced = onAbort(signal, () => run.force(signal.reason));
    try {
      await run.restore();
      signal.throwIfAborted();
      await callback(signal);
    } finally {
      await run.end();
    }
  }

  /**
   * Starts the process of a key from a fresh look at the table, at once and whether or not it is parked, and waits until it
   * is up. A start that fails rejects, and is restarted as the policy says.
   *
   * @param key The key of its entry.
   * @param options A signal that bounds the start-up: aborting it stops the process.
   * @returns The runnable, running.
   * @throws {ProcessExistsError} When a process of that key exists, in any state.
   * @throws {ProcessNotFoundError} When the table has no such entry.
   * @throws {ProcessPausedError} When the table says that the key, or all of it, is paused.
   * @throws {ProcessElsewhereError} When the entry belongs to another instance of a cluster.
   * @throws {SupervisorNotRunningError} When no run is in progress.
   * @throws {unknown} What the process or the table failed with, or the reason of the signal.
   */
  start(key: K, options: CallOptions = {}): Promise<P> {
    try {
      const keeper = this.#checkCall("start", key, options);
      if (keeper?.exists) throw new ProcessExistsError(key, stateOf(keeper));
      const started = keeper ?? this.#registry.keeperOf(key);
      return options.signal ? callWithin(started, options.signal) : startAndWait(started);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Returns the running process of a key; joins a start in progress; else starts it, parked or not. A process that is
   * stopping is started again when it has ended. The table is not looked at while a process runs: to get a version that
   * was just written, call {@linkcode Supervisor.restart}.
   *
   * @param key The key of its entry.
   * @param options A signal that ends the wait, not the start.
   * @returns The runnable, running.
   * @throws {ProcessNotFoundError} When the table has no such entry.
   * @throws {ProcessPausedError} When the table says that the key, or all of it, is paused.
   * @throws {ProcessElsewhereError} When the entry belongs to another instance of a cluster.
   * @throws {ProcessStuckError} When its process does not end.
   * @throws {SupervisorNotRunningError} When no run is in progress.
   * @throws {unknown} What the process or the table failed with, or the reason of the signal.
   */
  async ensure(key: K, options: CallOptions = {}): Promise<P> {
    this.#checkCall("ensure", key, options);
    return await callAndWait(this.#startable(key), options.signal);
  }

  /**
   * Stops the process of a key gracefully and waits for its end. An entry left in the table starts again at the next
   * reconcile: to stop a process for good, delete its entry. A process that awaits the stop of its own key waits for itself: it
   * is stuck after two stop budgets.
   *
   * @param key The key of the process.
   * @param options A signal that, when it aborts, forces the end, which is still awaited.
   * @throws {ProcessNotFoundError} When no process of that key exists.
   * @throws {ProcessStuckError} When it does not end.
   * @throws {unknown} What the process failed with.
   */
  stop(key: K, options: CallOptions = {}): Promise<void> {
    try {
      assertKey(key);
      const keeper = this.#registry.keepers.get(key);
      if (!keeper?.exists) throw missing("stop", key, keeper);
      return stopWith(keeper, options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Stops the process of a key if there is one, then starts it from a fresh entry, parked or not, and waits until it is
   * up. Calls of `restart`, `ensure` and `start` that wait already get the new process; a call of `restart` while the old one
   * stops joins the one before.
   *
   * @param key The key of its entry.
   * @param options A signal that ends the wait, not the restart.
   * @returns The new runnable, running.
   * @throws {ProcessNotFoundError} When the table has no such entry.
   * @throws {ProcessPausedError} When the table says that the key, or all of it, is paused.
   * @throws {ProcessElsewhereError} When the entry belongs to another instance of a cluster.
   * @throws {ProcessStuckError} When the old process does not end.
   * @throws {SupervisorNotRunningError} When no run is in progress.
   * @throws {unknown} What the new process or the table failed with, or the reason of the signal.
   */
  async restart(key: K, options: CallOptions = {}): Promise<P> {
    this.#checkCall("restart", key, options);
    const keeper = this.#startable(key);
    if (!keeper.attempt) return await callAndWait(keeper, options.signal);
    keeper.restart();
    return await keeper.callers.whenUp(options.signal);
  }

  /**
   * Fails the process of a key, for a watchdog of your own: a running process is aborted at once and counts as failed, one that
   * is starting fails to start, and one that is stopping or stuck is left alone. What follows is up to the restart policy.
   *
   * @param key The key of the process.
   * @param error What it is said to have failed with.
   * @throws {TypeError} If `key` cannot be a key.
   * @throws {ProcessNotFoundError} When there is no process of that key, or it has not begun to start.
   *
   * @example A watchdog that asks from outside
   * ```ts
   * import { leaf, MapTable, Supervisor } from "@pact/supervisor";
   * import { delay } from "@std/async/delay";
   * import { assertEquals } from "@std/assert";
   *
   * const bot = leaf((signal) => delay(60_000, { signal }));
   * const supervisor = new Supervisor(new MapTable([["acme", bot]]));
   * const retrying: PromiseWithResolvers<string> = Promise.withResolvers();
   * supervisor.subscribe((event) => {
   *   if (event.type === "retrying") retrying.resolve(event.key);
   * });
   * await supervisor.run(async () => {
   *   supervisor.fail("acme", new Error("its webhook has been removed"));
   *   assertEquals(await retrying.promise, "acme");
   * });
   * ```
   */
  fail(key: K, error: unknown): void {
    assertKey(key);
    const keeper = this.#registry.keepers.get(key);
    if (!keeper?.attempt) throw missing("fail", key, keeper);
    keeper.attempt.fail(error);
  }

  /**
   * Lets go of a stuck process: its key is free and starts again, at once if it had been asked to stop, after its backoff if it
   * had failed. The process may go on for ever beside the new one. It loses its lease, so that in a cluster what it writes
   * under its claim is refused; a check of the claim that it took before, and what it does elsewhere, cannot be taken back.
   *
   * @param key The key of the process.
   * @throws {TypeError} If `key` cannot be a key.
   * @throws {ProcessStateError} Unless its state is "stuck", or while three abandoned lives of the key still go on.
   */
  abandon(key: K): void {
    assertKey(key);
    const { keepers, abandoned } = this.#registry, keeper = keepers.get(key);
    const operation = `abandon process ${describeKey(key)}`;
    if (!keeper?.attempt?.isStuck) throw new ProcessStateError(operation, keeper ? stateOf(keeper) : "absent");
    if (!abandoned.hasRoom(key)) {
      throw new ProcessStateError(`${operation} while three abandoned lives of it go on`, "stuck");
    }
    abandoned.abandon(keeper);
  }

  /**
   * Returns the runnable of a running process.
   *
   * @param key The key of the process.
   * @returns The runnable.
   * @throws {ProcessNotFoundError} When no process of that key exists.
   * @throws {ProcessNotRunningError} When it exists but is not running.
   */
  get(key: K): P {
    const runnable = this.#registry.running.get(key);
    if (runnable !== undefined) return runnable;
    const keeper = this.#registry.keepers.get(key);
    if (!keeper?.exists) throw missing("get", key, keeper);
    throw new ProcessNotRunningError(key, stateOf(keeper));
  }

  /** Returns the keys of all processes that exist, in whatever state; a key that is retrying, parked, resting or paused has none. */
  keys(): K[] {
    const { keepers, running } = this.#registry;
    if (running.size === keepers.size) return [...keepers.keys()];
    return [...keepers.values()].filter(({ exists }) => exists).map(({ key }) => key);
  }

  /**
   * Makes one pass over the table that begins after this call: starts what is missing, stops what is gone, replaces what
   * changed. Backoff and parking are respected.
   *
   * @param options A signal that ends the wait, not the pass.
   * @returns A promise that resolves when what the pass started is up or has failed, and what it stopped has ended, or
   * after `initialWaitMs`. A table that fails becomes an event.
   * @throws {SupervisorNotRunningError} When no run is in progress.
   */
  async reconcile(options: CallOptions = {}): Promise<void> {
    const { run, isAccepting } = this.#registry;
    if (!run || !isAccepting) throw new SupervisorNotRunningError("reconcile");
    const { signal } = options;
    signal?.throwIfAborted();
    await (signal ? run.reconciler.requestUnless(signal, "reconcile") : run.reconciler.request("reconcile"));
  }

  /**
   * Shows one key, as {@linkcode Supervisor.snapshot} shows it. Takes as long with one key as with 100 000.
   *
   * @param key The key.
   * @returns Plain data; `undefined` if the supervisor has nothing to do with the key.
   * @throws {TypeError} If `key` cannot be a key.
   */
  status(key: K): ProcessSnapshot<K> | undefined {
    assertKey(key);
    const keeper = this.#registry.keepers.get(key);
    return keeper && describeKeeper(keeper, this.#registry.clock);
  }

  /** Shows everything the supervisor has to do with, as plain data. */
  snapshot(): SupervisorSnapshot<K> {
    return takeSnapshot(this.#registry);
  }

  /**
   * Sums up what {@linkcode Supervisor.snapshot} lists: cheap enough to be called every second with 100 000 keys.
   *
   * @returns Plain data.
   *
   * @example How many run
   * ```ts
   * import { MapTable, nop, Supervisor } from "@pact/supervisor";
   * import { assertEquals } from "@std/assert";
   *
   * const supervisor = new Supervisor(new MapTable([["acme", nop], ["beta", nop]]));
   * await supervisor.run(() => assertEquals(supervisor.summary().counts, { running: 2 }));
   * ```
   */
  summary(): SupervisorSummary {
    return takeSummary(this.#registry);
  }

  /**
   * Announces what happens; {@linkcode SupervisorEvent} tells the order. While there is no subscriber, failures are printed
   * to the console.
   *
   * @param listener Is called right after the step that caused the event. What it throws is printed and changes nothing.
   * @param options A signal that ends the subscription, and whether failures go on being printed.
   * @returns Ends the subscription when disposed of.
   */
  subscribe(listener: Listener<SupervisorEvent<K>>, options: SubscribeOptions = {}): Disposable {
    return this.#registry.events.subscribe(listener, options);
  }

  /**
   * Has a `starting` event that a call of `start`, `ensure` or `restart` has caused say where that call came from: the process
   * lives in the async context of `run`, and knows nothing of its callers. `./otel` links starts to requests with it.
   *
   * @param origin Is called within such a call; returns a short text, if there is something to say. What it throws is printed.
   * Of several functions the last one is called.
   * @returns Ends it when disposed of.
   * @throws {TypeError} If `origin` is not a function.
   */
  originBy(origin: () => string | undefined): Disposable {
    checkArgument("tell the origin of calls", "originBy takes a function", origin, typeof origin === "function");
    const registry = this.#registry;
    const originOf = () => {
      try {
        return origin();
      } catch (error) {
        printError("Cannot tell where a call came from", error);
      }
    };
    registry.originOf = originOf;
    return {
      [Symbol.dispose]: () => {
        if (registry.originOf === originOf) registry.originOf = noOrigin;
      },
    };
  }

  #checkCall(operation: string, key: K, { signal }: CallOptions): Keeper<K, P> | undefined {
    assertKey(key);
    if (!this.#registry.isAccepting) throw new SupervisorNotRunningError(`${operation} process ${describeKey(key)}`);
    signal?.throwIfAborted();
    return this.#registry.keepers.get(key);
  }

  #startable(key: K): Keeper<K, P> {
    const keeper = this.#registry.keeperOf(key);
    if (keeper.attempt?.isStuck) throw new ProcessStuckError(key, keeper.attempt.sinceAt);
    return keeper;
  }
}

/** Starts a process unless it is up, and waits. The wait comes first: what is called may fail before it returns. */
function callAndWait<K, P extends Runnable>(keeper: Keeper<K, P>, signal: AbortSignal | undefined): Promise<P> {
  if (keeper.running) return Promise.resolve(keeper.running);
  const up = keeper.callers.whenUp(signal);
  keeper.call();
  return up;
}

/** Starts a process that does not exist and waits until that very start is up. */
function startAndWait<K, P extends Runnable>(keeper: Keeper<K, P>): Promise<P> {
  const up = keeper.callers.whenStarted();
  keeper.call();
  return up;
}

/** Starts a process and waits until it is up; a signal that aborts before stops it. */
async function callWithin<K, P extends Runnable>(keeper: Keeper<K, P>, signal: AbortSignal): Promise<P> {
  let stopping: Promise<void> | undefined;
  const up = startAndWait(keeper);
  using _bound = onAbort(signal, () => {
    if (keeper.running) return; // it came up a moment ago: the start has succeeded
    stopping = stopWith(keeper, undefined).catch(() => {}); // how it ends is an event
  });
  try {
    return await up;
  } catch (error) {
    await stopping;
    throw stopping ? signal.reason : error;
  }
}

/** Stops a process and waits for its end; a signal that aborts forces it. */
function stopWith<K, P extends Runnable>(keeper: Keeper<K, P>, signal: AbortSignal | undefined): Promise<void> {
  const { attempt } = keeper;
  if (attempt?.isStuck) return Promise.reject(new ProcessStuckError(keeper.key, attempt.sinceAt));
  const ended = attempt && keeper.callers.whenEnded().then(throwFailure);
  keeper.stop();
  if (!attempt || !ended) return Promise.resolve();
  return signal === undefined ? ended : forceUnlessEnded(attempt, ended, signal);
}

async function forceUnlessEnded<K, P extends Runnable>(
  attempt: Attempt<K, P>,
  ended: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  using _forced = onAbort(signal, () => attempt.force(signal.reason));
  await ended;
}

function throwFailure<K, P extends Runnable>({ outcome, error }: Attempt<K, P>): void {
  if (outcome === "failed") throw error;
}

/** The error for a call on a key without a process. One that waits for something has a keeper, and the error says for what. */
function missing<K, P extends Runnable>(operation: string, key: K, keeper?: Keeper<K, P>): ProcessNotFoundError {
  return new ProcessNotFoundError(operation, key, keeper && `there is none, it is ${stateOf(keeper)}`);
}
