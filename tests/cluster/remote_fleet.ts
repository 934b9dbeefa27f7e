/**
 * Instances in one OS process, each with a handle of its own on a remote database, and what runs where.
 *
 * @module
 */

import { chain, leaf, type Runnable, Supervisor } from "@pact/supervisor";
import { Cluster, type ClusterEvent } from "@pact/supervisor/cluster";
import { type Claim, KvTable } from "@pact/supervisor/kv";
import type { RemoteDatabase } from "../kv_connect/remote_database.ts";

export const measures = { heartbeatMs: 400, ttlMs: 1_600, slots: 16 } as const;

/** One life of a process. */
interface Life {
  readonly key: string;
  readonly instance: number;
  readonly signal: AbortSignal;
}

/** What the processes of all instances did. */
export class Observations {
  readonly lives: Set<Life> = new Set();
  /** Two processes of a key at once, neither of them told to end. */
  readonly overlaps: string[] = [];
  /** Guarded writes that landed and that were refused. */
  landed = 0;
  refused = 0;

  begin(life: Life): void {
    for (const other of this.lives) {
      const isOther = other.key === life.key && !other.signal.aborted;
      if (isOther) this.overlaps.push(`${life.key} runs in ${other.instance} and in ${life.instance}`);
    }
    this.lives.add(life);
  }

  /** The instances in which each key runs. */
  running(): Map<string, number[]> {
    const running = new Map<string, number[]>();
    for (const { key, instance, signal } of this.lives) {
      if (!signal.aborted) running.set(key, [...running.get(key) ?? [], instance]);
    }
    return running;
  }
}

/** One instance, until it is disposed of. */
export class RemoteInstance implements AsyncDisposable {
  readonly events: ClusterEvent[] = [];
  readonly cluster: Cluster;
  readonly #kv: Deno.Kv;
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #running: Promise<void>;

  private constructor(kv: Deno.Kv, number: number, observations: Observations) {
    this.#kv = kv;
    this.cluster = new Cluster(kv, { ...measures, allowLocal: true });
    this.cluster.subscribe((event) => this.events.push(event));
    const table = new KvTable<string, null, Runnable>(kv, {
      prefix: ["bots"],
      timeoutMs: measures.heartbeatMs,
      create: (_spec, key, { claim }) => writer(kv, key, number, claim!, observations),
    });
    const supervisor = new Supervisor(this.cluster.own(table), { restart: { minDelayMs: 50, maxDelayMs: 200 } });
    supervisor.subscribe(() => {});
    const program = chain(this.cluster, supervisor);
    this.#running = program.run(() => this.#stopping.promise, { signal: new AbortController().signal });
  }

  static async start(server: RemoteDatabase, number: number, observations: Observations): Promise<RemoteInstance> {
    return new RemoteInstance(await server.open(), number, observations);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.resolve();
    await this.#running;
    this.#kv.close();
  }
}

/** Writes with its claim until it is told to end. */
function writer(kv: Deno.Kv, key: string, instance: number, claim: Claim, observations: Observations): Runnable {
  return leaf(async (signal) => {
    const life = { key, instance, signal };
    observations.begin(life);
    try {
      while (!signal.aborted) {
        kv.atomic().check(claim.check).set(["out", key], claim.token).commit().then(
          ({ ok }) => ok ? observations.landed++ : observations.refused++,
          () => {}, // neither: it may have landed
        );
        await sleep(250, signal);
      }
    } finally {
      observations.lives.delete(life);
    }
  });
}

/** Waits in real time. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(id);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const id = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
