/**
 * Several members of a cluster in one OS process: each with a handle of its own on one file, a cluster and a supervisor.
 *
 * @module
 */

import {
  chain,
  type RunCallback,
  type Runnable,
  type RunOptions,
  Supervisor,
  type SupervisorEvent,
} from "@pact/supervisor";
import { Cluster, type ClusterEvent } from "@pact/supervisor/cluster";
import { type Claim, KvTable } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";

/** How fast the clusters are. */
export const pace = { heartbeatMs: 1_000, ttlMs: 5_000 } as const;

/** The processes. */
export const keys: readonly string[] = Array.from({ length: 200 }, (_, i) => `p${i}`);

/** How long a process takes to stop. */
const stopMs = 20;

/** A process that flushes when it is stopped: a write that its claim must still be good for. */
class Flusher implements Runnable {
  constructor(readonly kv: Deno.Kv, readonly key: string, readonly claim: Claim, readonly flushes: boolean[]) {}

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    await running(signal);
    await delay(stopMs, { signal });
    this.flushes.push(await this.#flush());
  }

  async #flush(): Promise<boolean> {
    for (;;) {
      try {
        return (await this.kv.atomic().check(this.claim.check).set(["flushed", this.key], 0).commit()).ok;
      } catch (error) {
        if (!(error instanceof Error && error.message.includes("database is locked"))) throw error;
        await delay(Math.random() * 5);
      }
    }
  }
}

/** One member. */
export class Member {
  readonly cluster: Cluster;
  readonly supervisor: Supervisor<string, Flusher>;
  readonly clusterEvents: ClusterEvent[] = [];
  readonly events: SupervisorEvent<string>[] = [];
  /** Whether each flush was accepted. */
  readonly flushes: boolean[] = [];
  readonly #stopping = Promise.withResolvers<void>();
  readonly #run: Promise<void>;

  /**
   * @param kv A handle of its own.
   * @param path The file.
   */
  constructor(kv: Deno.Kv, path: string) {
    const table = new KvTable<string, null, Flusher>(kv, {
      prefix: ["flushers"],
      create: (_spec, key, { claim }) => new Flusher(kv, key, claim!, this.flushes),
    });
    this.cluster = new Cluster(kv, { path, ...pace });
    this.supervisor = new Supervisor(this.cluster.own(table));
    this.cluster.subscribe((event) => this.clusterEvents.push(event));
    this.supervisor.subscribe((event) => this.events.push(event));
    this.#run = chain(this.cluster, this.supervisor).run(() => this.#stopping.promise, {
      signal: new AbortController().signal,
    });
  }

  /** The keys of what runs. */
  get running(): string[] {
    return this.supervisor.snapshot().processes.filter(({ state }) => state === "running").map(({ key }) => key);
  }

  /** What must not happen while members come and go: force, failures, refused flushes, claims that are lost. */
  get mishaps(): unknown[] {
    return [
      ...this.events.filter((event) => event.type === "exited" && (event.isForced || event.outcome !== "stopped")),
      ...this.events.filter(({ type }) => type.endsWith("failed") || type === "stuck"),
      ...this.clusterEvents.filter(({ type }) => ["session-fenced", "session-dead", "cluster-failed"].includes(type)),
      ...this.clusterEvents.filter((event) => event.type === "slot-released" && event.cause === "lost"),
      ...this.flushes.filter((isAccepted) => !isAccepted).map(() => "a flush was refused"),
    ];
  }

  /** Stops it gracefully. */
  async stop(): Promise<void> {
    this.#stopping.resolve();
    await this.#run;
  }
}
