/**
 * What a session owns, and how a take-over goes.
 *
 * ```text
 *   look() ──▶ reads the sessions, and the claims when the bell has moved   ledger.ts
 *          ──▶ sees which sessions have come and gone                      sightings.ts
 *          ──▶ buries the dead: deletes each session that has not moved for its time to live
 *          ──▶ gives up what others have taken
 *          ──▶ plans what to take, to hand over, to keep                   plan.ts, receivers.ts, placement.ts
 *          ──▶ takes, checking that the former owner has no session        ledger.ts
 * ```
 *
 * The sessions are read at every look, since the death of one rings no bell. The claims that were listed last stay right as
 * long as the bell stands where it stood before they were listed: whatever changes one rings, what this session takes and
 * gives back included.
 *
 * @module
 */

import { isInstance } from "../error_data.ts";
import { assertMatch } from "./admission.ts";
import { lookEvidence } from "./another_history.ts";
import { ClaimLostError, LocalDatabaseError } from "./errors.ts";
import { type LedgerView, settleAll } from "./ledger.ts";
import { type Plan, plan } from "./plan.ts";
import { Placements } from "./placements.ts";
import { beatsToProve } from "./proof.ts";
import { homesOf, missingOf, type Standing, takersOf } from "./receivers.ts";
import type { ClusterView, SessionSeen } from "./records.ts";
import { rankOf } from "./revisions.ts";
import type { Session } from "./session.ts";
import { maxChecks, takeable, type TokensSeen } from "./takeable.ts";

/** The share of the slots that is on its way to others at the same time at most. */
const handOverShare = 1 / 16;
/** The same while a cluster starts: nothing has run for long yet. */
const coldStartShare = 1 / 4;
/** How many may be on their way at least, however few slots there are. */
const minHandingOver = 4;
/** How many writes that take slots are under way at the same time at most. */
const takesAtOnce = 4;

/** The slots of one session. */
export class Ownership {
  /** What was read last. */
  view: LedgerView = { sessions: new Map(), claims: new Map(), revisions: [], bell: undefined };
  /** Slots without an owner that has a session, and since when, in ms. */
  unowned: ReadonlyMap<number, number> = new Map();
  /** Which session should own each slot, and which should take it if it has no owner, as of the last look. */
  #preferred: readonly string[] = [];
  #takers: readonly string[] = [];
  /** When the claims were last listed, in ms. */
  #listedMs = -Infinity;
  /** How many slots may soon become the session's own, and since when that has not changed, in ms. */
  #awaited: { readonly slots: number; readonly sinceMs: number } = { slots: 0, sinceMs: -Infinity };
  readonly #session: Session;
  readonly #placements: Placements;

  constructor(session: Session) {
    this.#session = session;
    this.#placements = new Placements(session.instance.settings.slots);
  }

  /** Whether slots may soon become the session's own. True only while something about that changes, so that it ends. */
  get isEager(): boolean {
    const { clock, timing } = this.#session.instance;
    const { slots, sinceMs } = this.#awaited;
    return slots > 0 && clock.monotonic() - sinceMs < timing.eagernessMs;
  }

  /** Whether a slot that is not held may come soon: the session should own it, or take it, or it has no owner. */
  mayGain(slot: number): boolean {
    const { id, claims } = this.#session;
    if (claims.held.has(slot)) return false;
    return this.#preferred[slot] === id || this.#takers[slot] === id || this.unowned.has(slot);
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
    const { heartbeat } = this.#session;
    try {
      await this.#read(true);
    } catch (error) {
      this.#lookFailed(error);
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
    const { id, heartbeat } = this.#session;
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
      this.#lookFailed(error);
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
      const handOverMs = claims.lose(slot, new ClaimLostError("it is handed over"));
      const took = handOverMs !== undefined && { handOverMs };
      instance.announce({ type: "slot-released", slot, cause: "handed-over", ...took });
    }
    const releases: Promise<void>[] = [];
    while (all.length > 0) releases.push(instance.ledger.release(this.#session.id, new Map(all.splice(0, maxChecks))));
    // The next look finds what is still ours.
    await Promise.all(releases.map((release) => release.catch((error) => instance.failed("release", error))));
  }

  /** Every change of claims rings the bell. Now and then they are listed all the same, to mend what no ring has told of. */
  async #read(isFirst = false): Promise<void> {
    const { id, heartbeat, membership, instance: { clock, timing, ledger, history } } = this.#session;
    const nowMs = clock.monotonic();
    const isCheckDue = nowMs - this.#listedMs >= timing.claimsCheckMs;
    const own = { id, last: heartbeat.versionstamp };
    const seen = await membership.shared.look(own, isFirst);
    const view = await ledger.look(isCheckDue ? undefined : this.view, seen);
    if (!heartbeat.check()) return;
    const evidence = lookEvidence(own, this.view, view);
    if (evidence !== undefined) history.changed(evidence); // which fences the session
    if (!heartbeat.check()) return;
    membership.noteLook(view);
    await this.#session.membership.infos.learn(view);
    if (view.claims !== this.view.claims) this.#listedMs = nowMs;
    this.view = view;
    if (isCheckDue) await this.#checkTokens();
  }

  #lookFailed(error: unknown): void {
    const { heartbeat, membership, instance } = this.#session;
    if (!isInstance(error, LocalDatabaseError)) instance.failed("look", error);
    else if (heartbeat.check()) membership.databaseLeft(error);
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
    const { id, instance, membership: { sightings, former, retired } } = this.#session;
    const nowMs = instance.clock.monotonic();
    const { joined, left } = sightings.see(this.view.sessions, nowMs);
    this.#session.proof?.see(this.#peers, nowMs);
    for (const session of joined) {
      const isOurs = session === id || retired.has(session);
      if (!isOurs) instance.announce({ type: "session-joined", session, isSelf: false });
    }
    for (const session of left) {
      const isOurs = session === id || former.delete(session) || retired.has(session);
      if (!isOurs) instance.announce({ type: "session-left", session, isSelf: false });
    }
  }

