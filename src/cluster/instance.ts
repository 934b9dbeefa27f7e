/**
 * One instance of the program in a cluster: one session after the other, from joining to leaving.
 *
 * @module
 */

import { pause } from "../clock.ts";
import type { SlotAudience } from "./claims.ts";
import { ClusterMismatchError, LocalDatabaseError } from "./errors.ts";
import type { ClusterEvent, ClusterFailedEvent } from "./events.ts";
import type { Ledger } from "./ledger.ts";
import { Member, type MemberHost } from "./member.ts";
import type { ClusterSettings } from "./options.ts";
import { Sightings } from "./sightings.ts";

/** How long is waited at most before something is tried again, in heartbeats. */
const retryShare = 0.1;

/** What an instance needs from its cluster. */
export interface InstanceHost {
  /** Checked options. */
  readonly settings: ClusterSettings;
  /** The database. */
  readonly ledger: Ledger;
  /** Who wants to know that slots are held. */
  readonly audiences: ReadonlySet<SlotAudience>;
  /**
   * Checks the database before anything else is done with it.
   *
   * @throws {LocalDatabaseError} When others cannot see it.
   */
  assertUsable(): Promise<void>;
  /** Announces an event. */
  emit(event: ClusterEvent): void;
}

/** One instance. */
export class Instance implements MemberHost {
  readonly ledger: Ledger;
  readonly clock: ClusterSettings["clock"];
  readonly random: () => number;
  readonly heartbeatMs: number;
  readonly ttlMs: number;
  readonly slots: number;
  readonly sightings: Sightings = new Sightings();
  /** The session of now, or the last one. */
  member: Member;
  readonly #host: InstanceHost;
  readonly #ending: AbortController = new AbortController();
  readonly #up: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #serving: Promise<void>;
  readonly #retirements: Promise<void>[] = [];

  /** @param host What it needs from its cluster. */
  constructor(host: InstanceHost) {
    const { clock, random, heartbeatMs, ttlMs, slots } = host.settings;
    this.#host = host;
    this.ledger = host.ledger;
    this.clock = clock;
    this.random = random;
    this.heartbeatMs = heartbeatMs;
    this.ttlMs = ttlMs;
    this.slots = slots;
    this.member = this.#newMember();
    this.#serving = this.#serve();
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
   */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Leaves the cluster. Resolves when that is done and nothing is under way. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.member.leave();
    await this.#serving;
    await Promise.all(this.#retirements);
  }

  /** Announces an event. */
  emit(event: ClusterEvent): void {
    this.#host.emit(event);
  }

  /** Tells the views that there are new slots. */
  slotsGained(): void {
    for (const audience of this.#host.audiences) audience.slotsGained();
  }

  readonly failed = (operation: ClusterFailedEvent["operation"], error: unknown): void => {
    this.emit({ type: "cluster-failed", at: this.clock.now(), operation, error });
  };

  async #serve(): Promise<void> {
    if (!await this.#fits()) return;
    for (;;) {
      const { member } = this;
      await member.live(this.#settled);
      if (this.isLeaving) return;
      this.#retirements.push(this.#retire(member));
      await this.#pauseBriefly();
      if (this.isLeaving) return;
      this.member = this.#newMember();
    }
  }

  /** Looks before it joins: one that does not fit in must not disturb the others. */
  async #fits(): Promise<boolean> {
    while (!this.isLeaving) {
      try {
        await this.#host.assertUsable();
        await this.ledger.look();
        return true;
      } catch (error) {
        if (this.isLeaving) break;
        if (isHopeless(error)) {
          this.#up.reject(error);
          break;
        }
        this.failed("join", error);
        await this.#pauseBriefly();
      }
    }
    return false;
  }

  #pauseBriefly(): Promise<void> {
    return pause(this.clock, this.random() * this.heartbeatMs * retryShare, this.#ending.signal);
  }

  #newMember(): Member {
    return new Member(this, this.#host.settings.newId());
  }

  async #retire(member: Member): Promise<void> {
    await member.ended(this.#ending.signal);
    if (!member.claims.isBusy) await member.retire();
  }

  /** A first look that succeeds is what callers wait for; only others that are different make it hopeless. */
  readonly #settled = (error?: unknown): void => {
    if (error === undefined) this.#up.resolve();
    else if (isHopeless(error)) this.#up.reject(error);
  };
}

/** Whether it makes no sense to try again what failed. */
function isHopeless(error: unknown): boolean {
  return error instanceof ClusterMismatchError || error instanceof LocalDatabaseError;
}
