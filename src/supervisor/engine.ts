/**
 * What holds a supervisor together: the keepers, what they share, and the beginning and the end of a run.
 *
 * @module
 */

import { type Clock, pause, turn } from "../clock.ts";
import { SupervisorNotRunningError } from "../errors.ts";
import { EventStream } from "../event_stream.ts";
import type { SupervisorEvent, TableFailedEvent } from "../events.ts";
import { stopReason } from "../process/life.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Table } from "../table/table.ts";
import { Deadlines } from "./deadlines.ts";
import { describeEvent } from "./describe.ts";
import { followChanges } from "./follow.ts";
import { Keeper } from "./keeper.ts";
import { Leases } from "./leases.ts";
import { Lookups } from "./lookups.ts";
import type { SupervisorSettings } from "./options.ts";
import type { ReconcileHost } from "./pass.ts";
import { Reconciler } from "./reconcile.ts";
import { StartQueue } from "./start_queue.ts";

/** After how many stops the event loop gets a turn. */
const stopsPerTurn = 256;

const notRunning = () => new SupervisorNotRunningError("start the process");

/** What is printed when nobody listens: an error is never dropped. */
const failures: ReadonlySet<SupervisorEvent<unknown>["type"]> = new Set(
  ["entry-failed", "table-failed", "parked", "stuck"] as const,
);

/** Runs the processes of one table, one run after the other. Stuck processes outlive a run, and so do their keepers. */
export class Engine<K, P extends Runnable> implements ReconcileHost<K, P> {
  readonly table: Table<K, P>;
  readonly settings: SupervisorSettings;
  readonly clock: Clock;
  readonly events: EventStream<SupervisorEvent<K>> = new EventStream(printFailure);
  readonly keepers: Map<K, Keeper<K, P>> = new Map();
  readonly running: Map<K, P> = new Map();
  readonly deadlines: Deadlines;
  readonly starts: StartQueue;
  readonly leases: Leases<K>;
  isAccepting = false;
  absent = 0;
  forgets = 0;
  passes = 0;
  lookups!: Lookups<K, P>;
  reconciler!: Reconciler<K, P>;
  #scope!: AbortController;
  #following!: Promise<void>;
  #forced: { reason: unknown } | undefined = undefined;
  /** Aborts when the shutdown has something to look at: all ended, or the force. */
  #wake: AbortController = new AbortController();
  /** Keys that were stuck before the shutdown began: they are not waited for. */
  #given: Set<K> = new Set();

  /**
   * @param table The desired set.
   * @param settings Checked options.
   */
  constructor(table: Table<K, P>, settings: SupervisorSettings) {
    this.table = table;
    this.settings = settings;
    this.clock = settings.clock;
    this.deadlines = new Deadlines(settings.clock);
    this.leases = new Leases(settings.clock, (event) => this.emit(event));
    this.starts = new StartQueue(settings.clock, settings.startConcurrency);
  }

  /** Begins a run: starts are accepted, and the table is restored and followed from here on. */
  async begin(): Promise<void> {
    this.#scope = new AbortController();
    const { signal } = this.#scope;
    this.#forced = undefined;
    this.lookups = new Lookups(this.table, signal);
    this.reconciler = new Reconciler(this, signal);
    this.isAccepting = true;
    // Followed first and read then: what changes while the table is being read is announced.
    this.#following = followChanges(this, this.reconciler, signal);
    const restored = new AbortController();
    this.reconciler.request("restore").then(() => restored.abort());
    const { initialWaitMs } = this.settings;
    if (initialWaitMs > 0) await pause(this.clock, initialWaitMs, restored.signal, signal);
  }

