/**
 * What a session owns, and how a take-over goes.
 *
 * ```text
 *   look() ──▶ reads the sessions, and the claims when the bell has moved   ledger.ts
 *          ──▶ sees which sessions have come and gone                      sightings.ts
 *          ──▶ buries the dead: deletes each session that has not moved for its time to live
 *          ──▶ gives up what others have taken
 *          ──▶ plans what to take, to hand over, to keep                   plan.ts, placement.ts
 *          ──▶ takes, checking that the former owner has no session        ledger.ts
 * ```
 *
 * The sessions are read at every look, since the death of one rings no bell. The claims that were listed last stay right as
 * long as the bell stands where it stood before they were listed: whatever changes one rings, what this session takes and
 * gives back included.
 *
 * @module
 */

import { assertMatch } from "./admission.ts";
import { ClaimLostError } from "./errors.ts";
import { type LedgerView, settleAll } from "./ledger.ts";
import { type Plan, plan } from "./plan.ts";
import { place } from "./placement.ts";
import type { ClusterView } from "./records.ts";
import type { Session } from "./session.ts";
import { maxChecks, takeable } from "./takeable.ts";

/** The share of the slots that is on its way to others at the same time at most. */
const handOverShare = 1 / 16;
/** How many may be on their way at least, however few slots there are. */
const minHandingOver = 4;
/** How many placements are remembered. */
const maxPlacements = 4;

/** The slots of one session. */
export class Ownership {
  /** What was read last. */
  view: LedgerView = { sessions: new Map(), claims: new Map(), bell: undefined };
  /** Slots without an owner that has a session, and since when, in ms. */
  unowned: ReadonlyMap<number, number> = new Map();
  /** When the claims were last listed, in ms. */
  #listedMs = -Infinity;
  /** How many slots may soon become the session's own, and since when that has not changed, in ms. */
  #awaited: { readonly slots: number; readonly sinceMs: number } = { slots: 0, sinceMs: -Infinity };
  readonly #session: Session;
  /** The last placements, by the sessions that they are for: each costs a millisecond. */
  readonly #placements: Map<string, readonly string[]> = new Map();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Whether slots may soon become the session's own. True only while something about that changes, so that it ends. */
  get isEager(): boolean {
    const { clock, timing } = this.#session.instance;
    const { slots, sinceMs } = this.#awaited;
    return slots > 0 && clock.monotonic() - sinceMs < timing.eagernessMs;
  }

  /**
   * Sees which sessions are there, before anything is taken. Of two that have joined at the same time and cannot work with each
   * other, the one whose first record is the older one stays: the other one sees that record for certain, and the one that
   * stays may not see the other.
   *
   * @returns Whether that went well; if not, it was announced.
   * @throws {ClusterMismatchError} If a session that this instance cannot work with has joined before it.
   */
  async survey(): Promise<boolean> {
    const { heartbeat, instance } = this.#session;
    try {
      await this.#read();
    } catch (error) {
      instance.failed("look", error);
      return false;
    }
    if (!heartbeat.check()) return false;
    this.#sight();
    const { sessions } = this.view;
    const { first = "" } = heartbeat;
    assertMatch(sessions, [...sessions.keys()].filter((id) => sessions.get(id)!.first < first));
    return true;
  }

  /**
   * Reads what has changed and does what follows from it.
   *
   * @returns Whether that went well; if not, it was announced.
   */
  async look(): Promise<boolean> {
    const { id, heartbeat, instance } = this.#session;
    try {
      await this.#read();
      if (!heartbeat.check()) return false;
      this.#sight();
      const sessions = await this.#buryDead();
      if (!heartbeat.check()) return false;
      if (!sessions.has(id)) {
        heartbeat.fence("declared-dead");
        return false;
      }
      this.#loseTaken();
      return await this.#follow(this.#plan({ ...this.view, sessions }));
    } catch (error) {
      instance.failed("look", error);
      return false;
    }
  }

  /**
   * Gives slots back. From before the attempt on nothing starts there, whatever comes of it.
   *
   * @param tokens The slots, in which nothing runs, and the tokens of their claims.
   */
  async release(tokens: ReadonlyMap<number, string>): Promise<void> {
    const { claims, instance } = this.#session;
    const all = [...tokens];
    for (const [slot] of all) {
      claims.lose(slot, new ClaimLostError("it is handed over"));
      instance.announce({ type: "slot-released", slot, cause: "handed-over" });
    }
    const releases: Promise<void>[] = [];
    while (all.length > 0) releases.push(instance.ledger.release(this.#session.id, new Map(all.splice(0, maxChecks))));
    // The next look finds what is still ours.
    await Promise.all(releases.map((release) => release.catch((error) => instance.failed("release", error))));
  }

  /** Every change of claims rings the bell. Now and then they are listed all the same, to mend what no ring has told of. */
  async #read(): Promise<void> {
    const { clock, timing, ledger } = this.#session.instance;
    const nowMs = clock.monotonic();
    const isCheckDue = nowMs - this.#listedMs >= timing.claimsCheckMs;
    const view = await ledger.look(isCheckDue ? undefined : this.view);
    await this.#session.membership.infos.learn(view);
    if (view.claims !== this.view.claims) this.#listedMs = nowMs;
    this.view = view;
    if (isCheckDue) await this.#checkTokens();
  }

  /** Without its token a slot is of no use: all that is written under its claim is refused. */
  async #checkTokens(): Promise<void> {
    const { id, claims, instance: { ledger, settings: { slots } } } = this.#session;
    if (claims.held.size === 0) return;
    const held = [...claims.held];
    const tokens = await ledger.tokens(0, slots);
    for (const [slot, { claim }] of held) {
      if (tokens.get(slot)?.get(id) !== claim.token) this.#lose(slot, "its token is gone from the database");
    }
  }

