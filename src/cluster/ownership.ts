/**
 * What a session owns: it looks at the others, buries the dead, takes slots and hands slots over.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { allSettled } from "./all_settled.ts";
import { Claims } from "./claims.ts";
import { ClaimLostError, ClusterMismatchError } from "./errors.ts";
import type { ClusterFailedEvent, UndatedEvent } from "./events.ts";
import type { ClusterView, Ledger } from "./ledger.ts";
import { type Plan, plan } from "./plan.ts";
import { place } from "./placement.ts";
import type { Session } from "./session.ts";
import type { Sightings } from "./sightings.ts";
import { maxChecks, takeable } from "./slot_seen.ts";

/** What the ownership of a session needs from its instance. */
export interface OwnershipHost {
  /** The database. */
  readonly ledger: Ledger;
  /** Only the monotonic clock counts. */
  readonly clock: Clock;
  /** How often everybody beats, in ms. */
  readonly heartbeatMs: number;
  /** How long the processes of a slot may take to end before it is not handed over after all, in ms. */
  readonly ttlMs: number;
  /** Into how many slots the keys are divided. */
  readonly slots: number;
  /** What is known of all sessions. */
  readonly sightings: Sightings;
  /** Sessions of this instance that were fenced, until their record is gone. */
  readonly former: Set<string>;
  /** Announces an event that happens now. */
  announce(event: UndatedEvent): void;
  /** Is told that slots are held which were not. */
  slotsGained(): void;
  /** Is told that the database failed. */
  failed(operation: ClusterFailedEvent["operation"], error: unknown): void;
}

/** For how long an unowned slot is left to the session that should own it, in heartbeats: that one looks often meanwhile. */
const graceShare = 1;
/** Which share of the slots is on its way to others at the same time at most. */
const handOverShare = 1 / 16;
/** How many may be at least, however few slots there are. */
const minHandingOver = 4;
/** How many placements are remembered. */
const maxPlacements = 4;

const nothing: ClusterView = { sessions: new Map(), claims: new Map() };

/** The slots of one session. */
export class Ownership {
  readonly claims: Claims;
  /** What was read last. */
  view: ClusterView = nothing;
  /** Slots without an owner that has a session, and since when, in ms. */
  unowned: ReadonlyMap<number, number> = new Map();
  /** How many slots may become ours soon, and since when that has not changed, in ms. */
  awaited: { readonly slots: number; readonly sinceMs: number } = { slots: 0, sinceMs: -Infinity };
  readonly #host: OwnershipHost;
  readonly #session: Session;
  /** The last placements, by who they were among: they cost a millisecond. */
  readonly #placements: Map<string, readonly string[]> = new Map();

  /**
   * @param host What it needs from its instance.
   * @param session Whose slots.
   * @param onDrained Is called when a slot can be given back.
   */
  constructor(host: OwnershipHost, session: Session, onDrained: () => void) {
    this.#host = host;
    this.#session = session;
    this.claims = new Claims({
      commit: (atomic) => host.ledger.commit(atomic),
      nowMs: () => host.clock.monotonic(),
      emptied: onDrained,
    });
  }

