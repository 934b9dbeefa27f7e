/**
 * One simulated instance of the program: a machine, a cluster, a supervisor.
 *
 * @module
 */

import type { chain, Runnable, Supervisor } from "@pact/supervisor";
import type { Cluster, ClusterEvent } from "@pact/supervisor/cluster";
import type { KvTable } from "@pact/supervisor/kv";
import type { FaultyKv } from "@pact/supervisor/testing";
import { Bot, type Mood, optionsOf, type Registry } from "./bot.ts";
import { Machine, type MachineOptions } from "./machine.ts";

/** The code that is simulated: the library, or a mutant of it. */
export interface Library {
  readonly Cluster: typeof Cluster;
  readonly Supervisor: typeof Supervisor;
  readonly KvTable: typeof KvTable;
  readonly chain: typeof chain;
}

/** The measures of the simulated cluster. */
export const measures = { heartbeatMs: 5_000, ttlMs: 15_000, slots: 8, stopTimeoutMs: 4_000, sweepMs: 30_000 } as const;

export interface InstanceOptions extends MachineOptions {
  readonly name: string;
  readonly revision: string;
  readonly watchSees: "everybody" | "this process";
  readonly library: Library;
  readonly kv: Deno.Kv;
  readonly registry: Registry;
  readonly mood: Mood;
  readonly heard: (instance: Instance, event: ClusterEvent) => void;
}

/** An instance, from its start until it is killed or has ended by itself. */
export class Instance {
  readonly name: string;
  readonly revision: string;
  readonly machine: Machine;
  readonly cluster: Cluster;
  readonly supervisor: Supervisor<string, Runnable>;
  /** The sessions and tokens of claims whose session is over, as it has announced by itself. */
  readonly voidTokens: Set<string> = new Set();
  isStopping = false;
  hasEnded = false;
  failure: unknown = undefined;
  #drain: AbortController | undefined = undefined;
  readonly #kv: FaultyKv;
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(options: InstanceOptions) {
    const { name, revision, library: { Cluster, Supervisor, KvTable, chain }, random, watchSees, heard } = options;
    this.name = name;
    this.revision = revision;
    const machine = this.machine = new Machine(options);
    const kv = this.#kv = machine.connect(options.kv);
    const { stopTimeoutMs, sweepMs: _, ...cluster } = measures;
    const newId = () => Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(16)).join("-");
    this.cluster = new Cluster(kv, {
      ...cluster,
      clock: machine,
      random,
      newId,
      revision,
      watchSees,
      allowLocal: true,
    });
    const { heartbeatMs, sweepMs } = measures;
    const table = new KvTable<string, number, Runnable>(kv, {
      prefix: ["bots"],
      clock: machine,
      random,
      timeoutMs: heartbeatMs / 2,
      pollMs: heartbeatMs,
      sweepMs,
      options: (_spec, key) => optionsOf(key, options.mood),
      create: (spec, key, { claim }) => {
        if (!claim) throw new Error(`The process ${key} was built without a claim`);
        const { registry, mood } = options;
        return new Bot({
          key,
          spec,
          slots: measures.slots,
          instance: name,
          claim,
          kv,
          machine,
          random,
          registry,
          mood,
          paceMs: 2 * heartbeatMs,
        });
      },
    });
    const supervisor = this.supervisor = new Supervisor(this.cluster.own(table), {
      clock: machine,
      random,
      stopTimeoutMs,
      restart: { minDelayMs: 100, maxDelayMs: 1_000 },
    });
    supervisor.subscribe((event) => {
      if (event.type === "abandoned") options.registry.abandoned(event.key, name);
    });
    const tokens: string[] = [];
    let session = "";
    this.cluster.subscribe((event) => {
      if (event.type === "session-joined" && event.isSelf) session = event.session;
      if (event.type === "slot-claimed") tokens.push(`${session} ${event.token}`);
      const isOver = event.type === "session-fenced" || (event.type === "session-left" && event.isSelf);
      if (isOver) { for (const token of tokens.splice(0)) this.voidTokens.add(token); }
      heard(this, event);
    });
    chain(this.cluster, supervisor)
      .run(() => this.#stopping.promise, { signal: new AbortController().signal })
      .catch((error) => this.failure = error)
      .then(() => this.hasEnded = true);
  }

  /** Whether it executes now. */
  get isAwake(): boolean {
    return !this.machine.isDead && !this.machine.isPaused;
  }

  /** Lets go of every process that is stuck, unless too many lives of its key go on already. */
  abandonStuck(): void {
    for (const { key, state } of this.supervisor.snapshot().processes) {
      const { abandoned } = this.supervisor.snapshot();
      if (state === "stuck" && abandoned.filter((life) => life.key === key).length < 3) this.supervisor.abandon(key);
    }
  }

  /** Whether it is being drained. */
  get isDraining(): boolean {
    return this.#drain !== undefined;
  }

  /** Drains it. */
  drain(answered: (isForced: boolean) => void): void {
    const drain = this.#drain = new AbortController();
    this.machine.deliver(() => {
      if (this.isStopping || this.hasEnded) return;
      this.cluster.drain({ signal: drain.signal }).then(() => answered(false), () => answered(true));
    });
  }

  /** Has it accept slots again. */
  refill(): void {
    const drain = this.#drain;
    this.#drain = undefined;
    this.machine.deliver(() => drain?.abort());
  }

  /** Asks it to end by itself. */
  stop(): void {
    this.isStopping = true;
    this.machine.deliver(() => this.#stopping.resolve());
  }

  kill(): void {
    this.machine.kill();
    this.#kv.cutWatches(new Error("killed"));
  }
}
