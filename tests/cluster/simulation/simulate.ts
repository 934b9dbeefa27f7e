/**
 * One simulated history of a cluster, made from a seed: the same seed gives the same history.
 *
 * @module
 */

import { place, slotOf } from "../../../src/cluster/placement.ts";
import { MemoryKv } from "../../memory_kv/memory_kv.ts";
import { seededRandom } from "../../os/random.ts";
import type { Mood } from "./bot.ts";
import { Checks, Violation } from "./checks.ts";
import { type FaultRates, noFaults } from "./machine.ts";
import { Instance, type Library, measures } from "./instance.ts";
import { observe } from "./observe.ts";
import { VirtualTime } from "./virtual_time.ts";

export interface SimulationOptions {
  readonly library: Library;
  readonly seed: number;
  readonly steps: number;
  /** How likely faults are at least, whatever the weather. */
  readonly atLeast?: Partial<FaultRates>;
  /** A real database in the place of the one that is deterministic. */
  readonly kv?: Deno.Kv;
}

/** What a history was made of. */
export interface History {
  readonly steps: readonly string[];
  readonly claimed: number;
  readonly fenced: number;
  readonly dead: number;
  readonly written: number;
}

const { heartbeatMs, ttlMs, sweepMs } = measures;
/** Clocks that run 20 % fast or slow are sound. */
const drift = 0.2;
const maxInstances = 8;
/**
 * One listing in each of six heartbeats, a seventh at their edge, three in each of two passes (entries, pauses, troubles), and
 * one check of the claims.
 */
const mostLists = 14;
const longestTimerMs = 400_000;
/** How long a pass may be away by a clock that is sound, with its tenth more. */
const longestSweepMs = 1.1 * sweepMs / (1 - drift) + heartbeatMs;
const keys = Array.from({ length: 12 }, (_, index) => `bot-${index}`);

/**
 * Makes a history and checks it at every moment.
 *
 * @throws {Violation} When a promise was broken; its message tells the seed and what happened last.
 */
