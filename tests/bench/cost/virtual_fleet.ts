/**
 * Instances on one database in virtual time, each behind a meter: an hour at rest takes seconds.
 *
 * @module
 */

import type { Clock } from "@pact/supervisor";
import { FaultyKv, hang, type KvFault, staleWatch } from "@pact/supervisor/testing";
import { turn } from "../../../src/clock.ts";
import { VirtualTime } from "../../cluster/simulation/virtual_time.ts";
import { MemoryKv } from "../../memory_kv/memory_kv.ts";
import { seededRandom } from "../../os/random.ts";
import { CostInstance, fill, nameOf, type Pace, tenantOf } from "./instance.ts";
import { MeteredKv, type RowSizes, sumUnits, type Units } from "../units.ts";

/** What a fleet is made of. */
export interface FleetOptions {
  readonly entries: number;
  /** Whether its instances are a cluster. */
  readonly isClustered: boolean;
  /** Whether a watch sees the writes of all instances, or, as on a file, of none in another OS process. */
  readonly isRemote: boolean;
  readonly pace: Pace;
  /** How many entries fail whenever they start. */
  readonly ailing?: number;
  /** How long a call takes, half of it on the way there, in ms; no time when it is left out. */
  readonly callMs?: number;
}

/** Whether what belongs to an instance still happens. */
interface Life {
  isKilled: boolean;
}

/** One instance that runs. */
export interface Member {
  readonly kv: MeteredKv;
  readonly instance: CostInstance;
  readonly life: Life;
  /** Lets it end. */
  readonly leave: () => void;
  readonly ended: Promise<void>;
}

/** How long a change is waited for at most, in ms. */
const patienceMs = 60_000;

/** How much time passes before everything that it has brought is waited for, in ms. */
const stepMs = 200;

/** After how many turns of the event loop without a call, a start or an end nothing more happens. */
const quietTurns = 10;

/** A fleet and the time it lives in. */
export class VirtualFleet implements AsyncDisposable {
  /** All instances, also those that have left. */
  readonly members: Member[] = [];
  readonly #options: FleetOptions;
  readonly #time: VirtualTime = new VirtualTime();
  readonly #random: () => number = seededRandom(1);
  readonly #sizes: RowSizes = new Map();
  readonly #database: MemoryKv;
  /** Writes as another program does. */
  readonly #writer: CostInstance;
  readonly #written: MeteredKv;

  private constructor(options: FleetOptions) {
    this.#options = options;
    this.#database = new MemoryKv({ now: () => 1e12 + this.#time.nowMs });
    const life = { isKilled: false };
    this.#written = this.#open(life);
    this.#writer = this.#instance(this.#written, false, life);
  }