  #sight(): void {
    const { id, instance, membership: { sightings, former } } = this.#session;
    const { joined, left } = sightings.see(this.view.sessions, instance.clock.monotonic());
    for (const session of joined) {
      if (session !== id) instance.announce({ type: "session-joined", session, isSelf: false });
    }
    for (const session of left) {
      const isOurs = session === id || former.delete(session);
      if (!isOurs) instance.announce({ type: "session-left", session, isSelf: false });
    }
  }

  /** Returns the sessions that are left. */
  async #buryDead(): Promise<ClusterView["sessions"]> {
    const { id: self, instance, membership: { sightings, former } } = this.#session;
    const { clock, ledger } = instance;
    const sessions = new Map(this.view.sessions);
    await settleAll(
      sightings.dead(clock.monotonic()).map(async (id) => {
        const seen = sightings.get(id);
        if (id === self || !seen || !await ledger.bury(id, seen.versionstamp)) return;
        sightings.forget(id);
        sessions.delete(id);
        former.delete(id);
        const silentMs = Math.round(clock.monotonic() - seen.sinceMs);
        instance.announce({ type: "session-dead", session: id, silentMs });
      }),
    );
    return sessions;
  }

  /** A session that took a slot of ours had reason to: we were declared dead, and are about to find out. */
  #loseTaken(): void {
    const { id, claims } = this.#session;
    for (const [slot, { claim }] of claims.held) {
      const seen = this.view.claims.get(slot);
      if (seen?.owner === id && seen.versionstamp === claim.token) continue;
      this.#lose(slot, "another session has taken it");
    }
  }

  #lose(slot: number, reason: string): void {
    const { claims, instance } = this.#session;
    if (!claims.held.has(slot)) return;
    claims.lose(slot, new ClaimLostError(reason));
    instance.announce({ type: "slot-released", slot, cause: "lost" });
  }

  #plan(view: ClusterView): Plan {
    const { id: self, claims, instance: { clock, timing, settings }, membership: { sightings } } = this.#session;
    const nowMs = clock.monotonic();
    const candidates = [...view.sessions].filter(([id, { accepts }]) => accepts || id === self).map(([id]) => id);
    return plan({
      self,
      preferred: this.#place(candidates),
      takers: this.#place(candidates.filter((id) => id === self || sightings.isMoving(id, nowMs))),
      canReceive: (id) => sightings.wasSeenMoving(id, nowMs),
      view,
      held: claims.held,
      unownedSince: this.unowned,
      nowMs,
      graceMs: timing.graceMs,
      handOverMs: timing.handOverMs,
      maxHandingOver: Math.max(minHandingOver, Math.ceil(settings.slots * handOverShare)),
    });
  }

  #place(sessions: readonly string[]): readonly string[] {
    const among = sessions.toSorted().join();
    let placement = this.#placements.get(among);
    if (!placement) {
      if (this.#placements.size >= maxPlacements) this.#placements.clear();
      placement = place(sessions, this.#session.instance.settings.slots);
      this.#placements.set(among, placement);
    }
    return placement;
  }

  async #follow({ take, handOver, reclaim, giveUp, unowned, awaited }: Plan): Promise<boolean> {
    const { id, heartbeat, claims, instance } = this.#session;
    const { ledger } = instance;
    this.unowned = unowned;
    for (const slot of reclaim) claims.reclaim(slot);
    for (const slot of giveUp) claims.giveUp(slot);
    if (reclaim.length + giveUp.length > 0) instance.slotsGained(); // first: it has everything looked at from now on
    for (const slot of handOver) claims.handOver(slot);
    if (handOver.length > 0) instance.slotsLeaving(handOver);
    let missed = take.length;
    try {
      const { bell } = this.view;
      for (const group of takeable(await ledger.withTokens(take), id)) {
        const taken = await ledger.take(heartbeat, group, bell);
        if (!heartbeat.check()) return false;
        for (const [slot, token] of taken) {
          claims.hold(slot, ledger.tokenKey(slot, id), token);
          instance.announce({ type: "slot-claimed", slot, token });
        }
        missed -= taken.size;
        if (taken.size > 0) instance.slotsGained();
      }
      return heartbeat.check();
    } catch (error) {
      instance.failed("claim", error);
      return false;
    } finally {
      this.#await(awaited + missed);
    }
  }

  #await(slots: number): void {
    const { clock } = this.#session.instance;
    if (slots !== this.#awaited.slots) this.#awaited = { slots, sinceMs: clock.monotonic() };
  }
}
