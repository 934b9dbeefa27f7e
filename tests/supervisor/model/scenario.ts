import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Runnable, Supervisor, type SupervisorEvent } from "@pact/supervisor";
import { errorOf, KeyJournal, restart } from "./checks.ts";
import { drain, SimClock } from "./sim_clock.ts";
import { type Behaviour, behaviours, livenessMs, SimError, type World } from "./sim_process.ts";
import { SimTable } from "./sim_table.ts";

export const keys = ["a", "b", "c"] as const;
const calls = ["start", "ensure", "restart", "stop"] as const;

const key = fc.constantFrom(...keys);
const does = <T extends string>(...types: readonly T[]) => fc.constantFrom(...types);

/** One thing that happens to a supervisor. */
export const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: does("set"), key, behaviour: fc.constantFrom(...behaviours) }) },
  { weight: 3, arbitrary: fc.record({ do: does("delete"), key }) },
  { weight: 6, arbitrary: fc.record({ do: does(...calls), key }) },
  { weight: 4, arbitrary: fc.record({ do: does("crash", "finish", "release"), key }) },
  { weight: 3, arbitrary: fc.record({ do: does("fail", "abandon"), key }) },
  { weight: 4, arbitrary: fc.record({ do: does("pause", "resume"), key }) },
  { weight: 1, arbitrary: fc.record({ do: does("pause all", "resume all") }) },
  { weight: 3, arbitrary: fc.record({ do: does("reconcile") }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: does("wait"), ms: fc.constantFrom(1, 100, 999, 1_000, 3_000, 8_000, 21_000, 61_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: does("break table", "mend table", "slow table", "fast table") }) },
  { weight: 1, arbitrary: fc.record({ do: does("run again") }) },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** By name: a library that was changed has classes of its own. */
const expectedErrors = new Set([
  "ProcessEndedEarlyError",
  "ProcessExistsError",
  "ProcessNotFoundError",
  "ProcessPausedError",
  "ProcessSilentError",
  "ProcessStateError",
  "ProcessStuckError",
  "SupervisorNotRunningError",
  "UnrecoverableError",
  "TypeError", // an entry that gives no runnable
  "AbortError", // the process that makes up its own
  "TimeoutError",
]);

/** A supervisor in a world of its own, checked after every step. */
export class Scenario {
  readonly clock = new SimClock();
  readonly world: World = {
    clock: this.clock,
    live: new Map(),
    built: new Map(),
    thrown: [],
    runs: new Map(),
    alive: new Set(),
    verdicts: new Set(),
  };
  readonly table: SimTable;
  readonly supervisor: Supervisor<string, Runnable>;
  readonly events: SupervisorEvent<string>[] = [];
  readonly #journals: Map<string, KeyJournal>;
  readonly #seenErrors = new Map<unknown, number>();
  /** Keys that were stopped by hand and may stay so until the next pass. */
  readonly #stopped = new Set<string>();
  readonly #openCalls = new Set<Promise<void>>();
  readonly #wrong: unknown[] = [];
  /** What watchdogs have failed processes with, to be told exactly once when these have ended. */
  readonly #verdicts: unknown[] = [];
  /** What concerned a process that was about to end anyway. */
  readonly #ignored: unknown[] = [];
  /** Whether the whole table has just been paused: its keys are announced one after the other, and the stop of one may let another start. */
  #isPausing = false;
  #end = Promise.withResolvers<void>();
  #run: Promise<void> = Promise.resolve();

