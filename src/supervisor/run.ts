/**
 * One run of a supervisor: the table is restored and followed, until everything is stopped and awaited.
 *
 * ```text
 *   restore ──▶ follow changes, make passes ──▶ stop all ──▶ force what is left ──▶ name what is stuck
 *      ╰── force ─────────┴────────────────────────┴──────────────▲
 * ```
 *
 * @module
 */

import { pause, settlesWithin, stallMs, turn } from "../clock.ts";
import { SupervisorNotRunningError } from "../errors.ts";
import type { TableFailedEvent } from "../events.ts";
import { stopReason } from "../process/life.ts";
import { isAbortEcho, type Runnable } from "../process/runnable.ts";
import { assertKey } from "../table/table.ts";
import type { Keeper } from "./keeper.ts";
import { Lookups } from "./lookups.ts";
import { closeIterator } from "./pass.ts";
import { Reconciler } from "./reconcile.ts";
import type { Registry } from "./registry.ts";
import { RunContext } from "./run_context.ts";
import type { PassSnapshot } from "./snapshot.ts";
import { delayAfter } from "../restart.ts";

/** After how many stops or aborts the event loop gets a turn. */
const stepsPerTurn = 256;

/** After how many hints the event loop gets a turn. */
const hintsPerTurn = 256;

const notRunning = () => new SupervisorNotRunningError("start the process");

/** From the restore to the end of everything. */
export class Run<K, P extends Runnable> {
  /** The async context in which `run` was called. */
  readonly context: RunContext = new RunContext();
  readonly lookups: Lookups<K, P>;
  readonly reconciler: Reconciler<K, P>;
  /** Whether processes may be started: false from the moment the end begins. */
  isAccepting = true;
  /** The last pass that has read the whole table. */
  pass: PassSnapshot | undefined = undefined;
  readonly #registry: Registry<K, P>;
  readonly #scope: AbortController = new AbortController();
  readonly #following: Promise<void>;
  #forced: { readonly reason: unknown } | undefined = undefined;
  /** Aborts when the end has something to look at: all have ended, or the force. */
  #wake: AbortController = new AbortController();
  /** Keys that are stuck: the end does not wait for them. */
  #stuck: Set<K> = new Set();

  /** Begins at once: starts are accepted, and the table is restored and followed from here on. */
  constructor(registry: Registry<K, P>) {
    const { signal } = this.#scope;
    this.#registry = registry;
    this.lookups = new Lookups(registry.table, registry.clock, signal, (step) => this.context.enter(step));
    this.reconciler = new Reconciler(registry, this.lookups, signal);
    registry.run = this;
    registry.reports.open();
    // Followed first and read then: what changes while the table is being read is announced.
    this.#following = this.#followChanges(signal);
  }

