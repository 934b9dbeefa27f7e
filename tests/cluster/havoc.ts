/**
 * Instances in OS processes that are killed, paused and restarted at random.
 *
 * @module
 */

import { nop } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { Program } from "../os/program.ts";
import { chaosTable, keys, type Pace, pace, type Shown } from "./chaos.ts";

/** How many instances there are. */
const size = 5;
/** How many of them work undisturbed at any time: without a live one nothing is taken over. */
const minUndisturbed = 2;
/** How long it is quiet between two deeds. */
const quietMs = { min: 300, max: 1_700 } as const;

/** How long it may take until everything runs, in ms. */
const patienceMs = 20_000;
/** After how many heartbeats at most an instance that follows one that was killed young is trusted with slots. */
const doubtedBeats = 50;

/** Something that was done to an instance, or to the server of the database. */
export interface Deed {
  readonly what: "kill" | "pause" | "restart" | "server kill" | "server pause";
  /** The instance; `""` for the server. */
  readonly owner: string;
  readonly at: number;
}

/** A server that can be disturbed. */
export interface DisturbableServer {
  stop(): Promise<void>;
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

/** One instance. */
export class ChaosInstance extends Program {
  isDisturbed = false;

  constructor(path: string, readonly owner: string, { heartbeatMs, ttlMs }: Pace = pace) {
    super("tests/cluster/chaos_program.ts", path, owner, JSON.stringify({ heartbeatMs, ttlMs }));
  }

  /** Whether it has joined and runs something. */
  get isUp(): boolean {
    return this.#address !== undefined;
  }

  /** Says which processes run in it. */
  async running(): Promise<readonly string[]> {
    return (await this.shown()).running;
  }

  /** Says what it shows of itself: nothing until it is up. */
  async shown(): Promise<Shown> {
    if (this.#address === undefined) return { running: [], pendingCalls: 0, rows: 0 };
    const response = await fetch(this.#address);
    return await response.json();
  }

  get #address(): string | undefined {
    return this.lines.find((line) => line.startsWith("instance: listening on "))?.split(" ").at(-1);
  }
}

/** Does to instances what happens to them. Disposing of it kills them all. */
export class Havoc implements AsyncDisposable {
  readonly deeds: Deed[] = [];
  /** All instances that there ever were. */
  readonly instances: ChaosInstance[] = [];
  /** What ended with another exit code than 0 although it was asked to end. */
  readonly failed: ChaosInstance[] = [];
  live: ChaosInstance[] = [];
  readonly #path: string;
  readonly #random: () => number;
  readonly #server: DisturbableServer | undefined;
  #isServerDisturbed = false;
  /** How many instances are being restarted. */
  #restarts = 0;

  /**
   * @param path The path or URL of the database.
   * @param random Chance.
   * @param server What answers at the URL; it is disturbed, too.
   */
  constructor(path: string, random: () => number, server?: DisturbableServer) {
    this.#path = path;
    this.#random = random;
    this.#server = server;
    for (let i = 0; i < size; i++) this.#start();
  }

  /** Goes on until a moment; all are awake again when it resolves. */
  async wreak(untilAt: number): Promise<void> {
    const deeds: Promise<void>[] = [];
    while (Date.now() < untilAt) {
      await delay(this.#between(quietMs.min, quietMs.max));
      const free = this.live.filter(({ isUp, isDisturbed }) => isUp && !isDisturbed);
      const victim = free[Math.floor(this.#random() * free.length)];
      const chance = this.#random();
      if (this.#server && this.#random() < 0.25) {
        if (this.#isCalm) deeds.push(this.#disturb(this.#server));
      } else if (free.length <= minUndisturbed) continue;
      else if (chance < 0.35) deeds.push(this.#kill(victim));
      else if (chance < 0.75) deeds.push(this.#pause(victim, this.#between(0, 2 * pace.ttlMs)));
      else if (!this.#isServerDisturbed) deeds.push(this.#restart(victim));
    }
    await Promise.all(deeds);
  }

  /** Whether the server may be disturbed: a clean end of an instance needs it. */
  get #isCalm(): boolean {
    return !this.#isServerDisturbed && this.#restarts === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance[Symbol.asyncDispose]()));
  }

  #start(): void {
    const instance = new ChaosInstance(this.#path, String(this.instances.length + 1));
    this.instances.push(instance);
    this.live.push(instance);
  }

  async #kill(victim: ChaosInstance): Promise<void> {
    this.#note("kill", victim);
    await victim.end("SIGKILL");
    this.#replace(victim);
  }

  async #pause(victim: ChaosInstance, forMs: number): Promise<void> {
    this.#note("pause", victim);
    victim.isDisturbed = true;
    victim.signal("SIGSTOP");
    await delay(forMs);
    victim.signal("SIGCONT");
    victim.isDisturbed = false;
  }

  async #restart(victim: ChaosInstance): Promise<void> {
    this.#note("restart", victim);
    victim.isDisturbed = true;
    this.#restarts++;
    if ((await victim.end("SIGINT")).code !== 0) this.failed.push(victim);
    this.#restarts--;
    this.#replace(victim);
  }

  async #disturb(server: DisturbableServer): Promise<void> {
    this.#isServerDisturbed = true;
    const forMs = this.#between(0, 2 * pace.ttlMs);
    if (this.#random() < 0.5) {
      this.#note("server kill");
      await server.stop();
      await delay(forMs);
      await server.restart();
    } else {
      this.#note("server pause");
      server.freeze();
      await delay(forMs);
      server.thaw();
    }
    this.#isServerDisturbed = false;
  }

  #replace(victim: ChaosInstance): void {
    this.live = this.live.filter((instance) => instance !== victim);
    this.#start();
  }

  #note(what: Deed["what"], instance?: ChaosInstance): void {
    this.deeds.push({ what, owner: instance?.owner ?? "", at: Date.now() });
  }

  #between(min: number, max: number): number {
    return min + this.#random() * (max - min);
  }
}

/** Waits until every process runs in one instance only. Returns how many run in each. */
export async function runningOnce(instances: readonly ChaosInstance[], expectedKeys = keys): Promise<number[]> {
  const expected = JSON.stringify(expectedKeys.toSorted());
  const endsAt = Date.now() + patienceMs;
  for (;;) {
    const running = await Promise.all(instances.map((instance) => instance.running()));
    if (JSON.stringify(running.flat().sort()) === expected) return running.map(({ length }) => length);
    if (Date.now() > endsAt) throw new Error(`Not all runs once, but: ${JSON.stringify(running)}`);
    await delay(50);
  }
}

/** Waits until every process runs in one instance only, and something in every instance. */
export async function converged(instances: readonly ChaosInstance[], expectedKeys = keys): Promise<void> {
  const endsAt = Date.now() + patienceMs + doubtedBeats * pace.heartbeatMs;
  while ((await runningOnce(instances, expectedKeys)).includes(0)) {
    if (Date.now() > endsAt) throw new Error("Not every instance runs something");
    await delay(50);
  }
}

/** Writes an entry for each key. */
export async function fill(kv: Deno.Kv, expectedKeys = keys): Promise<void> {
  const table = chaosTable(kv, () => nop);
  for (const key of expectedKeys) await table.set(key, null);
}

/** Runs a test over a file with all entries, in a directory of its own. */
export async function withDatabase(test: (kv: Deno.Kv, path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "chaos_" });
  const path = `${directory}/chaos.sqlite3`;
  try {
    using kv = await Deno.openKv(path);
    await fill(kv);
    await test(kv, path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