  /**
   * Forces everything to end at once.
   *
   * @param reason What the signals of the runs abort with.
   */
  force(reason: unknown): void {
    if (this.#forced) return; // nobody's last budget is cut short
    this.#forced = { reason };
    this.isAccepting = false;
    this.#scope.abort(reason);
    for (const keeper of this.keepers.values()) {
      // The callback may be waiting for a start that has not begun: it would wait for ever.
      if (keeper.attempt) keeper.attempt.force(reason);
      else keeper.stop(notRunning, false);
    }
    this.#wake.abort();
  }

  /** Ends the run: stops everything, and returns when all has ended but what is stuck. */
  async end(): Promise<void> {
    this.isAccepting = false;
    this.#scope.abort(stopReason);
    this.#given = new Set([...this.keepers.values()].filter(isStuck).map(({ key }) => key));
    await this.#stopAll();
    await this.#allEnded(this.#forced ? 0 : this.settings.stopTimeoutMs);
    this.#forced ??= { reason: stopReason };
    for (const { attempt } of this.keepers.values()) attempt?.force(this.#forced.reason, false);
    await this.#allEnded(this.settings.stopTimeoutMs);
    for (const { attempt } of this.keepers.values()) attempt?.giveUp();
    await this.#quiet();
    this.deadlines.rest();
    this.events.flush();
  }

  /** Returns who keeps the key. */
  keeperOf(key: K): Keeper<K, P> {
    return this.keepers.get(key) ?? this.#keep(key);
  }

  lookAfresh(keeper: Keeper<K, P>): void {
    this.lookups.lookAfresh(keeper);
  }

  lookAt(key: K): void {
    this.lookups.look(this.keeperOf(key));
  }

  announceLookFailed(error: unknown): void {
    this.emit({ type: "table-failed", at: this.clock.now(), operation: "get", error });
    this.reconciler.hurry();
  }

  forget(keeper: Keeper<K, P>): void {
    this.keepers.delete(keeper.key);
    this.forgets++;
    this.#given.delete(keeper.key);
    if (this.keepers.size === this.#given.size) this.#wake.abort();
  }

  emit(event: SupervisorEvent<K>): void {
    this.events.emit(event);
  }

  #keep(key: K): Keeper<K, P> {
    const keeper = new Keeper<K, P>(this, (key as unknown) === 0 ? 0 as K : key); // a Map takes -0 for 0
    this.keepers.set(key, keeper);
    return keeper;
  }

  async #stopAll(): Promise<void> {
    let stops = 0;
    for (const keeper of [...this.keepers.values()]) {
      keeper.stop(notRunning, false);
      if (++stops % stopsPerTurn === 0) await turn();
    }
  }

  async #allEnded(withinMs: number): Promise<void> {
    this.#wake = new AbortController();
    if (this.keepers.size > this.#given.size) await pause(this.clock, withinMs, this.#wake.signal);
  }

  /** Waits for what was asked of the table, and for leases being given back; a table that does not answer is named. */
  async #quiet(): Promise<void> {
    await Promise.all([
      this.#within("iterate", this.reconciler.idle()),
      this.#within("changes", this.#following),
      this.#within("get", this.lookups.idle()),
      this.#within("get", this.leases.idle()),
    ]);
  }

  async #within(operation: TableFailedEvent["operation"], work: Promise<unknown>): Promise<void> {
    const { clock, settings: { stopTimeoutMs } } = this;
    const settled = new AbortController();
    work.then(() => settled.abort());
    await pause(clock, stopTimeoutMs, settled.signal);
    if (settled.signal.aborted) return;
    const error = new Error(`Cannot end: the ${operation} of the table did not settle within ${stopTimeoutMs} ms`);
    this.emit({ type: "table-failed", at: clock.now(), operation, error });
  }
}

function printFailure<K>(event: SupervisorEvent<K>): void {
  if (failures.has(event.type) || (event.type === "exited" && event.outcome === "failed")) {
    console.error(`supervisor: ${describeEvent(event)}`);
  }
}

function isStuck<K, P extends Runnable>({ attempt }: Keeper<K, P>): boolean {
  return attempt?.isStuck === true;
}
