/**
 * Watches the claims of a cluster from outside, and when the database takes writes at all.
 *
 * @module
 */

import { slotOf } from "@pact/supervisor/cluster";
import { delay } from "@std/async/delay";
import { Keyspace } from "../../src/kv/keyspace.ts";
import { clusterPrefix } from "./chaos.ts";

/** How many slots there are: the default. */
const slots = 256;
const probeKey = ["observer"];
/** How often it looks. */
const everyMs = 50;
/** The database takes no writes when one that is tried again and again takes longer. */
const outageMs = 300;

/** A claim that was seen, or that there was none. */
export interface Seen {
  /** When it was written, by the observer's clock. */
  readonly at: number;
  /** The commit of the claim; absent when there was none. */
  readonly token?: string;
  /** The instance that wrote it. */
  readonly owner?: string;
}

/** A time in which the database took no writes at all. */
export interface Outage {
  readonly fromAt: number;
  readonly untilAt: number;
}

/** Keeps writing, so that every commit can be given a time, and keeps looking at the claims. Disposing of it ends that. */
export class Observer implements AsyncDisposable {
  /** What was seen of each slot, in order. */
  readonly seen: readonly Seen[][] = Array.from({ length: slots }, () => []);
  readonly outages: Outage[] = [];
  readonly #kv: Deno.Kv;
  readonly #ticks: { readonly at: number; readonly versionstamp: string }[] = [];
  readonly #ending = new AbortController();
  readonly #watching: Promise<void>;

  /** @param kv A handle of its own on the database. */
  constructor(kv: Deno.Kv) {
    this.#kv = kv;
    this.#watching = this.#watch();
  }

  /** What was seen of the slot of a key. */
  of(key: string): readonly Seen[] {
    return this.seen[slotOf(key, slots)];
  }

  /** Says when a commit was made, at the latest. */
  timeOf(versionstamp: string): number {
    let [low, high] = [0, this.#ticks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ticks[middle].versionstamp < versionstamp) low = middle + 1;
      else high = middle;
    }
    return this.#ticks[low]?.at ?? Date.now();
  }

  /** Says for how long within a span the database took no writes, in ms. */
  outageWithin(fromAt: number, untilAt: number): number {
    const overlaps = this.outages.map((outage) => Math.min(untilAt, outage.untilAt) - Math.max(fromAt, outage.fromAt));
    return overlaps.reduce((sum, overlap) => sum + Math.max(0, overlap), 0);
  }

  /** Says for how long within a span, at most, the database took writes without a break, in ms. */
  calmWithin(fromAt: number, untilAt: number): number {
    const within = this.outages.filter((outage) => outage.fromAt < untilAt && outage.untilAt > fromAt);
    const begins = [fromAt, ...within.map((outage) => outage.untilAt)];
    const ends = [...within.map((outage) => outage.fromAt), untilAt];
    return Math.max(...begins.map((beginAt, index) => ends[index] - beginAt));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const fromAt = Date.now();
      const rows = await Array.fromAsync(
        this.#kv.list<{ session: string }>(new Keyspace(clusterPrefix).claims(slots), { batchSize: 500 }),
      );
      const versionstamp = await this.#write();
      const at = Date.now();
      this.#ticks.push({ at, versionstamp });
      if (at - fromAt > outageMs) this.outages.push({ fromAt, untilAt: at });
      this.#note(rows, at);
      await delay(everyMs, { signal: this.#ending.signal }).catch(() => {});
    }
  }

  /** Writes until that succeeds. A write with a check never waits for another's lock: it fails at once. */
  async #write(): Promise<string> {
    for (;;) {
      try {
        const result = await this.#kv.atomic().check({ key: ["nothing"], versionstamp: null }).set(probeKey, 0)
          .commit();
        if (result.ok) return result.versionstamp;
      } catch (error) {
        if (!(error instanceof Error && error.message.includes("database is locked"))) throw error;
        await delay(Math.random() * 5);
      }
    }
  }

  #note(rows: readonly Deno.KvEntry<{ session: string }>[], at: number): void {
    const claims = new Map(rows.map((row) => [row.key.at(-1), row]));
    for (const [slot, seen] of this.seen.entries()) {
      const claim = claims.get(slot);
      if (claim?.versionstamp === seen.at(-1)?.token) continue;
      if (!claim) seen.push({ at });
      else seen.push({ at: this.timeOf(claim.versionstamp), token: claim.versionstamp, owner: ownerOf(claim.value) });
    }
  }
}

function ownerOf({ session }: { session: string }): string {
  return session.split("-")[0];
}
