/**
 * One instance of the program whose cost is measured, in virtual time or in an OS process.
 *
 * @module
 */

import {
  chain,
  type Clock,
  type RunCallback,
  type Runnable,
  type RunOptions,
  Supervisor,
  UnrecoverableError,
} from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable, type WatchSees } from "@pact/supervisor/kv";

/** What is stored of a tenant. */
export interface Tenant {
  readonly url: string;
  readonly everyMs: number;
  readonly note: string;
}

/** How often the instance looks and beats; the defaults of the library where nothing is given. */
export interface Pace {
  readonly intervalMs?: number;
  readonly heartbeatMs?: number;
  readonly ttlMs?: number;
}

/** What an instance is made of. */
export interface CostInstanceOptions {
  readonly kv: Deno.Kv;
  readonly isClustered: boolean;
  /** Whether a watch sees the writes of all instances, as on a remote database. */
  readonly isRemote: boolean;
  readonly pace: Pace;
  /** How many of the first tenants fail whenever they start: every other one for good, so that it is parked. */
  readonly ailing?: number;
  /** The path of a file that others open too. */
  readonly path?: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly newId?: () => string;
}

/** Where the tenants live. */
export const prefix = ["tenants"];

/** How many bytes the row of a tenant takes. */
export const rowSize = 150;

/** Names a tenant. */
export function nameOf(index: number): string {
  return `tenant-${String(index).padStart(6, "0")}`;
}

/** Returns what a tenant fails with, if it is one of so many that do. */
function ailmentOf(name: string, ailing: number): Error | undefined {
  const index = Number(name.slice("tenant-".length));
  if (index >= ailing) return undefined;
  return index % 2 === 0 ? new Error("the server answered 500") : new UnrecoverableError("the token is refused");
}

/** Makes what is stored of a tenant. */
export function tenantOf(name: string): Tenant {
  return { url: `https://${name}.example/updates`, everyMs: 5_000, note: "-".repeat(57) };
}

/** Writes tenants to an empty database, straight, as a restored backup is: nothing announces them. */
export async function fill(kv: Deno.Kv, entries: number): Promise<void> {
  for (let from = 0; from < entries; from += 500) {
    const atomic = kv.atomic();
    for (let index = from; index < Math.min(entries, from + 500); index++) {
      atomic.set([...prefix, nameOf(index)], tenantOf(nameOf(index)));
    }
    await atomic.commit();
  }
}

/** A process that runs until it is stopped or told to crash. */
export class Bot implements Runnable {
  readonly #changed: () => void;
  readonly #ailment: Error | undefined;
  #crash: (error: Error) => void = () => {};

  /**
   * @param changed Is called when it starts, and when it ends by being stopped.
   * @param ailment What it fails with as soon as it starts.
   */
  constructor(changed: () => void, ailment?: Error) {
    this.#changed = changed;
    this.#ailment = ailment;
  }

  run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    this.#changed();
    if (this.#ailment) return Promise.reject(this.#ailment);
    return new Promise<void>((resolve, reject) => {
      this.#crash = reject;
      Promise.resolve(running(signal)).then(() => {
        this.#changed();
        resolve();
      }, reject);
    });
  }

  crash(): void {
    this.#crash(new Error("crashed"));
  }
}

/** An instance that has not begun. */
export class CostInstance {
  readonly table: KvTable<string, Tenant, Bot>;
  readonly supervisor: Supervisor<string, Bot>;
  /** How often a process has started, or ended because it was stopped. */
  lives = 0;
  readonly #program: Runnable;

  constructor({ kv, isClustered, isRemote, pace, ailing = 0, ...common }: CostInstanceOptions) {
    const { path, clock, random, newId } = common;
    const { intervalMs, heartbeatMs, ttlMs } = pace;
    const watchSees: WatchSees = isRemote ? "everybody" : "this process";
    const allowLocal = path === undefined;
    const options = { clock, random, newId, path, allowLocal, heartbeatMs, ttlMs, watchSees };
    const cluster = isClustered ? new Cluster(kv, options) : undefined;
    const create = (_tenant: Tenant, name: string) => new Bot(() => this.lives++, ailmentOf(name, ailing));
    const owned = cluster?.table<string, Tenant, Bot>(kv, { prefix, create });
    this.table = owned?.whole ?? new KvTable(kv, { prefix, clock, random, create, watchSees });
    // Without jitter, so that so many periods have as many passes.
    this.supervisor = new Supervisor(owned ?? this.table, { clock, random: () => 0.5, intervalMs });
    this.supervisor.subscribe(() => {});
    cluster?.subscribe(() => {});
    this.#program = cluster ? chain(cluster, this.supervisor) : this.supervisor;
  }

  /** Runs until the callback settles. */
  run(callback: () => Promise<void>): Promise<void> {
    return this.#program.run(callback, { signal: new AbortController().signal });
  }
}