export async function simulate(options: SimulationOptions): Promise<History> {
  const simulation = new Simulation(options);
  try {
    return await simulation.run();
  } finally {
    await simulation.end();
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: () => number;
  readonly #time: VirtualTime = new VirtualTime();
  readonly #memory: MemoryKv | undefined;
  readonly #kv: Deno.Kv;
  readonly #instances: Map<string, Instance> = new Map();
  readonly #checks: Checks;
  readonly #areClocksSound: boolean;
  /** Whether Deno KV is the one that is written in JavaScript. */
  readonly #givesUp: boolean;
  readonly #desired: Set<string> = new Set();
  readonly #steps: string[] = [];
  readonly #counts = { claimed: 0, fenced: 0, dead: 0, written: 0 };
  readonly #admin: Deno.Kv;
  readonly #mood: Mood = { crashShare: 0.02, slowShare: 0.1, slowMs: 3 * ttlMs };
  readonly #calm: PromiseWithResolvers<void> = Promise.withResolvers();
  #rates: FaultRates;
  #started = 0;
  #moves = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#areClocksSound = options.seed % 2 === 0;
    this.#givesUp = options.seed % 8 >= 4;
    this.#rates = { ...noFaults, ...options.atLeast };
    this.#memory = options.kv ? undefined : new MemoryKv({ now: () => 1e12 + this.#time.nowMs });
    this.#checks = new Checks(this.#instances, this.#areClocksSound);
    this.#admin = options.kv ?? this.#memory!;
    this.#kv = observe(this.#admin, this.#checks, () => this.#counts.written++);
  }

  async run(): Promise<History> {
    for (const key of keys) await this.#set(key);
    const initial = 2 + Math.floor(this.#random() * 4);
    for (let i = 0; i < initial; i++) this.#start();
    for (let i = 0; i < this.#options.steps; i++) {
      await this.#step();
      await this.#pass(this.#random() ** 2 * heartbeatMs * 0.75);
    }
    await this.#converge();
    return { steps: this.#steps, ...this.#counts };
  }

  async end(): Promise<void> {
    for (const instance of this.#instances.values()) instance.kill();
    await this.#time.settle();
  }

  async #pass(ms: number): Promise<void> {
    await this.#time.pass(ms, () => this.#checks.momentEnds());
    this.#throwViolation();
  }

  #throwViolation(): void {
    const { violation } = this.#checks;
    if (!violation) return;
    const { seed, steps } = this.#options;
    const last = this.#steps.slice(-40).join("\n  ");
    throw new Violation(`Seed ${seed} of ${steps} steps: ${violation.message}, after\n  ${last}`);
  }

  async #step(): Promise<void> {
    const awake = [...this.#instances.values()].filter(({ isAwake, isStopping }) => isAwake && !isStopping);
    const paused = [...this.#instances.values()].filter(({ machine }) => machine.isPaused && !machine.isDead);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(this.#random() * list.length)];
    const chance = this.#random();
    if (chance < 0.06 && this.#alive.length < maxInstances) this.#start();
    else if (chance < 0.09 && awake.length > 1) this.#kill(pick(awake));
    else if (chance < 0.12 && awake.length > 1) this.#stop(pick(awake));
    else if (chance < 0.17 && awake.length > 1) this.#pause(pick(awake));
    else if (chance < 0.27 && paused.length > 0) this.#wake(pick(paused));
    else if (chance < 0.37) this.#changeWeather();
    else if (chance < 0.43 && awake.length > 0) this.#isolate(pick(awake));
    else if (chance < 0.46 && awake.length > 0 && !this.#areClocksSound) this.#spoilClock(pick(awake));
    else if (chance < 0.52) await this.#change(pick(keys));
    else if (chance < 0.56) this.#sweep();
  }

  get #alive(): Instance[] {
    return [...this.#instances.values()].filter(({ machine, hasEnded }) => !machine.isDead && !hasEnded);
  }

  #note(step: string): void {
    this.#steps.push(`${Math.round(this.#time.nowMs)} ms: ${step}`);
  }

  #start(): void {
    const name = `I${++this.#started}`;
    const rate = 1 + drift * (Math.floor(this.#random() * 3) - 1); // as far apart as they may be
    this.#note(`${name} starts, its clock runs at ${rate}`);
    const instance = new Instance({
      name,
      library: this.#options.library,
      kv: this.#kv,
      time: this.#time,
      random: seededRandom(Math.floor(this.#random() * 2 ** 31)),
      rate,
      slowMs: heartbeatMs / 2,
      lateMs: 3 * ttlMs,
      calm: this.#calm.promise,
      registry: this.#checks,
      mood: this.#mood,
      // Half of the guesses are wrong: that may cost latency or calls, and nothing else.
      isDeaf: !this.#givesUp && this.#options.seed % 4 < 2,
      givesUp: this.#givesUp,
      watchSees: this.#options.seed % 2 === 0 ? "everybody" : "this process",
      heard: (of, event) => {
        if (event.type === "cluster-failed" || event.type === "cluster-idle") return;
        this.#note(`${of.name} says ${JSON.stringify({ ...event, at: undefined })}`);
        if (event.type === "slot-claimed") this.#counts.claimed++;
        if (event.type === "slot-claimed" || event.type === "slot-released") this.#moves++;
        if (event.type === "slot-released") this.#checks.handedOver(event.slot, this.#time.nowMs);
        if (event.type === "session-dead") this.#counts.dead++;
        if (event.type !== "session-fenced") return;
        this.#counts.fenced++;
        this.#checks.fenced(of, event.session, event.silentMs);
      },
    });
    instance.machine.rates = this.#rates;
    this.#instances.set(name, instance);
  }

  #kill(instance: Instance): void {
    this.#note(`${instance.name} is killed`);
    instance.kill();
    this.#checks.killed(instance.name);
  }

  #stop(instance: Instance): void {
    this.#note(`${instance.name} is asked to stop`);
    instance.stop();
  }

  #pause(instance: Instance): void {
    this.#note(`${instance.name} is stopped by a signal`);
    instance.machine.pause();
  }

  #wake(instance: Instance): void {
    this.#note(`${instance.name} is woken`);
    instance.machine.wake();
  }

  /** From now on calls fail more, or less, often. */
  #changeWeather(): void {
    const worst = this.#random() < 0.4 ? 0 : this.#random() * 0.15;
    const rate = () => this.#random() * worst;
    const rates: FaultRates = {
      hang: rate(),
      landLate: rate(),
      slow: 2 * rate(),
      tear: 4 * rate(),
      drop: rate(),
      loseReply: rate(),
      deny: rate(),
      lock: rate(),
      cut: rate(),
      end: this.#givesUp ? 2 * rate() : 0,
    };
    const least = Object.entries(this.#options.atLeast ?? {}) as [keyof FaultRates, number][];
    this.#rates = { ...rates, ...Object.fromEntries(least.map(([fate, rate]) => [fate, Math.max(rate, rates[fate])])) };
    this.#note(`faults are up to ${(100 * worst).toFixed(0)} % each`);
    for (const { machine } of this.#instances.values()) machine.rates = this.#rates;
  }

  /** Nothing that one instance asks for is answered. */
  #isolate({ name, machine }: Instance): void {
    this.#note(`${name} cannot reach the database`);
    const isHanging = this.#random() < 0.5;
    machine.rates = isHanging ? { ...noFaults, hang: 0.5, landLate: 0.5 } : { ...noFaults, cut: 1 };
  }

  #spoilClock({ name, machine }: Instance): void {
    if (this.#random() < 0.5) {
      const ms = this.#random() * 2 * ttlMs;
      this.#note(`the clock of ${name} jumps by ${Math.round(ms)} ms`);
      machine.jump(ms);
    } else {
      const rate = 0.2 + this.#random() * 3;
      this.#note(`the clock of ${name} runs at ${rate.toFixed(2)}`);
      machine.drift(rate);
    }
  }

  async #change(key: string): Promise<void> {
    if (this.#desired.has(key) && this.#random() < 0.4) {
      this.#note(`${key} is deleted`);
      this.#desired.delete(key);
      await this.#admin.delete(["bots", key]);
    } else {
      this.#note(`${key} is set`);
      await this.#set(key);
    }
    const nonce = this.#random();
    // As a program does that writes beside the table; a clock that is far too slow would put the next pass off for minutes.
    if (this.#areClocksSound && nonce < 0.25) return this.#checks.changedPlainly(key, this.#time.nowMs);
    await this.#admin.atomic().set(["@pact/supervisor", '["bots"]', "generation"], { format: 1, nonce })
      .set(["@pact/supervisor", '["bots"]', "log", this.#admin.commitVersionstamp()], { key, nonce, keptMs: 3_600_000 })
      .commit();
  }

  async #set(key: string): Promise<void> {
    this.#desired.add(key);
    await this.#admin.set(["bots", key], 1);
  }

  /** What has expired may go, or may stay for long. */
  #sweep(): void {
    if (this.#random() < 0.2) this.#memory?.sweep();
  }

  /** When nothing happens, slots are where they belong, nothing moves, and no instance looks more often than has been said. */
  async #rest(): Promise<void> {
    await this.#pass(4 * heartbeatMs);
    const alive = this.#alive;
    const moves = this.#moves;
    const lists = alive.map(({ machine }) => machine.lists);
    await this.#pass(6 * heartbeatMs);
    for (const { name, isStopping } of alive) if (isStopping) this.#checks.fail(`${name} has not ended when asked to`);
    if (this.#moves !== moves) this.#checks.fail(`${this.#moves - moves} slots have moved while nothing happened`);
    alive.forEach(({ name, machine }, index) => {
      const count = machine.lists - lists[index];
      if (count > mostLists) this.#checks.fail(`${name} has listed ${count} times while nothing happened`);
    });
    const sessions = alive.map(({ name, cluster }) => {
      const { session } = cluster.snapshot();
      if (session === undefined) this.#checks.fail(`${name} has no session while nothing happened`);
      return session ?? "";
    });
    const owners = Array.from({ length: measures.slots }, (_, slot) => {
      return sessions[alive.findIndex(({ cluster }) => cluster.snapshot().slots.owned.includes(slot))];
    });
    const preferred = place(sessions, measures.slots);
    if (String(owners) !== String(preferred)) this.#checks.fail(`slots are owned by ${owners}, not by ${preferred}`);
    for (const { name, cluster } of alive) {
      for (const key of keys) {
        const [told, owner] = [cluster.ownerOf(key), owners[slotOf(key, measures.slots)]];
        if (told !== owner) this.#checks.fail(`${name} takes ${told} for the owner of ${key}, which is ${owner}`);
      }
    }
    this.#throwViolation();
  }

  /** When all are asked to end, all end, and nothing is left: no session, no timer. */
  async #leave(): Promise<void> {
    for (const instance of this.#alive) this.#stop(instance);
    const asked = this.#alive;
    await this.#pass(4 * heartbeatMs);
    for (const { name, hasEnded } of asked) if (!hasEnded) this.#checks.fail(`${name} has not ended when asked to`);
    const left = [...this.#checks.sessions.keys()];
    if (left.length > 0) this.#checks.fail(`sessions are left: ${left}`);
    await this.#pass(longestTimerMs); // those of machines that were killed
    const { pending } = this.#time;
    if (pending > 0) this.#checks.fail(`${pending} timers are left`);
    this.#throwViolation();
  }

  /** No more faults: clocks are right, every machine is awake and reaches the database, an instance is there. */
  async #converge(): Promise<void> {
    this.#note("the faults stop");
    this.#mood.crashShare = this.#mood.slowShare = 0;
    this.#calm.resolve();
    this.#rates = noFaults;
    for (const { machine } of this.#instances.values()) {
      machine.rates = noFaults;
      machine.drift(1);
      if (!machine.isDead) machine.wake();
    }
    if (this.#alive.filter(({ isStopping }) => !isStopping).length === 0) this.#start();
    await this.#pass(ttlMs + 2 * heartbeatMs);
    for (const { cluster } of this.#alive) {
      for (const slot of cluster.snapshot().slots.handingOver) this.#checks.handedOver(slot, this.#time.nowMs);
    }
    const { nowMs } = this.#time;
    this.#checks.converged(this.#desired, {
      handedOverSinceMs: nowMs - 2 * heartbeatMs,
      changedSinceMs: nowMs - longestSweepMs,
    });
    await this.#pass(8 * heartbeatMs); // until nothing is handed over any more, and everything was swept
    this.#checks.converged(this.#desired);
    await this.#rest();
    await this.#leave();
    for (const { failure, name } of this.#instances.values()) {
      if (failure !== undefined) this.#checks.fail(`${name} failed with ${failure}`);
    }
    this.#throwViolation();
  }
}
