/**
 * One simulated history of instances with different numbers of slots, which start at about the same time while calls fail: at
 * no moment do two that cannot work together own anything, and in the end those with one number are in and the others wait.
 *
 * @module
 */

import type { Cluster, ClusterEvent } from "@pact/supervisor/cluster";
import type { FaultyKv } from "@pact/supervisor/testing";
import { MemoryKv } from "../../memory_kv/memory_kv.ts";
import { seededRandom } from "../../os/random.ts";
import { Violation } from "./checks.ts";
import { type Library, measures } from "./instance.ts";
import { Machine, noFaults } from "./machine.ts";
import { VirtualTime } from "./virtual_time.ts";

const { heartbeatMs, ttlMs } = measures;
/** The numbers of slots that there are. */
const numbers = [4, 6, 8];
/** For how long calls fail, in ms. */
const stormMs = 8 * heartbeatMs;
/** How long after that those who are in must be, and those who wait must have noticed that they may go on, in ms. */
const calmMs = 3 * ttlMs;

/** One instance, without processes. */
class Instance {
  readonly owned: Set<number> = new Set();
  isStopping = false;
  hasEnded = false;
  failure: unknown = undefined;
  readonly machine: Machine;
  readonly cluster: Cluster;
  readonly #kv: FaultyKv;
  readonly #stopping: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(library: Library, readonly name: string, readonly slots: number, machine: Machine, kv: Deno.Kv) {
    this.machine = machine;
    this.#kv = machine.connect(kv);
    const random = seededRandom(name.charCodeAt(0) + machine.monotonic());
    const newId = () => `${name}-${Math.floor(random() * 2 ** 32).toString(16)}`;
    const options = { clock: machine, random, newId, slots, heartbeatMs, ttlMs, allowLocal: true };
    this.cluster = new library.Cluster(this.#kv, options);
    this.cluster.subscribe((event) => this.#heard(event));
    this.cluster.run(() => this.#stopping.promise)
      .catch((error) => this.failure = error)
      .then(() => this.hasEnded = true);
  }

  /** Whether it may act on what it owns. */
  get isOwner(): boolean {
    return this.owned.size > 0 && !this.isStopping;
  }

  stop(): void {
    this.isStopping = true;
    this.#stopping.resolve();
  }

  kill(): void {
    this.machine.kill();
    this.#kv.cutWatches(new Error("killed"));
  }

  #heard(event: ClusterEvent): void {
    if (event.type === "slot-claimed") this.owned.add(event.slot);
    else if (event.type === "slot-released") this.owned.delete(event.slot);
    else if (event.type === "session-fenced") this.owned.clear();
  }
}

/**
 * Makes a history and checks it at every moment.
 *
 * @throws {Violation} When a promise was broken; its message tells the seed.
 */
export async function simulateMismatch(library: Library, seed: number): Promise<void> {
  const time = new VirtualTime();
  const random = seededRandom(seed);
  const calm = Promise.withResolvers<void>();
  const kv = new MemoryKv({ now: () => 1e12 + time.nowMs });
  const instances: Instance[] = [];
  const fail = (what: string): never => {
    throw new Violation(`Seed ${seed}: ${what}`);
  };
  const momentEnds = () => {
    const owners = instances.filter(({ isOwner }) => isOwner);
    const other = owners.find(({ slots }) => slots !== owners[0].slots);
    if (other) fail(`${owners[0].name} and ${other.name} own slots, of ${owners[0].slots} and of ${other.slots}`);
  };
  const machine = () => {
    const made = new Machine({
      time,
      random,
      rate: 1 + 0.2 * (Math.floor(random() * 3) - 1),
      slowMs: heartbeatMs / 2,
      lateMs: ttlMs,
      isDeaf: random() < 0.5,
      givesUp: random() < 0.5,
      calm: calm.promise,
    });
    const worst = random() * 0.15;
    const rate = () => random() * worst;
    const [hang, landLate, slow, loseReply, deny] = [rate(), rate(), 2 * rate(), rate(), rate()];
    made.rates = { ...noFaults, hang, landLate, slow, loseReply, deny, lock: rate(), cut: rate() };
    return made;
  };
  /** Checks that those with one number are in, and that the others wait without a record. */
  const settled = async () => {
    await time.pass(calmMs, momentEnds);
    const live = instances.filter(({ isStopping }) => !isStopping);
    const inside = live.filter(({ cluster }) => cluster.snapshot().state === "member");
    if (live.length > 0 && !inside.some(({ isOwner }) => isOwner)) fail("no instance owns anything");
    for (const { name, slots } of live) {
      const isInside = inside.some((each) => each.name === name);
      if (isInside !== (slots === inside[0].slots)) fail(`${name} with ${slots} slots is in: ${isInside}`);
    }
    const rows = await Array.fromAsync(kv.list({ prefix: ["@pact/supervisor", '["cluster"]', "session"] }));
    if (rows.length - 1 !== inside.length) fail(`${rows.length - 1} sessions are there, of ${inside.length} instances`);
    return inside;
  };
  try {
    for (const name of ["a", "b", "c", "d", "e"].slice(0, 2 + Math.floor(random() * 4))) {
      instances.push(new Instance(library, name, numbers[Math.floor(random() * numbers.length)], machine(), kv));
      if (random() < 0.4) await time.pass(random() * heartbeatMs, momentEnds);
    }
    await time.pass(stormMs, momentEnds);
    calm.resolve();
    for (const each of instances) each.machine.rates = noFaults;
    for (let inside = await settled(); inside.length > 0; inside = await settled()) {
      for (const each of inside) each.stop();
    }
    for (const { name, hasEnded, failure } of instances) {
      if (!hasEnded || failure !== undefined) fail(`${name} has not ended as it should: ${failure}`);
    }
  } finally {
    for (const each of instances) each.kill();
    await time.settle();
  }
}
