/**
 * What a session owns: it looks at the others, buries the dead, takes slots and hands slots over.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { Claims } from "./claims.ts";
import { ClaimLostError } from "./errors.ts";
import type { ClusterFailedEvent, UndatedEvent } from "./events.ts";
import type { ClusterView, Ledger } from "./ledger.ts";
import { takeable } from "./ledger.ts";
import { type Plan, plan } from "./plan.ts";
import { place } from "./placement.ts";
import type { Session } from "./session.ts";
import type { Sightings } from "./sightings.ts";

/** What the ownership of a session needs from its instance. */
export interface OwnershipHost {
  /** The database. */
  readonly ledger: Ledger;
  /** Only the monotonic clock counts. */
  readonly clock: Clock;
  /** How often everybody beats, in ms. */
  readonly heartbeatMs: number;
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

/** For how long an unowned slot is left to the session that should own it, in heartbeats: that one looks once meanwhile. */
const graceShare = 1.5;
/** Who has not moved for this many heartbeats is not given anything. */
const responsiveShare = 2;
/** Which share of the slots is handed over at the same time at most. */
const handOverShare = 1 / 16;
/** How many claims are given back in one operation. */
const maxReleases = 10;

const nothing: ClusterView = { sessions: new Map(), claims: new Map() };

/** The slots of one session. */
export class Ownership {
  readonly claims: Claims;
  /** What was read last. */
  view: ClusterView = nothing;
  /** Slots without an owner that has a session, and since when, in ms. */
  unowned: ReadonlyMap<number, number> = new Map();
  readonly #host: OwnershipHost;
  readonly #session: Session;
  #preferred: { readonly among: string; readonly slots: readonly string[] } | undefined = undefined;

  /**
   * @param host What it needs from its instance.
   * @param session Whose slots.
   * @param onDrained Is called when a slot can be given back.
   */
  constructor(host: OwnershipHost, session: Session, onDrained: () => void) {
    this.#host = host;
    this.#session = session;
    this.claims = new Claims(onDrained);
  }

  /** Reads everything and does what follows from it. */
  async look(): Promise<void> {
    this.view = await this.#host.ledger.look();
    if (!this.#session.check()) return;
    this.#sight(this.view);
    const sessions = await this.#buryDead(this.view);
    if (!this.#session.check()) return;
    if (!sessions.has(this.#session.id)) return this.#session.fence("declared-dead");
    this.#loseTaken(this.view);
    const next = this.#plan({ ...this.view, sessions });
    this.unowned = next.unowned;
    await this.#follow(next);
  }

  /**
   * Gives back what nobody runs in any more. From before the attempt on nothing starts there, whatever comes of it.
   *
   * @returns Whether there was anything.
   */
  async releaseDrained(): Promise<boolean> {
    let drained = this.claims.drained;
    if (drained.length === 0) return false;
    for (; drained.length > 0; drained = this.claims.drained) {
      const releasing = new Map<number, string>();
      for (const slot of drained.slice(0, maxReleases)) {
        releasing.set(slot, this.claims.held.get(slot)!.claim.token);
        this.claims.lose(slot, new ClaimLostError("it is handed over"));
      }
      try {
        for (const slot of await this.#host.ledger.release(releasing)) {
          this.#host.announce({ type: "slot-released", slot, cause: "handed-over" });
        }
      } catch (error) {
        this.#host.failed("release", error); // the next look finds what is still ours
      }
    }
    return true;
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
    const { clock, ledger, sightings, announce } = this.#host;
    const sessions = new Map(view.sessions);
    for (const id of sightings.dead(clock.monotonic())) {
      const seen = sightings.get(id);
      if (id === this.#session.id || !seen || !await ledger.bury(id, seen.versionstamp)) continue;
      sightings.forget(id);
      sessions.delete(id);
      announce({ type: "session-dead", session: id, silentMs: clock.monotonic() - seen.sinceMs });
    }
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
    const { clock, heartbeatMs, slots, sightings } = this.#host;
    const self = this.#session.id;
    const nowMs = clock.monotonic();
    const isResponsive = (id: string) => nowMs - (sightings.get(id)?.sinceMs ?? nowMs) < heartbeatMs * responsiveShare;
    return plan({
      self,
      preferred: this.#preferredAmong(view),
      isResponsive,
      view,
      held: this.claims.held,
      unownedSince: this.unowned,
      nowMs,
      graceMs: heartbeatMs * graceShare,
      maxHandingOver: Math.ceil(slots * handOverShare),
    });
  }

  /** Whoever has never beaten may be a ghost: a first write that landed long after it was given up. */
  #preferredAmong({ sessions }: ClusterView): readonly string[] {
    const beating = [...sessions.values()].filter(({ record }) =>
      record.hasBeaten || record.session === this.#session.id
    );
    const ids = beating.map(({ record }) => record.session).sort();
    const among = ids.join();
    if (this.#preferred?.among !== among) this.#preferred = { among, slots: place(ids, this.#host.slots) };
    return this.#preferred.slots;
  }

  async #follow({ take, handOver, keep }: Plan): Promise<void> {
    const { ledger, announce } = this.#host;
    for (const slot of keep) this.claims.keep(slot);
    for (const slot of handOver) this.claims.handOver(slot);
    const held = this.claims.held.size;
    try {
      for (const group of takeable(take, this.#session.id)) {
        const taken = await ledger.take(this.#session, group);
        if (!this.#session.check()) return;
        for (const [slot, token] of taken) {
          this.claims.hold(slot, ledger.claimKey(slot), token);
          announce({ type: "slot-claimed", slot, token });
        }
      }
    } finally {
      if (keep.length > 0 || this.claims.held.size > held) this.#host.slotsGained();
    }
  }
}