  /** The other sessions of the same revision. */
  get #peers(): ReadonlyMap<string, SessionSeen> {
    const { id: self, instance: { settings: { revision } }, membership: { infos, former } } = this.#session;
    const isPeer = (id: string) => id !== self && !former.has(id) && infos.of(id).revision === revision;
    return new Map([...this.view.sessions].filter(([id, { mismatch }]) => mismatch === undefined && isPeer(id)));
  }

  /** Returns the sessions that are left. */
  async #buryDead(): Promise<ClusterView["sessions"]> {
    const { id: self, instance, membership: { sightings, former, retired } } = this.#session;
    const { clock, ledger } = instance;
    const sessions = new Map(this.view.sessions);
    // A former session of this instance may be back: a beat has landed late, or the database was set back.
    const back = [...sessions.keys()].filter((id) => retired.has(id));
    const dead = new Set([...back, ...sightings.dead(clock.monotonic())]);
    await settleAll(
      [...dead].map(async (id) => {
        const seen = sightings.get(id);
        if (id === self || !seen || !await ledger.bury(id, seen.versionstamp)) return;
        sightings.forget(id);
        sessions.delete(id);
        former.delete(id);
        if (retired.has(id)) return;
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

  #plan(view: LedgerView): Plan {
    const { id: self, claims, instance, membership: { sightings } } = this.#session;
    const { clock, timing, settings, isDraining } = instance;
    const nowMs = clock.monotonic();
    const owners = Array.from({ length: settings.slots }, (_, slot) => {
      return claims.held.has(slot) ? self : view.claims.get(slot)?.owner;
    });
    const overdue = [...this.unowned].flatMap(([slot, ms]) => nowMs - ms < timing.graceMs ? [] : [slot]);
    for (const id of missingOf(this.#takers, owners, overdue)) if (id !== self) sightings.doubt(id);
    const standings = this.#standings(view, new Set(owners));
    const moving = standings.filter(({ id }) => id === self || sightings.isMoving(id, nowMs));
    const isColdStart = !moving.some(({ isProven }) => isProven);
    const share = isColdStart ? coldStartShare : handOverShare;
    const receiving = standings.filter(({ accepts, isProven }) => accepts && (isProven || isColdStart));
    const preferred = this.#preferred = homesOf(standings, owners, this.#placements.among);
    const takers = this.#takers = takersOf(moving, this.#placements.among);
    return plan({
      self,
      preferred,
      takers,
      canReceive: (session) => receiving.some(({ id }) => id === session) && sightings.wasSeenMoving(session, nowMs),
      mayStepIn: !isDraining || !standings.some(({ accepts }) => accepts),
      view,
      held: claims.held,
      unownedSince: this.unowned,
      nowMs,
      graceMs: timing.graceMs,
      handOverMs: timing.handOverMs,
      maxHandingOver: Math.max(minHandingOver, Math.ceil(settings.slots * share)),
    });
  }

  /** What counts of each session that this one can work with. */
  #standings({ sessions, revisions }: LedgerView, owners: ReadonlySet<string | undefined>): Standing[] {
    const { id: self, instance: { isDraining }, membership: { infos } } = this.#session;
    const known = [...sessions].filter(([, { mismatch }]) => mismatch === undefined);
    return known.map(([id, { accepts, beats, isProven }]) => ({
      id,
      isGrown: beats >= beatsToProve,
      accepts: id === self ? !isDraining : accepts,
      isProven,
      rank: rankOf(revisions, infos.of(id).revision),
      isOwner: owners.has(id),
    }));
  }

  async #follow({ take, handOver, reclaim, giveUp, unowned, awaited }: Plan): Promise<boolean> {
    const { id, heartbeat, claims, instance } = this.#session;
    const { ledger } = instance;
    this.unowned = unowned;
    for (const slot of reclaim) claims.reclaim(slot);
    for (const slot of giveUp) claims.giveUp(slot);
    if (reclaim.length + giveUp.length > 0) instance.slotsGained([...reclaim, ...giveUp]);
    for (const slot of handOver) claims.handOver(slot);
    if (handOver.length > 0) instance.slotsLeaving(handOver);
    let missed = take.length;
    const { bell } = this.view;
    const takeGroup = async (group: readonly TokensSeen[]) => {
      const taken = await ledger.take(heartbeat, group, bell);
      if (!heartbeat.check()) return;
      for (const [slot, token] of taken) {
        claims.hold(slot, ledger.tokenKey(slot, id), token);
        instance.announce({ type: "slot-claimed", slot, token });
      }
      missed -= taken.size;
      if (taken.size > 0) instance.slotsGained([...taken.keys()]);
    };
    try {
      const groups = takeable(await ledger.withTokens(take), id);
      while (groups.length > 0 && heartbeat.check()) await settleAll(groups.splice(0, takesAtOnce).map(takeGroup));
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
