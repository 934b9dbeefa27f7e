/**
 * What one session does: it looks at the others, buries the dead, takes slots and hands slots over.
 *
 * @module
 */

import { pause } from "../clock.ts";
import { Claims } from "./claims.ts";
import { ClaimLostError } from "./errors.ts";
import type { ClusterEvent, ClusterFailedEvent } from "./events.ts";
import { type ClusterView, takeable } from "./ledger.ts";
import { type Plan, plan } from "./plan.ts";
import { place } from "./placement.ts";
import { Session, type SessionHost } from "./session.ts";
import type { Sightings } from "./sightings.ts";

/** What a member needs from its instance. */
export interface MemberHost extends SessionHost {
  /** What is known of all sessions. */
  readonly sightings: Sightings;
  /** Announces an event. */
  emit(event: ClusterEvent): void;
  /** Is told that slots are held which were not. */
  slotsGained(): void;
  /** Is told that the database failed. */
  failed(operation: ClusterFailedEvent["operation"], error: unknown): void;
}

/** How long a new session waits for others that start at the same time before it takes anything, in heartbeats. */
const settleShare = 0.1;
/** How long after a look the next one comes at the earliest, in heartbeats. */
const minLookShare = 0.1;
/** For how long an unowned slot is left to the session that should own it, in heartbeats: that one looks once meanwhile. */
const graceShare = 1.5;
/** Which share of the slots is handed over at the same time at most. */
const handOverShare = 1 / 16;
/** How many claims are given back in one operation. */
const maxReleases = 10;

const nothing: ClusterView = { sessions: new Map(), claims: new Map() };

/** One session and the slots it holds. */
export class Member {
  readonly session: Session;
  readonly claims: Claims;
  /** What was read last. */
  view: ClusterView = nothing;
  /** Slots without an owner that has a session, and since when, in ms. */
  unowned: ReadonlyMap<number, number> = new Map();
  readonly #host: MemberHost;
  #preferred: { readonly among: string; readonly slots: readonly string[] } | undefined = undefined;
  #nextLookMs = 0;
  #wake: AbortController = new AbortController();

