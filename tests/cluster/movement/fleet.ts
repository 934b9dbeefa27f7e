/**
 * A fleet without faults of the network in virtual time, and how its slots move: who owns each at every moment, and for how
 * long none does.
 *
 * @module
 */

import { Cluster, slotOf } from "@pact/supervisor/cluster";
import { MemoryKv } from "../../memory_kv/memory_kv.ts";
import { seededRandom } from "../../os/random.ts";
import { Machine } from "../simulation/machine.ts";
import { VirtualTime } from "../simulation/virtual_time.ts";

/** The slots, as many as by default. */
const slots = 256;

/** One instance, from its start until it is killed or has left. */
export interface Member {
  readonly name: string;
  readonly cluster: Cluster;
  /** The slots that it owns, to its knowledge. */
  readonly owned: Set<number>;
  readonly ended: Promise<void>;
  readonly kill: () => void;
  readonly stop: () => void;
}

/** Instances on one database, with all options of a cluster at their defaults. */
export class Fleet {
  readonly time: VirtualTime = new VirtualTime();
  /** Those that run. */
  readonly members: Set<Member> = new Set();
  /** How often each slot was taken. */
  readonly moves: number[] = new Array(slots).fill(0);
  /** The largest part of all slots that one instance has owned since it was last set. */
  largestShare = 0;
  readonly #database: MemoryKv = new MemoryKv({ now: () => 1e12 + this.time.nowMs });
  readonly #random: () => number;
  #started = 0;
  #seenMs = 0;
  /** How many slots no instance owns. */
  unowned: number = slots;
  /** Whether it ends: nothing is started again. */
  isEnding = false;
  #unownedMs = 0;
  #heldMs = 0;
  /** For how long one instance has owned more than half of the slots, at a stretch, at most. */
  longestHalfMs = 0;
  #halfSinceMs: number | undefined = undefined;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  /** Starts an instance. */
  start(revision = ""): Member {
    const { time } = this;
    const random = seededRandom(Math.floor(this.#random() * 2 ** 31));
    const calm = Promise.resolve();
    const machine = new Machine({ time, random, rate: 1, slowMs: 0, lateMs: 0, isDeaf: false, givesUp: false, calm });
    const newId = () => Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(16)).join("-");
    const kv = machine.connect(this.#database);
    const cluster = new Cluster(kv, {
      clock: machine,
      random,
      newId,
      revision,
      watchSees: "everybody",
      allowLocal: true,
    });
    const owned = new Set<number>();
    cluster.subscribe((event) => {
      if (event.type === "slot-claimed") {
        owned.add(event.slot);
        this.moves[event.slot]++;
      } else if (event.type === "slot-released") owned.delete(event.slot);
      else if (event.type === "session-fenced" || (event.type === "session-left" && event.isSelf)) owned.clear();
    });
    const [stopping, killed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const end = () => {
      owned.clear();
      this.members.delete(member);
    };
    const member: Member = {
      name: `I${++this.#started}`,
      cluster,
      owned,
      ended: Promise.race([killed.promise, cluster.run(() => stopping.promise).then(end)]),
      kill: () => {
        killed.resolve();
        machine.kill();
        kv.cutWatches(new Error("killed"));
        end();
      },
      stop: () => stopping.resolve(),
    };
    this.members.add(member);
    return member;
  }

  /** The part of the time of all slots since the last call in which none owned them. */
  takeUnownedShare(): number {
    const share = this.#unownedMs / (this.#heldMs + this.#unownedMs);
    this.#unownedMs = this.#heldMs = 0;
    return share;
  }

  /** Moves per key since the last call, of 60 keys. */
  takeMovesPerKey(): number {
    const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);
    const moves = keys.reduce((sum, key) => sum + this.moves[slotOf(key, slots)], 0);
    this.moves.fill(0);
    return moves / keys.length;
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.time.pass(ms, () => this.#momentEnds());
    this.#momentEnds();
  }

  /** Calls back when some time has passed, from when on the call is made. */
  after(ms: number, callback: () => void): void {
    this.time.at(this.time.nowMs + ms, callback);
  }

  /** Ends all instances. */
  async end(): Promise<void> {
    this.isEnding = true;
    await this.pass(70_000); // until what is to be killed was killed
    for (const { stop } of this.members) stop();
    const ended = [...this.members].map((member) => member.ended);
    await this.pass(60_000);
    await Promise.all(ended);
  }

  #momentEnds(): void {
    const { nowMs } = this.time;
    const ms = nowMs - this.#seenMs;
    this.#unownedMs += ms * this.unowned;
    this.#heldMs += ms * (slots - this.unowned);
    this.#seenMs = nowMs;
    const shares = [...this.members].map(({ owned }) => owned.size);
    this.unowned = slots - shares.reduce((sum, each) => sum + each, 0);
    const largest = Math.max(0, ...shares) / slots;
    this.largestShare = Math.max(this.largestShare, largest);
    if (this.#halfSinceMs !== undefined) this.longestHalfMs = Math.max(this.longestHalfMs, nowMs - this.#halfSinceMs);
    this.#halfSinceMs = largest > 0.5 ? this.#halfSinceMs ?? nowMs : undefined;
  }
}