  /** Resolves when the processes of the table are up, or after `initialWaitMs`. */
  async restore(): Promise<void> {
    const { clock, settings: { initialWaitMs } } = this.#registry;
    const restored = new AbortController();
    this.reconciler.request("restore").then(() => restored.abort());
    if (initialWaitMs > 0) await pause(clock, initialWaitMs, restored.signal, this.#scope.signal);
  }

  /** Looks at one key, because the table may have changed. */
  lookAt(key: K): void {
    this.lookups.look(this.#registry.keeperOf(key));
  }

  /** Forces everything to end at once. The signals of the processes abort with the reason. */
  force(reason: unknown): void {
    if (this.#forced) return; // a last budget is never cut short
    this.#forced = { reason };
    this.isAccepting = false;
    this.#scope.abort(reason);
    this.#inTurns((keeper) => {
      // The callback may be waiting for a start that has not begun: it would wait for ever.
      if (keeper.attempt) keeper.attempt.force(reason);
      else keeper.stop(notRunning);
    });
    this.#wake.abort();
  }

  /** Stops everything, and returns when everything has ended but what is stuck. */
  async end(): Promise<void> {
    const { clock, keepers, settings: { stopTimeoutMs }, deadlines, events } = this.#registry;
    const endedMs = clock.monotonic();
    this.isAccepting = false;
    this.#scope.abort(stopReason);
    this.#stuck = new Set([...keepers.values()].filter(({ attempt }) => attempt?.isStuck).map(({ key }) => key));
    await this.#inTurns((keeper) => keeper.stop(notRunning, endedMs));
    await this.#allEnded(this.#forced ? 0 : stopTimeoutMs);
    const { reason } = this.#forced ??= { reason: stopReason };
    await this.#inTurns(({ attempt }) => attempt?.isTimedByRun && attempt.force(reason, endedMs));
    await this.#allEnded(stopTimeoutMs);
    for (const { attempt } of keepers.values()) if (attempt?.isTimedByRun) attempt.giveUp();
    await this.#allEnded(Infinity); // what has a budget of its own has a deadline of its own
    await this.#quiet();
    for (const keeper of keepers.values()) this.lookups.abandon(keeper); // of what is stuck: a later run has looks of its own
    this.lookups.close();
    deadlines.rest();
    events.flush();
    this.#registry.run = undefined;
  }

  /** A keeper was dropped. */
  forgot(keeper: Keeper<K, P>): void {
    this.lookups.abandon(keeper);
    this.#stuck.delete(keeper.key);
    this.#wakeIfEnded();
  }

  /** A process is stuck. */
  gotStuck(keeper: Keeper<K, P>): void {
    this.#stuck.add(keeper.key);
    this.#wakeIfEnded();
  }

  /**
   * Looks at every key that the table says has changed. A stream that fails or ends is opened again after a delay that
   * grows, and then everything is looked at, as hints may have been lost. Never rejects.
   */
  async #followChanges(signal: AbortSignal): Promise<void> {
    const { table, settings, clock } = this.#registry;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const changes = table.changes?.({ signal });
        if (!changes) return;
        this.reconciler.follows(true);
        await this.#readChanges(changes[Symbol.asyncIterator](), signal, () => failures = 0);
        if (signal.aborted) return;
        throw new Error("Cannot follow the changes of the table: the stream ended before its signal aborted");
      } catch (error) {
        if (isAbortEcho(error, signal)) return;
        this.#registry.tableFailed("changes", error);
        this.reconciler.follows(false);
      }
      await pause(clock, delayAfter(settings.restart, ++failures, settings.random()), signal);
      if (!signal.aborted) this.#changed(undefined);
    }
  }

  /** Not `for await`: that would wait for the `return` of a stream that failed, and a table may never answer it. */
  async #readChanges(changes: AsyncIterator<K | undefined>, signal: AbortSignal, onChange: () => void): Promise<void> {
    try {
      for (let hints = 1;; hints++) {
        const { done, value } = await changes.next();
        if (signal.aborted || done) return;
        this.#changed(value);
        onChange();
        if (hints % hintsPerTurn === 0) await turn(); // a stream that is always ready would starve every timer
      }
    } finally {
      closeIterator(changes, (error) => this.#registry.tableFailed("changes", error));
    }
  }

  #changed(key: K | undefined): void {
    if (key === undefined) return void this.reconciler.request("change");
    assertKey(key);
    this.lookAt(key);
  }

  /** Takes a step with every keeper. The event loop gets a turn now and then: an abort runs code of the process. */
  async #inTurns(step: (keeper: Keeper<K, P>) => void): Promise<void> {
    let steps = 0;
    for (const keeper of [...this.#registry.keepers.values()]) {
      step(keeper);
      if (++steps % stepsPerTurn === 0) await turn();
    }
  }

  async #allEnded(withinMs: number): Promise<void> {
    const { clock } = this.#registry;
    this.#wake = new AbortController();
    this.#wakeIfEnded();
    const untilMs = clock.monotonic() + withinMs;
    await pause(clock, withinMs, this.#wake.signal);
    // While the event loop was blocked, nothing could use the budget.
    const lateMs = clock.monotonic() - untilMs;
    if (lateMs > stallMs) await pause(clock, Math.min(lateMs, withinMs), this.#wake.signal);
  }

  #wakeIfEnded(): void {
    if (this.#registry.keepers.size === this.#stuck.size) this.#wake.abort();
  }

  /** Waits for what was asked of the table, and for leases being given back; a table that does not answer is named. */
  async #quiet(): Promise<void> {
    await Promise.all([
      this.#within("iterate", "the table's iterate", this.reconciler.idle()),
      this.#within("changes", "the table's changes", this.#following),
      this.#within("get", "the table's get", this.lookups.idle()),
      this.#within("get", "the release of a lease", this.#registry.leases.idle()),
      this.#within("report", "the table's report", this.#registry.reports.finish()),
    ]);
    this.#registry.reports.close();
  }

  async #within(operation: TableFailedEvent["operation"], what: string, work: Promise<unknown>): Promise<void> {
    const { clock, settings: { stopTimeoutMs } } = this.#registry;
    if (await settlesWithin(clock, work, stopTimeoutMs)) return;
    const told = `Cannot finish shutdown: ${what} did not settle within ${stopTimeoutMs} ms`;
    this.#registry.tableFailed(operation, new Error(told));
  }
}