  /**
   * @param host What it needs from its instance.
   * @param id Unique for ever.
   */
  constructor(host: MemberHost, id: string) {
    this.#host = host;
    this.session = new Session(host, id, () => this.#fenced());
    this.claims = new Claims(() => this.#wake.abort());
  }

  /**
   * Joins and stays in the cluster until the session is over.
   *
   * @param settled Is called after each look, with the error if it failed.
   */
  async live(settled: (error?: unknown) => void): Promise<void> {
    const { clock, heartbeatMs } = this.#host;
    await this.session.join();
    if (this.session.isOver) return;
    this.#announce({ type: "session-joined", session: this.session.id, isSelf: true });
    const beating = this.session.keepAlive();
    await pause(clock, heartbeatMs * settleShare, this.session.signal);
    while (this.session.check()) {
      this.#wake = new AbortController();
      if (clock.monotonic() >= this.#nextLookMs) await this.#lookAround(settled);
      await this.#releaseDrained();
      await pause(clock, Math.max(0, this.#nextLookMs - clock.monotonic()), this.#wake.signal, this.session.signal);
    }
    await beating;
  }

  /**
   * Waits until nothing runs on behalf of the session.
   *
   * @param signal Ends the wait.
   */
  async ended(signal: AbortSignal): Promise<void> {
    const { clock, heartbeatMs } = this.#host;
    while (this.claims.isBusy && !signal.aborted) {
      this.#wake = new AbortController();
      await pause(clock, heartbeatMs, this.#wake.signal, signal);
    }
  }

  /** Leaves the cluster. What nobody runs in is free at once; what somebody still runs in is free after the time to live. */
  async leave(): Promise<void> {
    this.session.end();
    if (!this.claims.isBusy) return await this.retire();
    for (const slot of this.claims.held.keys()) this.claims.handOver(slot);
    await this.#releaseDrained();
    this.claims.loseAll(new ClaimLostError("the instance has left the cluster"));
  }

  /** Deletes the session once nothing runs on its behalf, so that nobody has to wait for it to be declared dead. */
  async retire(): Promise<void> {
    const { ledger, sightings } = this.#host;
    if (!this.session.mayBeWritten) return;
    try {
      await ledger.bury(this.session.id);
      sightings.forget(this.session.id);
      this.#announce({ type: "session-left", session: this.session.id, isSelf: true });
    } catch (error) {
      this.#host.failed("leave", error);
    }
  }

  #fenced(): void {
    const { id, silentMs } = this.session;
    const slots = this.claims.held.size;
    this.claims.loseAll(new ClaimLostError(`no heartbeat was acknowledged for ${Math.round(silentMs)} ms`));
    this.#announce({ type: "session-fenced", session: id, silentMs, slots });
  }

  async #lookAround(settled: (error?: unknown) => void): Promise<void> {
    const { clock, heartbeatMs, ledger } = this.#host;
    const beganMs = clock.monotonic();
    try {
      this.view = await ledger.look();
      if (!this.session.check()) return;
      await this.#heed(this.view);
      settled();
    } catch (error) {
      this.#host.failed("look", error);
      settled(error);
    }
    const nextMs = Math.min(beganMs + heartbeatMs, this.#host.sightings.nextDeathMs(this.session.id));
    this.#nextLookMs = Math.max(nextMs, clock.monotonic() + heartbeatMs * minLookShare);
  }

  async #heed(view: ClusterView): Promise<void> {
    this.#sight(view);
    const sessions = await this.#buryDead(view);
    if (!this.session.check()) return;
    if (!sessions.has(this.session.id)) return this.session.fence();
    this.#loseTaken(view);
    const { clock, heartbeatMs } = this.#host;
    const next = plan({
      self: this.session.id,
      preferred: this.#preferredAmong([...sessions.keys()]),
      view: { ...view, sessions },
      held: this.claims.held,
      unownedSince: this.unowned,
      nowMs: clock.monotonic(),
      graceMs: heartbeatMs * graceShare,
      maxHandingOver: Math.ceil(this.#host.slots * handOverShare),
    });
    this.unowned = next.unowned;
    await this.#follow(next);
  }

  #sight({ sessions }: ClusterView): void {
    const { joined, left } = this.#host.sightings.see(sessions, this.#host.clock.monotonic());
    for (const session of joined) {
      if (session !== this.session.id) this.#announce({ type: "session-joined", session, isSelf: false });
    }
    for (const session of left) {
      if (session !== this.session.id) this.#announce({ type: "session-left", session, isSelf: false });
    }
  }

  /** Returns who is left. */
  async #buryDead(view: ClusterView): Promise<ClusterView["sessions"]> {
    const { clock, ledger, sightings } = this.#host;
    const sessions = new Map(view.sessions);
    for (const id of sightings.dead(clock.monotonic())) {
      const seen = sightings.get(id);
      if (id === this.session.id || !seen || !await ledger.bury(id, seen.versionstamp)) continue;
      sightings.forget(id);
      sessions.delete(id);
      this.#announce({ type: "session-dead", session: id, silentMs: clock.monotonic() - seen.sinceMs });
    }
    return sessions;
  }

  /** Whoever took a slot of ours had reason to: we were declared dead, and are about to find out. */
  #loseTaken({ claims }: ClusterView): void {
    for (const [slot, { claim }] of this.claims.held) {
      if (claims.get(slot)?.versionstamp === claim.token) continue;
      this.claims.lose(slot, new ClaimLostError("somebody else has taken it"));
      this.#announce({ type: "slot-released", slot, cause: "lost" });
    }
  }

  async #follow({ take, handOver, keep }: Plan): Promise<void> {
    for (const slot of keep) this.claims.keep(slot);
    for (const slot of handOver) this.claims.handOver(slot);
    const held = this.claims.held.size;
    try {
      for (const group of takeable(take, this.session.id)) {
        const taken = await this.#host.ledger.take(this.session, group);
        if (!this.session.check()) return;
        for (const [slot, versionstamp] of taken) this.#hold(slot, versionstamp);
      }
    } finally {
      if (keep.length > 0 || this.claims.held.size > held) this.#host.slotsGained();
    }
  }

  #hold(slot: number, token: string): void {
    this.claims.hold(slot, this.#host.ledger.claimKey(slot), token);
    this.#announce({ type: "slot-claimed", slot, token });
  }

  /** Gives back what nobody runs in any more. From before the attempt on nothing starts there, whatever comes of it. */
  async #releaseDrained(): Promise<void> {
    const { ledger, clock, failed } = this.#host;
    for (let drained = this.claims.drained; drained.length > 0; drained = this.claims.drained) {
      const releasing = new Map<number, string>();
      for (const slot of drained.slice(0, maxReleases)) {
        releasing.set(slot, this.claims.held.get(slot)!.claim.token);
        this.claims.lose(slot, new ClaimLostError("it is handed over"));
      }
      try {
        for (const slot of await ledger.release(releasing)) {
          this.#announce({ type: "slot-released", slot, cause: "handed-over" });
        }
      } catch (error) {
        failed("release", error); // the next look finds what is still ours
      }
      this.#nextLookMs = clock.monotonic(); // there may be more to hand over
    }
  }

  #preferredAmong(sessions: readonly string[]): readonly string[] {
    const among = sessions.toSorted().join();
    if (this.#preferred?.among !== among) this.#preferred = { among, slots: place(sessions, this.#host.slots) };
    return this.#preferred.slots;
  }

  #announce(event: WithoutMoment<ClusterEvent>): void {
    this.#host.emit({ at: this.#host.clock.now(), ...event } as ClusterEvent);
  }
}

/** An event to which the moment is still to be added. */
type WithoutMoment<E> = E extends unknown ? Omit<E, "at"> : never;
