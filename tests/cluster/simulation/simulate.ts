/**
 * One simulated history of a cluster, made from a seed: the same seed gives the same history.
 *
 * @module
 */

import { Ledger } from "../../../src/cluster/ledger.ts";
import { place, slotOf } from "../../../src/cluster/placement.ts";
import { beatsToProve } from "../../../src/cluster/proof.ts";
import { homesOf, type Standing } from "../../../src/cluster/receivers.ts";
import { rankOf } from "../../../src/cluster/revisions.ts";
import { KvStore } from "../../../src/kv/store.ts";
import { MemoryKv } from "../../memory_kv/memory_kv.ts";
import type { MemoryCopy } from "../../memory_kv/store.ts";
import { seededRandom } from "../../os/random.ts";
import { hopelessKey, type Mood } from "./bot.ts";
import { Checks, Violation } from "./checks.ts";
import { type FaultRates, noFaults } from "./machine.ts";
import { Instance, type Library, measures } from "./instance.ts";
import { observe, observeAll } from "./observe.ts";
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
  readonly abandoned: number;
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
/** A history takes about four minutes: the probes of an instance that hears nothing all the while come this late at most. */
const longestSilenceMs = 64 * heartbeatMs;
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
  /** What each entry says. */
  readonly #desired: Map<string, number> = new Map();
  #specs = 0;
  /** Whether the database is set back now and then. */
  readonly #isSetBack: boolean;
  /** The database before a key was changed. */
  #copy: { readonly key: string; readonly of: MemoryCopy } | undefined = undefined;
  readonly #steps: string[] = [];
  readonly #counts = { claimed: 0, fenced: 0, dead: 0, written: 0 };
  readonly #admin: Deno.Kv;
  readonly #mood: Mood;
  readonly #calm: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Reads the records as they are. */
  readonly #ledger: Ledger;
  #rates: FaultRates;
  #revision = "r0";
  #started = 0;
  #moves = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#areClocksSound = options.seed % 2 === 0;
    this.#givesUp = options.seed % 8 >= 4;
    this.#isSetBack = options.kv === undefined && options.seed % 5 === 0;
    const isStubborn = options.seed % 5 === 4;
    this.#mood = { crashShare: 0.02, slowShare: isStubborn ? 0.3 : 0.1, slowMs: 3 * ttlMs, isStubborn };
    this.#rates = { ...noFaults, ...options.atLeast };
    this.#memory = options.kv ? undefined : new MemoryKv({ now: () => 1e12 + this.#time.nowMs });
    this.#checks = new Checks(this.#instances, this.#areClocksSound);
    this.#admin = options.kv ?? this.#memory!;
    const clock = { now: () => 0, monotonic: () => 0, timer: () => ({ cancel: () => {} }) };
    const store = new KvStore(this.#admin, { clock, random: () => 0, timeoutMs: ttlMs });
    this.#ledger = new Ledger(store, { prefix: ["cluster"], slots: measures.slots, ttlMs, revision: "" });
    this.#kv = observe(this.#admin, this.#checks, () => this.#counts.written++);
  }

  async run(): Promise<History> {
    for (const key of keys) await this.#set(key);
    await this.#setHopeless();
    const initial = 2 + Math.floor(this.#random() * 4);
    for (let i = 0; i < initial; i++) this.#start();
    for (let i = 0; i < this.#options.steps; i++) {
      await this.#step();
      await this.#pass(this.#random() ** 2 * heartbeatMs * 0.75);
    }
    await this.#converge();
    return { steps: this.#steps, ...this.#counts, abandoned: this.#checks.abandons };
  }

  async end(): Promise<void> {
    for (const instance of this.#instances.values()) instance.kill();
    await this.#time.settle();
  }

  async #pass(ms: number): Promise<void> {
    await this.#time.pass(ms, () => this.#checks.momentEnds(this.#time.nowMs));
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
    if (this.#isSetBack && this.#random() < 0.03) return await this.#setBack();
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
    else if (chance < 0.59) this.#deploy();
    else if (chance < 0.62 && awake.length > 0) this.#drainOrRefill(pick(awake));
    else if (chance < 0.65) await this.#pauseOrResume(pick(keys));
    else if (chance < 0.66) await this.#changeHopeless();
    else if (chance < 0.72 && this.#mood.isStubborn && awake.length > 0) this.#abandonStuck(pick(awake));
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
    const revision = this.#revision;
    this.#note(`${name} of revision ${revision} starts, its clock runs at ${rate}`);
    const instance = new Instance({
      name,
      revision,
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
        if (event.cause !== "database-replaced") {
          this.#checks.fenced(of, event.session, event.silentMs, this.#time.nowMs);
        }
      },
    });
    instance.machine.rates = this.#rates;
    this.#instances.set(name, instance);
  }

  /** What starts from now on is of another revision: a new one, or an earlier one again. */
  #deploy(): void {
    this.#revision = `r${Math.floor(this.#random() * 4)}`;
    this.#note(`revision ${this.#revision} is deployed`);
  }

  #drainOrRefill(instance: Instance): void {
    const { name, cluster, isDraining } = instance;
    this.#note(`${name} is ${isDraining ? "no longer drained" : "drained"}`);
    if (isDraining) return instance.refill();
    instance.drain((isForced) => {
      const { owned } = cluster.snapshot().slots;
      if (!isForced && !instance.isStopping && owned.length > 0) {
        this.#checks.fail(`${name} is said to be drained, and owns ${owned}`);
      }
    });
  }

  #abandonStuck(instance: Instance): void {
    this.#note(`what is stuck in ${instance.name} is abandoned`);
    instance.abandonStuck();
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

  /** An earlier copy takes the place of the database; a spec that is written then has the versionstamp of one that is lost. */
  async #setBack(): Promise<void> {
    if (!this.#memory || !this.#copy) return;
    const { key, of: copy } = this.#copy;
    this.#note(`the database is set back to a copy from before ${key} was changed`);
    this.#memory.restore(copy);
    await observeAll(this.#admin, this.#checks);
    this.#desired.clear();
    for await (const row of this.#admin.list<number>({ prefix: ["bots"] })) {
      if (row.key.at(-1) !== hopelessKey) this.#desired.set(String(row.key.at(-1)), row.value);
    }
    this.#checks.toleratesUntil(this.#time.nowMs + 2 * ttlMs);
    if (this.#random() < 0.2) return;
    await this.#set(key);
    await this.#announce(key, this.#random());
  }

  async #change(key: string): Promise<void> {
    if (this.#isSetBack && this.#random() < 0.5) this.#copy = { key, of: this.#memory!.copy() };
    if (this.#desired.has(key) && this.#random() < 0.4) {
      this.#note(`${key} is deleted`);
      this.#desired.delete(key);
      this.#checks.versions.delete(key);
      this.#checks.pausedSinceMs.delete(key);
      const beside = (kind: string) => ["@pact/supervisor", '["bots"]', kind, key];
      await this.#admin.atomic().delete(["bots", key]).delete(beside("pause")).delete(beside("trouble")).commit();
    } else {
      this.#note(`${key} is set`);
      await this.#set(key);
    }
    const nonce = this.#random();
    // As a program does that writes beside the table; a clock that is far too slow would put the next pass off for minutes.
    if (this.#areClocksSound && nonce < 0.25) return this.#checks.changedPlainly(key, this.#time.nowMs);
    await this.#announce(key, nonce);
  }

  async #pauseOrResume(key: string): Promise<void> {
    const record = ["@pact/supervisor", '["bots"]', "pause", key];
    if (this.#checks.pausedSinceMs.has(key)) {
      this.#note(`${key} is resumed`);
      this.#checks.pausedSinceMs.delete(key);
      await this.#admin.delete(record);
    } else if (this.#desired.has(key)) {
      this.#note(`${key} is paused`);
      this.#checks.pausedSinceMs.set(key, this.#time.nowMs);
      await this.#admin.set(record, { format: 1, at: 1e12 + this.#time.nowMs });
    }
    await this.#announce(key, this.#random());
  }

  /** What always fails begins with another version. */
  async #changeHopeless(): Promise<void> {
    this.#note(`${hopelessKey} is set`);
    await this.#setHopeless();
    await this.#announce(hopelessKey, this.#random());
  }

  async #setHopeless(): Promise<void> {
    const { versionstamp } = await this.#admin.set(["bots", hopelessKey], 0);
    this.#checks.versions.set(hopelessKey, versionstamp);
  }

  async #announce(key: string, nonce: number): Promise<void> {
    await this.#admin.atomic().set(["@pact/supervisor", '["bots"]', "generation"], { format: 1, nonce })
      .set(["@pact/supervisor", '["bots"]', "log", this.#admin.commitVersionstamp()], { key, nonce, keptMs: 3_600_000 })
      .commit();
  }

  async #set(key: string): Promise<void> {
    const spec = ++this.#specs;
    this.#desired.set(key, spec);
    const { versionstamp } = await this.#admin.set(["bots", key], spec);
    this.#checks.versions.set(key, versionstamp);
  }

  /** What has expired may go, or may stay for long. */
  #sweep(): void {
    if (this.#random() < 0.2) this.#memory?.sweep();
  }

  /** When nothing happens, slots are where they belong, nothing moves, and no instance looks more often than has been said. */
  async #rest(): Promise<void> {
    const alive = this.#alive;
    const { moves, lists } = await this.#idle(alive);
    for (const { name, isStopping } of alive) if (isStopping) this.#checks.fail(`${name} has not ended when asked to`);
    if (moves > 0) this.#checks.fail(`${moves} slots have moved while nothing happened`);
    alive.forEach(({ name }, index) => {
      if (lists[index] > mostLists) {
        this.#checks.fail(`${name} has listed ${lists[index]} times while nothing happened`);
      }
    });
    for (const { name, supervisor } of alive) {
      const { length } = supervisor.snapshot().abandoned;
      if (length > 0) this.#checks.fail(`${name} names ${length} abandoned lives that have ended`);
    }
    const sessions = alive.map(({ name, cluster }) => {
      const { session } = cluster.snapshot();
      if (session === undefined) this.#checks.fail(`${name} has no session while nothing happened`);
      return session ?? "";
    });
    const owners = Array.from({ length: measures.slots }, (_, slot) => {
      return sessions[alive.findIndex(({ cluster }) => cluster.snapshot().slots.owned.includes(slot))];
    });
    await this.#checkOwners(owners);
    for (const { name, cluster } of alive) {
      for (const key of keys) {
        const [told, owner] = [cluster.ownerOf(key), owners[slotOf(key, measures.slots)]];
        if (told !== owner) this.#checks.fail(`${name} takes ${told} for the owner of ${key}, which is ${owner}`);
      }
    }
    this.#throwViolation();
  }

  /**
   * Lets six heartbeats pass in which nothing happens. That a session proves itself is something that happens, and one that was
   * in doubt may do so minutes after its start, also after the faults: it is given its share then, and the rest begins anew.
   *
   * @returns How many slots have moved, and how often each instance has listed.
   */
  async #idle(alive: readonly Instance[]): Promise<{ readonly moves: number; readonly lists: readonly number[] }> {
    for (let proven = await this.#proven(), longer = alive.length;; longer--) {
      await this.#pass(4 * heartbeatMs);
      const moves = this.#moves;
      const lists = alive.map(({ machine }) => machine.lists);
      await this.#pass(6 * heartbeatMs);
      const before = proven;
      proven = await this.#proven();
      if (proven > before && longer > 0) continue;
      return { moves: this.#moves - moves, lists: alive.map(({ machine }, index) => machine.lists - lists[index]) };
    }
  }

  /** How many sessions have proven themselves. */
  async #proven(): Promise<number> {
    const { sessions } = await this.#ledger.sessions();
    return [...sessions.values()].filter(({ isProven }) => isProven).length;
  }

  /** Every slot is where it belongs, given who owns it. */
  async #checkOwners(owners: readonly (string | undefined)[]): Promise<void> {
    const { order } = await this.#ledger.enrolments.revisions();
    const { sessions } = await this.#ledger.sessions();
    const infos = await this.#ledger.enrolments.infos([...sessions.keys()]);
    const standings = [...sessions].map(([id, { accepts, beats, isProven }]): Standing => ({
      id,
      accepts,
      isProven,
      isGrown: beats >= beatsToProve,
      rank: rankOf(order, infos.get(id)?.revision ?? ""),
      isOwner: owners.includes(id),
    }));
    const among = (some: readonly Standing[]) => place(some.map(({ id }) => id), measures.slots);
    for (const { name, isDraining, cluster } of this.#alive) {
      const { session = "" } = cluster.snapshot();
      if (isDraining && sessions.get(session)?.accepts) {
        this.#checks.fail(`${name} accepts slots, and is being drained`);
      }
    }
    homesOf(standings, owners, among).forEach((home, slot) => {
      // Only one that has proven itself is given what has a living owner.
      if (owners[slot] === home || !sessions.get(home)?.isProven) return;
      this.#checks.fail(`slot ${slot} is owned by ${owners[slot]}, not by ${home}`);
    });
  }

  /**
   * A newer revision is rolled out: what is new is given nothing before it has proven itself, and nothing that has a living
   * owner after it; then it is given what an old one leaves.
   */
  async #rollOut(): Promise<void> {
    const old = this.#alive;
    const { sessions } = await this.#ledger.sessions();
    // Beside sessions that may crash young, as one before them did, a newcomer is given slots at once: a cold start.
    if (!old.some(({ cluster }) => sessions.get(cluster.snapshot().session ?? "")?.isProven)) return;
    // What is drained may have waited for one that has proven itself.
    const drained = new Set(old.filter(({ isDraining }) => isDraining).flatMap(slotsOf));
    this.#revision = "newest";
    this.#start();
    const newcomer = this.#alive.find(({ revision }) => revision === "newest")!;
    const owned = () => slotsOf(newcomer);
    await this.#pass(1.5 * heartbeatMs);
    if (owned().length > 0) this.#checks.fail(`${newcomer.name} owns ${owned()}, and has proven nothing`);
    await this.#pass(2.5 * heartbeatMs);
    const accepting = old.filter(({ isDraining }) => !isDraining);
    const moved = owned().filter((slot) => !drained.has(slot));
    if (accepting.length > 0 && moved.length > 0) this.#checks.fail(`${newcomer.name} owns ${moved} of living owners`);
    const leaver = accepting[0];
    if (!leaver) return;
    const freed = slotsOf(leaver);
    this.#stop(leaver);
    await this.#pass(3 * heartbeatMs);
    // Where no watch and no poll tells of a free slot, the grace may be over before the newcomer looks.
    const isUntold = this.#options.seed % 4 === 0;
    for (const slot of isUntold ? [] : freed) {
      if (!owned().includes(slot)) {
        this.#checks.fail(`slot ${slot}, which an old one left, does not go to ${newcomer.name}`);
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

  /**
   * Until the database has answered every instance. One whose calls were swallowed asks again after as long as that took; what
   * is promised counts from the answer.
   */
  async #answered(): Promise<void> {
    const endMs = this.#time.nowMs + longestSilenceMs;
    const isSilent = ({ machine }: Instance) => machine.answeredMs === undefined;
    while (this.#alive.some(isSilent) && this.#time.nowMs < endMs) await this.#pass(heartbeatMs / 10);
  }

  /**
   * Every living instance has read the table since this moment, in ms. What a pass has read when its machine is stopped may be
   * delivered when that is woken, and the next pass comes as late after it as after any other.
   */
  get #sweptSinceMs(): number {
    const sinceMs = this.#time.nowMs - longestSweepMs;
    const spanned = this.#alive.flatMap(({ machine }) => machine.stops).filter(({ untilMs }) => untilMs > sinceMs);
    return Math.min(sinceMs, ...spanned.map(({ atMs }) => atMs - heartbeatMs));
  }

  /** No more faults: clocks are right, every machine is awake and reaches the database, an instance is there. */
  async #converge(): Promise<void> {
    this.#note("the faults stop");
    this.#mood.crashShare = this.#mood.slowShare = 0;
    this.#calm.resolve();
    this.#rates = noFaults;
    for (const { machine } of this.#instances.values()) {
      machine.rates = noFaults;
      machine.answeredMs = undefined;
      machine.drift(1);
      if (!machine.isDead) machine.wake();
    }
    if (this.#alive.filter(({ isStopping }) => !isStopping).length === 0) this.#start();
    await this.#answered();
    await this.#pass(2 * heartbeatMs);
    this.#checks.retired(this.#time.nowMs - 1.5 * heartbeatMs);
    await this.#pass(ttlMs);
    for (const { cluster } of this.#alive) {
      for (const slot of cluster.snapshot().slots.handingOver) this.#checks.handedOver(slot, this.#time.nowMs);
    }
    const { nowMs } = this.#time;
    this.#checks.converged(this.#desired, {
      handedOverSinceMs: nowMs - 2 * heartbeatMs,
      changedSinceMs: this.#sweptSinceMs,
    });
    await this.#pass(8 * heartbeatMs); // until nothing is handed over any more, and everything was swept
    this.#checks.converged(this.#desired);
    await this.#rest();
    await this.#rollOut();
    await this.#leave();
    for (const { failure, name } of this.#instances.values()) {
      if (failure !== undefined) this.#checks.fail(`${name} failed with ${failure}`);
    }
    this.#throwViolation();
  }
}

function slotsOf({ cluster }: Instance): readonly number[] {
  return cluster.snapshot().slots.owned;
}
