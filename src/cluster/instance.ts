/**
 * One instance of the program in a cluster: one session after the other, from joining to leaving.
 *
 * @module
 */

import { pause } from "../clock.ts";
import { describeValue } from "../errors.ts";
import { type AdmissionHost, admit } from "./admission.ts";
import { listen } from "./bell.ts";
import type { SlotAudience } from "./claims.ts";
import type { ClusterEvent, ClusterFailedEvent, UndatedEvent } from "./events.ts";
import type { Ledger } from "./ledger.ts";
import { Member, type MemberHost } from "./member.ts";
import type { ClusterSettings } from "./options.ts";
import { Sightings } from "./sightings.ts";

/** How long a fenced instance waits at most before it joins again, in heartbeats. */
const rejoinShare = 0.1;

/** How often it is read whether slots have become free, in heartbeats. */
const pollShare = 0.2;

/** What an instance needs from its cluster. */
export interface InstanceHost {
  /** Checked options. */
  readonly settings: ClusterSettings;
  /** The database. */
  readonly ledger: Ledger;
  /** Who wants to know that slots are held. */
  readonly audiences: ReadonlySet<SlotAudience>;
  /** What is rewritten when slots become free. */
  readonly bell: { readonly kv: Deno.Kv; readonly key: Deno.KvKey };
  /** Checks that others can see the database. */
  assertShared(): Promise<void>;
  /** Announces an event. */
  emit(event: ClusterEvent): void;
}

/** One instance. */
export class Instance implements MemberHost, AdmissionHost {
  readonly ledger: Ledger;
  readonly clock: ClusterSettings["clock"];
  readonly random: () => number;
  readonly heartbeatMs: number;
  readonly ttlMs: number;
  readonly slots: number;
  readonly sightings: Sightings = new Sightings();
  readonly former: Set<string> = new Set();
  readonly assertShared: () => Promise<void>;
  /** The session of now, or the last one. */
  member: Member;
  readonly #host: InstanceHost;
  readonly #ending: AbortController = new AbortController();
  readonly #up: PromiseWithResolvers<void> = Promise.withResolvers();
  #isUp = false;
  readonly #serving: Promise<void>;
  readonly #listening: Promise<void>;
  readonly #retirements: Set<Promise<void>> = new Set();

  /** @param host What it needs from its cluster. */
  constructor(host: InstanceHost) {
    const { clock, random, heartbeatMs, ttlMs, slots } = host.settings;
    this.#host = host;
    this.ledger = host.ledger;
    this.assertShared = host.assertShared;
    this.clock = clock;
    this.random = random;
    this.heartbeatMs = heartbeatMs;
    this.ttlMs = ttlMs;
    this.slots = slots;
    this.member = this.#newMember();
    this.#serving = this.#serve().catch(this.#up.reject);
    this.#listening = this.#listen();
  }

  /** Whether it is about to leave, or has left. */
  get isLeaving(): boolean {
    return this.#ending.signal.aborted;
  }

  /**
   * Resolves when it has joined and taken its first slots.
   *
   * @throws {LocalDatabaseError} When others cannot see the database.
   * @throws {ClusterMismatchError} When it cannot work with the others.
   * @throws {KvClosedError} When the database is closed.
   */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Leaves the cluster. Resolves when that is done and nothing is under way. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.member.leave();
    await Promise.all([this.#serving, this.#listening, ...this.#retirements]);
  }

  readonly announce = (event: UndatedEvent): void => {
    this.#host.emit({ at: this.clock.now(), ...event } as ClusterEvent);
  };

  readonly failed = (operation: ClusterFailedEvent["operation"], error: unknown): void => {
    this.announce({ type: "cluster-failed", operation, error });
  };

  readonly slotsGained = (): void => {
    for (const audience of this.#host.audiences) audience.slotsGained();
  };

  readonly #isUpNow = (): void => {
    this.#isUp = true;
    this.#up.resolve();
  };

  async #serve(): Promise<void> {
    for (let isFirst = true; !this.isLeaving; isFirst = false) {
      let pauseMs = this.random() * this.heartbeatMs * rejoinShare;
      try {
        if (!isFirst) this.member = this.#newMember();
        await admit(this, this.#ending.signal);
        if (!this.isLeaving) await this.member.live(this.#isUpNow);
      } catch (error) {
        if (!this.#isUp) throw error;
        this.#joinFailed(error);
        pauseMs = this.heartbeatMs;
      }
      if (this.isLeaving) return;
      const retirement = this.#retire(this.member);
      this.#retirements.add(retirement);
      retirement.then(() => this.#retirements.delete(retirement));
      await pause(this.clock, pauseMs, this.#ending.signal);
    }
  }

  /** Whoever waited for the first session has long gone on. */
  #joinFailed(error: unknown): void {
    const { session } = this.member;
    session.end();
    if (session.mayBeWritten) this.former.add(session.id);
    this.failed("join", error);
  }

  #listen(): Promise<void> {
    const { clock, ledger } = this;
    const { bell: { kv, key } } = this.#host;
    const pollMs = this.heartbeatMs * pollShare;
    const read = () => ledger.bell();
    return listen({ kv, key, clock, pollMs, read, signal: this.#ending.signal }, () => this.member.lookSoon());
  }

  #newMember(): Member {
    const id = this.#host.settings.newId();
    if (/^[0-9a-f-]+$/.test(id)) return new Member(this, id);
    throw new TypeError(
      `Cannot use what the option newId gave: an id has hexadecimal digits and dashes, current value is ${
        typeof id === "string" ? JSON.stringify(id) : describeValue(id)
      }`,
    );
  }

  async #retire(member: Member): Promise<void> {
    await member.ended(this.#ending.signal);
    if (!member.ownership.claims.isBusy) await member.retire();
  }
}
