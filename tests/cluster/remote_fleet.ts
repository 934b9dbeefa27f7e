/**
 * Instances in one OS process, each with a handle of its own on a remote database, and what runs where.
 *
 * @module
 */

import { chain, leaf, type Runnable, Supervisor } from "@pact/supervisor";
import { Cluster, type ClusterEvent, type ClusterOptions } from "@pact/supervisor/cluster";
import { type Claim, KvTable } from "@pact/supervisor/kv";
import type { RemoteDatabase } from "../kv_connect/remote_database.ts";

export const measures = { heartbeatMs: 400, ttlMs: 1_600, slots: 16 } as const;

/** One life of a process. */
interface Life {
  readonly key: string;
  readonly instance: number;
  /** What the entry said that it was built from. */
  readonly spec: unknown;
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

  /** What each key that runs was built from: several times if it runs several times. */
  specs(): Map<string, unknown[]> {
    const specs = new Map<string, unknown[]>();
    for (const { key, spec, signal } of this.lives) {
      if (!signal.aborted) specs.set(key, [...specs.get(key) ?? [], spec]);
    }
    return specs;
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

  private constructor(kv: Deno.Kv, number: number, observations: Observations, options: ClusterOptions) {
    this.#kv = kv;
    this.cluster = new Cluster(kv, { ...measures, allowLocal: true, ...options });
    this.cluster.subscribe((event) => this.events.push(event));
    const table = new KvTable<string, unknown, Runnable>(kv, {
      prefix: ["bots"],
      timeoutMs: measures.heartbeatMs,
      create: (spec, key, { claim }) => writer(kv, { key, instance: number, spec }, claim!, observations),
    });
    const supervisor = new Supervisor(this.cluster.own(table), { restart: { minDelayMs: 50, maxDelayMs: 200 } });
    supervisor.subscribe(() => {});
    const program = chain(this.cluster, supervisor);
    this.#running = program.run(() => this.#stopping.promise, { signal: new AbortController().signal });
  }

  static async start(
    server: Pick<RemoteDatabase, "open">,
    number: number,
    observations: Observations,
    options: ClusterOptions = {},
  ): Promise<RemoteInstance> {
    return new RemoteInstance(await server.open(), number, observations, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.resolve();
    await this.#running;
    this.#kv.close();
  }
}

/** Writes with its claim until it is told to end: what it is, and which session wrote when. */
function writer(kv: Deno.Kv, of: Omit<Life, "signal">, claim: Claim, observations: Observations): Runnable {
  const { key } = of, session = claim.check.key.at(-1);
  return leaf(async (signal) => {
    const life = { ...of, signal };
    observations.begin(life);
    try {
      while (!signal.aborted) {
        const write = kv.atomic().check(claim.check).set(["out", key], claim.token);
        write.set(["written", key, kv.commitVersionstamp()], session).commit().then(
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
