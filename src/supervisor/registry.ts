/**
 * The keepers of a supervisor, one for each key, and what they share.
 *
 * @module
 */

import { type Clock, Watch } from "../clock.ts";
import { printLine } from "../error_data.ts";
import { ProcessNotFoundError } from "../errors.ts";
import { EventStream } from "../event_stream.ts";
import type { SupervisorEvent, TableFailedEvent } from "../events.ts";
import type { Runnable } from "../process/runnable.ts";
import { askAbsence, type Table } from "../table/table.ts";
import { AbandonedLives } from "./abandoned.ts";
import { AwakeTime } from "./awake_time.ts";
import { Deadlines } from "./deadlines.ts";
import { describeEvent, isFailure } from "./describe.ts";
import { Keeper } from "./keeper.ts";
import { Leases } from "./leases.ts";
import { chanceOf, type SupervisorSettings } from "./options.ts";
import { Reports } from "./reports.ts";
import type { Run } from "./run.ts";
import { StartQueue } from "./start_queue.ts";

const ready: Promise<void> = Promise.resolve();

/** Outlives its runs, as stuck processes do. */
export class Registry<K, P extends Runnable> {
  readonly table: Table<K, P>;
  readonly settings: SupervisorSettings;
  readonly clock: Clock;
  readonly watch: Watch;
  readonly keepers: Map<K, Keeper<K, P>> = new Map();
  /** What is up: a map of its own, as nothing is asked for as often. */
  readonly running: Map<K, P> = new Map();
  readonly events: EventStream<SupervisorEvent<K>> = new EventStream(printFailure, (step) => this.enter(step));
  readonly deadlines: Deadlines;
  readonly starts: StartQueue;
  readonly leases: Leases<K>;
  readonly reports: Reports<K>;
  readonly awake: AwakeTime;
  readonly abandoned: AbandonedLives<K, P> = new AbandonedLives(this);
  /** Says where a call comes from, within it. */
  originOf: () => string | undefined = noOrigin;
  /** The run in progress. */
  run: Run<K, P> | undefined = undefined;
  /** How many passes there have been, in all runs: a stuck process is seen by those of several. */
  passes = 0;
  /** Iterations over the table that were given up and are still unanswered, by when, on the monotonic clock. */
  readonly unansweredReads: Set<{ readonly sinceMs: number }> = new Set();

  constructor(table: Table<K, P>, settings: SupervisorSettings) {
    this.table = table;
    this.settings = { ...settings, random: () => chanceOf(settings.random) };
    this.clock = settings.clock;
    this.watch = new Watch(settings.clock);
    this.awake = new AwakeTime(settings.clock);
    const enter = (step: () => void) => this.enter(step);
    this.deadlines = new Deadlines(settings.clock, enter);
    this.starts = new StartQueue(settings.clock, settings, enter);
    this.leases = new Leases(settings.clock, (event) => this.emit(event));
    const failed = (error: unknown) => this.tableFailed("report", error);
    this.reports = new Reports({ table, clock: settings.clock, deadlines: this.deadlines, failed });
  }

  /** Whether processes may be started: a run is in progress and has not begun to end. */
  get isAccepting(): boolean {
    return this.run !== undefined && this.run.isAccepting;
  }

  /** Takes a step, which must not throw, in the async context of the run, a microtask later. */
  enter(step: () => void): void {
    if (this.run) this.run.context.enter(step);
    else ready.then(step);
  }

  /** Returns the keeper of a key, a new one if there is none. */
  keeperOf(key: K): Keeper<K, P> {
    return this.keepers.get(key) ?? this.#keep(key);
  }

  /** Drops a keeper that has nothing left to do. */
  forget(keeper: Keeper<K, P>): void {
    this.keepers.delete(keeper.key);
    this.run?.forgot(keeper);
  }

  emit(event: SupervisorEvent<K>): void {
    this.events.emit(event);
  }

  tableFailed(operation: TableFailedEvent["operation"], error: unknown): void {
    this.emit({ type: "table-failed", at: this.clock.now(), operation, error });
  }

  /** What a call that would start the process of a key rejects with, when its entry gives no lease. */
  notOursError(key: K): unknown {
    try {
      const error = askAbsence(this.table, key)?.error;
      return error ?? new ProcessNotFoundError("start", key, "this instance does not own the entry");
    } catch (error) {
      return error;
    }
  }

  #keep(key: K): Keeper<K, P> {
    const keeper = new Keeper<K, P>(this, (key as unknown) === 0 ? 0 as K : key); // a Map takes -0 for 0
    this.keepers.set(key, keeper);
    return keeper;
  }
}

/** Is asked by default. */
export function noOrigin(): undefined {}

function printFailure<K>(event: SupervisorEvent<K>): void {
  if (isFailure(event)) printLine(`supervisor: ${describeEvent(event)}`);
}