  constructor(announces: boolean, startConcurrency: number, Kind: typeof Supervisor = Supervisor) {
    this.table = new SimTable(this.world, announces);
    const journalOf = (key: string) =>
      new KeyJournal(key, this.table.behaviours, (version) => this.table.remembered(key, version));
    this.#journals = new Map(keys.map((key) => [key, journalOf(key)]));
    this.supervisor = new Kind(this.table, { clock: this.clock, restart, startConcurrency });
    this.supervisor.subscribe((event) => this.#see(event));
  }

  async begin(): Promise<void> {
    this.#end = Promise.withResolvers();
    this.#run = this.supervisor.run(() => this.#end.promise);
    await drain();
  }

  async take(step: Step): Promise<void> {
    this.#isPausing = step.do === "pause all";
    this.#do(step);
    if (step.do === "wait") await this.clock.advance(step.ms);
    if (step.do === "run again") {
      await this.end();
      await this.begin();
    }
    await drain();
    this.#isPausing = false;
    this.check();
  }

  /** Ends the run; nothing may be left but what is stuck. */
  async end(): Promise<void> {
    for (const journal of this.#journals.values()) journal.allowStops();
    this.#end.resolve();
    await this.#within(20_000, this.#run);
    await drain();
    for (const journal of this.#journals.values()) journal.forget();
    this.table.thrown.length = 0; // what it failed with after the end began concerned nobody
    assertEquals(this.#openCalls.size, 0, "a call is still open after the run");
    const named = new Set([...this.#keysThat("stuck"), ...this.#abandoned()]);
    assertEquals(this.#liveKeys().sort(), [...named].sort(), "what lives after the run is what is stuck or abandoned");
    assertEquals(this.supervisor.keys().sort(), this.#keysThat("stuck").sort());
  }

  /** When everything behaves, one pass is enough, whatever happened before. */
  async calm(): Promise<void> {
    this.table.isBroken = false;
    this.table.delayMs = 0;
    await this.#releaseFor(40);
    this.check();
    for (const error of this.#verdicts) assertEquals(this.#seenErrors.get(error), 1, `how often ${error} was told`);
    for (const error of this.#ignored) {
      assertEquals(this.#seenErrors.get(error), undefined, `whether ${error} was told`);
    }
    if (this.table.changes) this.#checkFollowed();
    for (const key of keys.filter((key) => this.table.rows.has(key))) this.#do({ do: "set", key, behaviour: "ok" });
    await this.#within(10_000, this.supervisor.reconcile());
    await this.#releaseFor(10);
    const paused = [...this.table.rows.keys()].filter((key) => this.table.isPaused(key));
    assertEquals(this.#keysThat("paused").sort(), paused.sort(), "paused = table");
    assertEquals(this.#liveKeys().filter((key) => this.table.isPaused(key)), [], "nothing lives that is paused");
    this.table.resumeAll();
    for (const key of keys) this.#do({ do: "resume", key });
    await this.#within(10_000, this.supervisor.reconcile());
    await this.#releaseFor(10);
    this.check();
    assertEquals(this.#keysThat("running").sort(), [...this.table.rows.keys()].sort(), "running = table");
    assertEquals(this.#liveKeys().sort(), [...this.table.rows.keys()].sort(), "live = table");
  }

  check(): void {
    if (this.#wrong.length > 0) throw this.#wrong[0];
    for (const [key, live] of this.world.live) {
      const abandoned = this.#abandoned().filter((each) => each === key).length;
      assert(abandoned <= 3 && live <= 1 + abandoned, `${key} lives ${live} times, ${abandoned} abandoned`);
    }
    const { thrown } = this.world;
    for (const error of [...thrown, ...this.table.thrown]) {
      assertEquals(this.#seenErrors.get(error), 1, `how often ${error} was told`);
    }
    for (const [key, row] of this.table.rows) {
      if (row.behaviour === "ok") this.#checkHealthy(key, row.version);
    }
    this.#checkSilence();
    this.#checkPaused();
    for (const key of this.supervisor.keys()) assert(this.#journals.has(key));
  }

  /** A healthy entry that was once seen in its present version stays up unless somebody stops it. */
  #checkHealthy(key: string, version: number): void {
    const process = this.supervisor.snapshot().processes.find((process) => process.key === key);
    if (process?.version !== version || process.state !== "running") return;
    const abandoned = this.#abandoned().filter((each) => each === key).length;
    assertEquals(this.world.live.get(key), 1 + abandoned, `${key} is said to run`);
    assertStrictEquals(this.supervisor.get(key), this.world.runs.get(key) as Runnable);
  }

  /** What may not be silent, and is, does not run for longer than it may. */
  #checkSilence(): void {
    for (const { key, state, version, sinceAt } of this.supervisor.snapshot().processes) {
      const behaviour = this.table.behaviours.get(version as number);
      if (state !== "running" || behaviour === undefined || !behaviour.startsWith("silent")) continue;
      assert(this.clock.now() - sinceAt < livenessMs, `${key} has been silent since ${sinceAt}`);
    }
  }

  /** What is paused has ended, or is about to, as soon as that can be known. */
  #checkPaused(): void {
    if (!this.#knowsPauses) return;
    for (const { key, state } of this.supervisor.snapshot().processes) {
      if (!this.table.isPaused(key)) continue;
      assert(state === "paused" || state === "stopping" || state === "stuck", `${key} is paused, and ${state}`);
    }
  }

  /** Announced changes are followed without a pass, however late a look or a row of a pass came back. */
  #checkFollowed(): void {
    for (const [key, row] of this.table.rows) {
      if (row.behaviour !== "ok" || this.#stopped.has(key)) continue;
      const process = this.supervisor.snapshot().processes.find((process) => process.key === key);
      const isPaused = this.table.isPaused(key);
      assertEquals(process?.state, isPaused ? "paused" : "running", `${key} is as its entry says`);
      if (!isPaused) assertEquals(process?.version, row.version, `${key} is what its entry says`);
    }
    for (const key of this.supervisor.keys()) assert(this.table.rows.has(key), `${key} was deleted and exists`);
  }

  #do(step: Step): void {
    switch (step.do) {
      case "set":
        return this.table.set(step.key, step.behaviour as Behaviour);
      case "delete":
        return this.table.delete(step.key);
      case "crash":
      case "finish":
      case "release":
        return this.world.runs.get(step.key)?.[step.do]();
      case "fail":
        return this.#fail(step.key);
      case "abandon":
        return this.#abandon(this.#journals.get(step.key)!);
      case "break table":
      case "mend table":
        this.table.isBroken = step.do === "break table";
        this.table.wasOdd = true;
        return;
      case "slow table":
      case "fast table":
        this.table.delayMs = step.do === "slow table" ? 40 : 0;
        this.table.wasOdd = true;
        return;
      case "pause":
        return this.table.pause(step.key);
      case "resume":
        if (this.table.resume(step.key)) this.#journals.get(step.key)!.resumed();
        return;
      case "pause all":
        return this.table.pauseAll();
      case "resume all":
        return this.table.resumeAll();
      case "reconcile":
        return this.#track(this.supervisor.reconcile());
      case "start":
      case "ensure":
      case "restart":
      case "stop":
        return this.#call(step.do, this.#journals.get(step.key)!);
    }
  }

  /** What runs or starts fails with the error; what is about to end does not. */
  #fail(key: string): void {
    const error = new SimError(key, "a watchdog barked");
    const { state } = this.supervisor.status(key) ?? {};
    this.world.verdicts.add(error);
    try {
      this.supervisor.fail(key, error);
      if (state === "running" || state === "starting") this.#verdicts.push(error);
      else this.#ignored.push(error);
    } catch (refusal) {
      this.#expect(refusal);
    }
  }

  #abandon(journal: KeyJournal): void {
    try {
      this.supervisor.abandon(journal.key);
      journal.abandonedByCall();
    } catch (refusal) {
      this.#expect(refusal);
    }
  }

  #call(operation: typeof calls[number], journal: KeyJournal): void {
    const isStuck = this.supervisor.status(journal.key)?.state === "stuck"; // then it is refused
    if (!isStuck && (operation === "restart" || operation === "stop")) journal.allowStop();
    const isCallingOff = operation === "stop" && !journal.hasLife;
    if (operation === "stop") this.#stopped.add(journal.key);
    const call = this.supervisor[operation](journal.key);
    this.#track(isCallingOff ? call.then(() => journal.calledOff()) : call);
  }

  #track(call: Promise<unknown>): void {
    const tracked = call.then(() => {}, (error) => {
      this.#expect(error);
      // Several callers may wait for the same thing, and then all of them are told.
      if (this.table.thrown.includes(error) && !this.#seenErrors.has(error)) this.#count(error);
    }).finally(() => this.#openCalls.delete(tracked));
    this.#openCalls.add(tracked);
  }

  #expect(error: unknown): void {
    const isExpected = error instanceof SimError || expectedErrors.has((error as Error).name);
    if (!isExpected) this.#wrong.push(error);
  }

  #see(event: SupervisorEvent<string>): void {
    this.events.push(event);
    const error = errorOf(event);
    if (error !== undefined) this.#count(error);
    if (event.type === "starting") this.#starting(event.key);
    try {
      if ("key" in event) this.#journals.get(event.key)!.see(event, this.world.built.get(event.key));
    } catch (error) {
      this.#wrong.push(error);
    }
  }

  /** What is paused is not started, as soon as that can be known. */
  #starting(key: string): void {
    this.#stopped.delete(key);
    if (!this.#knowsPauses || this.#isPausing || !this.table.isPaused(key)) return;
    this.#wrong.push(new Error(`${key} starts and is paused`));
  }

  /** Whether the supervisor must have heard by now what is paused. */
  get #knowsPauses(): boolean {
    return this.table.changes !== undefined && !this.table.wasOdd;
  }

  /** Lets time pass during which no process stays deaf. */
  async #releaseFor(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      for (const run of this.world.alive) run.release();
      await this.clock.advance(1_000);
    }
  }

  async #within(ms: number, work: Promise<void>): Promise<void> {
    let isOver = false;
    work.then(() => isOver = true);
    await drain();
    for (let waited = 0; waited < ms && !isOver; waited += 100) await this.clock.advance(100);
    await drain();
    assert(isOver, "it takes too long");
  }

  #count(error: unknown): void {
    this.#seenErrors.set(error, (this.#seenErrors.get(error) ?? 0) + 1);
  }

  #abandoned(): string[] {
    return this.supervisor.snapshot().abandoned.map(({ key }) => key);
  }

  #keysThat(state: string): string[] {
    return this.supervisor.snapshot().processes.filter((process) => process.state === state).map(({ key }) => key);
  }

  #liveKeys(): string[] {
    return [...this.world.live].filter(([, live]) => live > 0).map(([key]) => key);
  }
}