  /**
   * Sees who is there, before anything is taken.
   *
   * @returns Whether that went well; if not, it was told.
   * @throws {ClusterMismatchError} When somebody has joined at the same time that this instance cannot work with.
   */
  async survey(): Promise<boolean> {
    try {
      this.view = await this.#host.ledger.look();
    } catch (error) {
      this.#host.failed("look", error);
      return false;
    }
    if (!this.#session.check()) return false;
    this.#sight(this.view);
    for (const [id, { misfit }] of this.view.sessions) {
      if (misfit) throw new ClusterMismatchError(`Cannot be in one cluster with session ${id}: ${misfit}`);
    }
    return true;
  }

  /**
   * Reads everything and does what follows from it.
   *
   * @returns Whether that went well; if not, it was told.
   */
  async look(): Promise<boolean> {
    try {
      this.view = await this.#host.ledger.look();
      if (!this.#session.check()) return false;
      this.#sight(this.view);
      const sessions = await this.#buryDead(this.view);
      if (!this.#session.check()) return false;
      if (!sessions.has(this.#session.id)) {
        this.#session.fence("declared-dead");
        return false;
      }
      this.#loseTaken(this.view);
      return await this.#follow(this.#plan({ ...this.view, sessions }));
    } catch (error) {
      this.#host.failed("look", error);
      return false;
    }
  }

  /**
   * Gives slots back. From before the attempt on nothing starts there, whatever comes of it.
   *
   * @param tokens The slots, in which nobody runs, and the tokens of their claims.
   */
  async release(tokens: ReadonlyMap<number, string>): Promise<void> {
    const { ledger, failed } = this.#host;
    const all = [...tokens];
    for (const [slot] of all) {
      this.claims.lose(slot, new ClaimLostError("it is handed over"));
      this.#host.announce({ type: "slot-released", slot, cause: "handed-over" });
    }
    const releases: Promise<void>[] = [];
    while (all.length > 0) releases.push(ledger.release(new Map(all.splice(0, maxChecks))));
    // The next look finds what is still ours.
    await Promise.all(releases.map((release) => release.catch((error) => failed("release", error))));
  }

  #sight({ sessions }: ClusterView): void {
    const { sightings, clock, former, announce } = this.#host;
    const { joined, left } = sightings.see(sessions, clock.monotonic());
    for (const session of joined) {
      if (session !== this.#session.id) announce({ type: "session-joined", session, isSelf: false });
    }
    for (const session of left) {
      const isOurs = session === this.#session.id || former.delete(session);
      if (!isOurs) announce({ type: "session-left", session, isSelf: false });
    }
  }

  /** Returns who is left. */
  async #buryDead(view: ClusterView): Promise<ClusterView["sessions"]> {
    const { clock, ledger, sightings, former, announce } = this.#host;
    const sessions = new Map(view.sessions);
    await allSettled(
      sightings.dead(clock.monotonic()).map(async (id) => {
        const seen = sightings.get(id);
        if (id === this.#session.id || !seen || !await ledger.bury(id, seen.versionstamp)) return;
        sightings.forget(id);
        sessions.delete(id);
        former.delete(id);
        announce({ type: "session-dead", session: id, silentMs: Math.round(clock.monotonic() - seen.sinceMs) });
      }),
    );
    return sessions;
  }

  /** Whoever took a slot of ours had reason to: we were declared dead, and are about to find out. */
  #loseTaken({ claims }: ClusterView): void {
    for (const [slot, { claim }] of this.claims.held) {
      if (claims.get(slot)?.versionstamp === claim.token) continue;
      this.claims.lose(slot, new ClaimLostError("somebody else has taken it"));
      this.#host.announce({ type: "slot-released", slot, cause: "lost" });
    }
  }

  #plan(view: ClusterView): Plan {
    const { clock, heartbeatMs, ttlMs, slots, sightings } = this.#host;
    const nowMs = clock.monotonic();
    const self = this.#session.id;
    const candidates = [...view.sessions].filter(([id, { accepts }]) => accepts || id === self).map(([id]) => id);
    return plan({
      self,
      preferred: this.#place(candidates),
      takers: this.#place(candidates.filter((id) => id === self || sightings.isMoving(id, nowMs))),
      canReceive: (id) => sightings.wasSeenMoving(id, nowMs),
      view,
      held: this.claims.held,
      unownedSince: this.unowned,
      nowMs,
      graceMs: heartbeatMs * graceShare,
      handOverMs: ttlMs,
      maxHandingOver: Math.max(minHandingOver, Math.ceil(slots * handOverShare)),
    });
  }

  #place(sessions: readonly string[]): readonly string[] {
    const among = sessions.toSorted().join();
    let placement = this.#placements.get(among);
    if (!placement) {
      if (this.#placements.size >= maxPlacements) this.#placements.clear();
      placement = place(sessions, this.#host.slots);
      this.#placements.set(among, placement);
    }
    return placement;
  }

  async #follow({ take, handOver, reclaim, giveUp, unowned, awaited }: Plan): Promise<boolean> {
    const { ledger, announce, slotsGained, failed } = this.#host;
    this.unowned = unowned;
    for (const slot of reclaim) this.claims.reclaim(slot);
    for (const slot of giveUp) this.claims.giveUp(slot);
    if (reclaim.length + giveUp.length > 0) slotsGained(); // first: it has everything looked at from now on
    for (const slot of handOver) this.claims.handOver(slot);
    let missed = take.length;
    try {
      for (const group of takeable(take, this.#session.id)) {
        const taken = await ledger.take(this.#session, group);
        if (!this.#session.check()) return false;
        for (const [slot, token] of taken) {
          this.claims.hold(slot, ledger.claimKey(slot), token);
          announce({ type: "slot-claimed", slot, token });
        }
        missed -= taken.size;
        if (taken.size > 0) slotsGained();
      }
      return this.#session.check();
    } catch (error) {
      failed("claim", error);
      return false;
    } finally {
      this.#await(awaited + missed);
    }
  }

  #await(slots: number): void {
    if (slots !== this.awaited.slots) this.awaited = { slots, sinceMs: this.#host.clock.monotonic() };
  }
}