  /** Makes a database with entries and no instance. */
  static async open(options: FleetOptions): Promise<VirtualFleet> {
    const fleet = new VirtualFleet(options);
    await fill(fleet.#database, options.entries);
    return fleet;
  }

  /** What was counted so far of all instances and of what `change` writes. */
  get units(): Units {
    return sumUnits([this.#written.units, ...this.members.map(({ kv }) => kv.units)]);
  }

  /** How many processes run. */
  get running(): number {
    return this.alive.reduce((sum, { instance }) => sum + instance.supervisor.keys().length, 0);
  }

  /** The instances that were not killed. */
  get alive(): Member[] {
    return this.members.filter(({ life }) => !life.isKilled);
  }

  /** How much time has passed, in ms. */
  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** Begins an instance. */
  join(): Member {
    const life = { isKilled: false };
    const kv = this.#open(life);
    const instance = this.#instance(kv, this.#options.isClustered, life);
    const { promise, resolve: leave } = Promise.withResolvers<void>();
    const member = { kv, instance, life, leave, ended: instance.run(() => promise) };
    this.members.push(member);
    return member;
  }

  /** Lets time pass, and all happen that it brings: a pass over many entries takes many turns of the event loop. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      await this.#time.pass(Math.min(stepMs, leftMs), () => {});
      await this.#settle();
    }
  }

  /** Ends an instance without its doing: no timer of it fires any more, and no call of it is made. */
  kill({ life }: Member): void {
    life.isKilled = true;
  }

  /** Reads the whole table once and returns the units that takes. */
  async listTable(): Promise<number> {
    const life = { isKilled: false };
    const kv = this.#open(life);
    const { table } = this.#instance(kv, false, life);
    await Array.fromAsync(table);
    return kv.units.reads;
  }

  /** Writes an entry, as another program does. */
  async change(index: number): Promise<void> {
    const name = nameOf(index);
    await this.#writer.table.set(name, tenantOf(name));
  }

  /**
   * Writes an entry, as another program does, and waits until its process runs as that says.
   *
   * @returns How long that took after the write was acknowledged, in ms.
   */
  async changeUntilRunning(index: number): Promise<number> {
    const name = nameOf(index);
    const before = this.#versionOf(name);
    let acknowledgedMs = Infinity;
    this.change(index).then(() => acknowledgedMs = this.#time.nowMs);
    for (const untilMs = this.#time.nowMs + patienceMs; this.#time.nowMs < untilMs;) {
      await this.#time.pass(1, () => {});
      await this.#settle();
      const version = this.#versionOf(name);
      if (version !== undefined && version !== before) return Math.max(0, this.#time.nowMs - acknowledgedMs);
    }
    throw new Error(`Cannot wait for the change of ${name}: it does not run after ${patienceMs} ms`);
  }

  /** The version with which a process runs. */
  #versionOf(name: string): unknown {
    const statuses = this.members.map(({ instance }) => instance.supervisor.status(name));
    return statuses.find((status) => status?.state === "running")?.version;
  }

  /** Crashes a process, wherever it runs. */
  crash(index: number): void {
    const name = nameOf(index);
    const owner = this.members.find(({ instance }) => instance.supervisor.status(name)?.state === "running");
    if (!owner) throw new Error(`Cannot crash ${name}: it does not run`);
    owner.instance.supervisor.get(name).crash();
  }

  /** Ends all instances. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { leave } of this.alive) leave();
    await this.pass(10_000);
    await Promise.all(this.alive.map(({ ended }) => ended));
  }

  #open(life: Life): MeteredKv {
    const { callMs } = this.#options;
    const decide = (operation: string) => {
      if (life.isKilled) return hang();
      if (operation === "watch" && !this.#options.isRemote) return staleWatch();
      return callMs === undefined ? undefined : this.#onItsWay(callMs);
    };
    return new MeteredKv(new FaultyKv(this.#database.open(), { decide }), this.#sizes);
  }

  /** Takes a call there, and its answer back; a watch only goes there once. */
  #onItsWay(callMs: number): KvFault {
    const travel = () => this.#time.until(this.#time.nowMs + callMs / 2);
    return async (call, readings = 0) => {
      if (readings === 0) await travel();
      const answer = await call();
      await travel();
      return answer;
    };
  }

  #instance(kv: MeteredKv, isClustered: boolean, life: Life): CostInstance {
    const random = this.#random;
    const newId = () => Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(16)).join("-");
    const { isRemote, pace, ailing } = this.#options;
    return new CostInstance({ kv, isClustered, isRemote, pace, ailing, clock: this.#clock(life), random, newId });
  }

  #clock(life: Life): Clock {
    const time = this.#time;
    return {
      now: () => 1e12 + time.nowMs,
      monotonic: () => time.nowMs,
      timer: (callback, delayMs) => {
        const fire = () => life.isKilled || callback();
        return { cancel: time.at(time.nowMs + Math.max(1, Math.ceil(delayMs)), fire) };
      },
    };
  }

  async #settle(): Promise<void> {
    let before = NaN;
    for (let quiet = 0; quiet < quietTurns; quiet++) {
      await turn();
      const now = this.#activity();
      if (now !== before) quiet = 0;
      before = now;
    }
  }

  /** A number that changes with every unit, every start and every end. */
  #activity(): number {
    const lives = this.members.reduce((sum, { instance }) => sum + instance.lives, 0);
    const { reads, writes, watched } = this.units;
    return lives + reads + writes + watched;
  }
}
