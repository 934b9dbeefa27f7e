/**
 * The supervisor: makes what runs match the table.
 *
 * @module
 */

import {
  describeKey,
  describeValue,
  ProcessExistsError,
  ProcessNotRunningError,
  ProcessStuckError,
  SupervisorNotRunningError,
} from "../errors.ts";
import type { Listener } from "../event_stream.ts";
import type { SupervisorEvent } from "../events.ts";
import { onAbort } from "../process/on_abort.ts";
import type { Runnable } from "../process/runnable.ts";
import { assertKey, type Table } from "../table/table.ts";
import { callAndWait, type CallOptions, callWithin, missing, stopWith, waitUnless } from "./calls.ts";
import { Engine } from "./engine.ts";
import type { Keeper } from "./keeper.ts";
import { checkOptions, type SupervisorOptions } from "./options.ts";
import { RunLock } from "./run_lock.ts";
import { stateOf, type SupervisorSnapshot, takeSnapshot } from "./snapshot.ts";

/**
 * Starts, stops and restarts processes so that what runs matches a table.
 *
 * It promises at most one live process per key at any time, drops no error, and stops nothing because a table fails. It
 * does not promise that a process that ignores its signal ever ends: such a process is named stuck and keeps its key.
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
export class Supervisor<K, P extends Runnable> implements Runnable {
  readonly #engine: Engine<K, P>;
  readonly #lock: RunLock = new RunLock();

  /**
   * Makes a supervisor that does not run yet.
   *
   * @param table The desired set.
   * @param options How to treat it.
   * @throws {TypeError} When the table is none, or an option has a wrong shape.
   * @throws {RangeError} When an option is out of range.
   */
  constructor(table: Table<K, P>, options: SupervisorOptions<K> = {}) {
    if (typeof table?.get !== "function" || typeof table[Symbol.asyncIterator] !== "function") {
      throw new TypeError(
        `Cannot make a supervisor: a table has a get method and is async iterable, current value is ${
          describeValue(table)
        }`,
      );
    }
    this.#engine = new Engine(table, checkOptions(options));
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
    if (typeof callback !== "function") {
      const shown = describeValue(callback);
      throw new TypeError(`Cannot run the supervisor: the callback is a function, current value is ${shown}`);
    }
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    using _turn = await this.#lock.enter(signal);
    signal.throwIfAborted(); // it may have aborted between the end of the wait and this instruction
    using _forced = onAbort(signal, () => this.#engine.force(signal.reason));
    try {
      await this.#engine.begin();
      signal.throwIfAborted();
      await callback(signal);
    } finally {
      await this.#engine.end();
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
   * @throws {SupervisorNotRunningError} When no run is in progress.
   * @throws {unknown} What the process or the table failed with, or the reason of the signal.
   */
  start(key: K, options: CallOptions = {}): Promise<P> {
    try {
      const keeper = this.#checkCall("start", key, options);
      if (keeper?.exists) throw new ProcessExistsError(key, stateOf(keeper));
      const started = keeper ?? this.#engine.keeperOf(key);
      return options.signal ? callWithin(started, options.signal) : callAndWait(started);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Returns the running process of a key; joins a start in progress; else starts it, parked or not. A process that is
   * stopping is started again when it has ended. The table is not looked at while a process runs: whoever has just
   * written a new version and wants that one calls {@linkcode Supervisor.restart}.
   *
   * @param key The key of its entry.
   * @param options A signal that ends the wait, not the start.
   * @returns The runnable, running.
   * @throws {ProcessNotFoundError} When the table has no such entry.
   * @throws {ProcessStuckError} When its process does not end.
   * @throws {SupervisorNotRunningError} When no run is in progress.
   * @throws {unknown} What the process or the table failed with, or the reason of the signal.
   */
  async ensure(key: K, options: CallOptions = {}): Promise<P> {
    this.#checkCall("ensure", key, options);
    return await this.#callAndWait(key, options.signal);
  }

  /**
   * Stops the process of a key gracefully and waits for its end. An entry left in the table starts again at the next
   * reconcile: to stop a process for good, delete its entry.
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
      const keeper = this.#engine.keepers.get(key);
      if (!keeper?.exists) throw missing("stop", key, keeper);
      return stopWith(keeper, options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Stops the process of a key if there is one, then starts it from a fresh entry, parked or not, and waits until it is
   * up.
   *
   * @param key The key of its entry.
   * @param options A signal that ends the wait, not the restart.
   * @returns The new runnable, running.
   * @throws {ProcessNotFoundError} When the table has no such entry.
   * @throws {ProcessStuckError} When the old process does not end.
   * @throws {SupervisorNotRunningError} When no run is in progress.
   * @throws {unknown} What the new process or the table failed with, or the reason of the signal.
   */
  async restart(key: K, options: CallOptions = {}): Promise<P> {
    const keeper = this.#checkCall("restart", key, options);
    if (keeper?.attempt) keeper.stop();
    return await this.#callAndWait(key, options.signal);
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
    const runnable = this.#engine.running.get(key);
    if (runnable !== undefined) return runnable;
    const keeper = this.#engine.keepers.get(key);
    if (!keeper?.exists) throw missing("get", key, keeper);
    throw new ProcessNotRunningError(key, stateOf(keeper));
  }

  /** Returns the keys of all processes that exist, in whatever state; a key that is retrying, parked or resting has none. */
  keys(): K[] {
    const { keepers, absent } = this.#engine;
    const keys = [...keepers.keys()];
    return absent === 0 ? keys : keys.filter((key) => keepers.get(key)!.exists);
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
    if (!this.#engine.isAccepting) throw new SupervisorNotRunningError("reconcile");
    options.signal?.throwIfAborted();
    await waitUnless(this.#engine.reconciler.request("reconcile"), options.signal);
  }

  /** Shows everything the supervisor has to do with, as plain data. */
  snapshot(): SupervisorSnapshot<K> {
    const { keepers, clock, isAccepting } = this.#engine;
    return takeSnapshot(keepers.values(), clock.now(), isAccepting);
  }

  /**
   * Announces what happens; the order is told with {@linkcode SupervisorEvent}. While nobody has subscribed, failures are
   * printed to the console.
   *
   * @param listener Is called right after the step that caused the event. What it throws is printed and changes nothing.
   * @param options A signal that ends the subscription.
   * @returns Ends the subscription when disposed of.
   */
  subscribe(listener: Listener<SupervisorEvent<K>>, options: CallOptions = {}): Disposable {
    return this.#engine.events.subscribe(listener, options.signal);
  }

  #checkCall(operation: string, key: K, { signal }: CallOptions): Keeper<K, P> | undefined {
    assertKey(key);
    if (!this.#engine.isAccepting) throw new SupervisorNotRunningError(`${operation} process ${describeKey(key)}`);
    signal?.throwIfAborted();
    return this.#engine.keepers.get(key);
  }

  async #callAndWait(key: K, signal: AbortSignal | undefined): Promise<P> {
    const existing = this.#engine.keepers.get(key)?.attempt;
    if (existing?.isStuck) throw new ProcessStuckError(key, existing.sinceAt);
    return await callAndWait(this.#engine.keeperOf(key), signal);
  }
}
