/**
 * One session of the instance: how it joins, lives, is fenced and leaves.
 *
 * ```text
 *   live() ──▶ joins ──▶ sees who is there ──▶ looks, and releases what is drained, again and again
 *                                                │                  │
 *                     no beat is acknowledged ◀──┘                  └──▶ leave(): its claims are lost or deleted,
 *                     fenced: all claims are lost                        and so is its record
 * ```
 *
 * @module
 */

import { pause } from "../clock.ts";
import { Claims } from "./claims.ts";
import { ClaimLostError } from "./errors.ts";
import { type FenceCause, Heartbeat } from "./heartbeat.ts";
import type { Instance } from "./instance.ts";
import type { Membership } from "./membership.ts";
import { Ownership } from "./ownership.ts";
import { Proof } from "./proof.ts";

/** One session and the slots that it holds. After it is over there may be another one, under another id. */
export class Session {
  readonly id: string;
  readonly membership: Membership;
  readonly instance: Instance;
  readonly heartbeat: Heartbeat;
  readonly claims: Claims;
  readonly ownership: Ownership;
  /** What it has to prove before it is relied on. */
  proof: Proof | undefined = undefined;
  #hasJoined = false;
  #lookedMs = -Infinity;
  /** Whether slots were given back since the last look began. */
  #isHurried = false;
  /** The last commit of the bell that was heard since the last look began. */
  #heardBell = "";
  #nextLookMs = 0;
  #wake: AbortController = new AbortController();
  #retiring: Promise<boolean> | undefined = undefined;

  /**
   * @param membership The run that it belongs to.
   * @param id Unique for ever.
   */
  constructor(membership: Membership, id: string) {
    const { instance } = membership;
    this.id = id;
    this.membership = membership;
    this.instance = instance;
    this.heartbeat = new Heartbeat(instance, id, {
      isProven: (beats) => this.proof?.isGiven(beats) ?? false,
      onFence: (cause) => this.#fenced(cause),
    });
    this.claims = new Claims({
      clock: instance.clock,
      commit: (atomic, isHeld) => instance.ledger.commit(atomic, isHeld),
      emptied: () => this.#wake.abort(),
    });
    this.ownership = new Ownership(this);
  }

  /**
   * Joins and stays in the cluster until the session is over.
   *
   * @param looked Is called after each look that went well.
   * @param isRejoining Whether it follows another session of this run.
   * @throws {ClusterMismatchError} If a session that this instance cannot work with has joined before it.
   */
  async live(looked: () => void, isRejoining: boolean): Promise<void> {
    const { heartbeat, instance } = this;
    const { clock, timing } = instance;
    const { wasFenced } = this.membership;
    this.proof = new Proof({ wasFenced, isSuccessor: instance.ledger.enrolments.isSuccessor });
    await heartbeat.join();
    if (heartbeat.isOver) return;
    this.#hasJoined = true;
    instance.announce({ type: "session-joined", session: this.id, isSelf: true });
    while (heartbeat.check() && !await this.ownership.survey()) await pause(clock, timing.minLookMs, heartbeat.signal);
    heartbeat.noteLook(); // so that the first heartbeat says that it can take slots
    const beating = heartbeat.keepAlive();
    await pause(clock, isRejoining ? timing.rejoinSettleMs : timing.settleMs, heartbeat.signal);
    while (heartbeat.check()) {
      this.#wake = new AbortController();
      if (clock.monotonic() >= this.#dueMs) await this.#look(looked);
      await this.#releaseDrained();
      await pause(clock, Math.max(0, this.#dueMs - clock.monotonic()), this.#wake.signal, heartbeat.signal);
    }
    await beating;
  }

  /** Looks at once, and tells others, since whether it accepts slots has changed. */
  reconsider(): void {
    this.#isHurried = true;
    this.heartbeat.hurry();
    this.#wake.abort();
  }

  /** Brings the next look forward, because the bell was rung by that commit. */
  heardBell(versionstamp: string | null): void {
    if (versionstamp !== null && versionstamp > this.#heardBell) this.#heardBell = versionstamp;
    if (this.#isRung) this.#wake.abort();
  }

  /** Whether the bell was heard after its last ring that a look has seen. A watch may also bring one from before that. */
  get #isRung(): boolean {
    return this.#heardBell > (this.ownership.view.bell ?? "");
  }

  /**
   * Gives everything up, as the database is another one. A session that has not joined has nothing to give up, but
   * starts over all the same: its record, and what was written before it, may be lost.
   */
  databaseReplaced(): void {
    const { id, heartbeat, membership } = this;
    if (this.#hasJoined) return heartbeat.fence("database-replaced");
    heartbeat.end();
    if (heartbeat.mayBeWritten) membership.former.add(id);
  }

  /** Leaves the cluster. Slots in which nothing runs are free at once, the others after the time to live. */
  async leave(): Promise<void> {
    const { id, heartbeat, claims, instance } = this;
    const isFenced = heartbeat.isOver, { isBusy, idle } = claims;
    heartbeat.end();
    claims.loseAll(new ClaimLostError("the instance has left the cluster")); // nothing watches over them any more
    if (!isBusy) {
      await heartbeat.beating; // a first write that landed later would stand there for its time to live
      const leaves = this.#hasJoined && !isFenced;
      const isGone = await this.#retire(leaves);
      if (isGone && leaves) {
        instance.announce({ type: "session-left", session: id, isSelf: true });
      }
      return;
    }
    if (!isFenced) await heartbeat.resign();
    await this.ownership.release(idle);
  }

  /**
   * Deletes the record of a session that is over as soon as nothing runs on its behalf, so that others do not wait for its
   * death. Again and again, until that is acknowledged: a beat or a take that was given up may land late, and would keep slots
   * from others for another time to live.
   *
   * @param signal Ends the wait; there is one more try then.
   */
  async retireWhenIdle(signal: AbortSignal): Promise<void> {
    const { clock, timing } = this.instance;
    while (this.claims.isBusy && !signal.aborted) {
      this.#wake = new AbortController();
      await pause(clock, timing.heartbeatMs, this.#wake.signal, signal);
    }
    if (this.claims.isBusy) return;
    this.membership.retired.add(this.id);
    if (!this.heartbeat.mayBeWritten) return;
    while (!await this.#retire() && !signal.aborted) await pause(clock, timing.eagerLookMs, signal);
  }

  /** Deletes the record. Returns whether it is gone. */
  async #retire(leaves = false): Promise<boolean> {
    const isGone = await (this.#retiring ??= this.#bury(leaves));
    if (!isGone) this.#retiring = undefined;
    return isGone;
  }

  async #bury(leaves: boolean): Promise<boolean> {
    const { ledger } = this.instance;
    if (!this.heartbeat.mayBeWritten) return false;
    try {
      return await (leaves ? ledger.leave(this.id) : ledger.bury(this.id));
    } catch (error) {
      this.instance.failed("leave", error);
      return false;
    }
  }

  #fenced(cause: FenceCause): void {
    const { id, heartbeat, claims, instance, membership: { former } } = this;
    const silentMs = Math.round(heartbeat.silentMs);
    const slots = claims.held.size;
    former.add(id);
    this.membership.wasFenced = true;
    const reason = {
      "silent": `no heartbeat was acknowledged for ${silentMs} ms`,
      "declared-dead": "its session was declared dead",
      "database-replaced": "the database is another one",
    }[cause];
    claims.loseAll(new ClaimLostError(reason));
    instance.announce({ type: "session-fenced", session: id, cause, silentMs, slots });
  }

  async #look(looked: () => void): Promise<void> {
    const { instance: { clock, timing }, membership: { sightings } } = this;
    const beganMs = clock.monotonic();
    const { bell } = this.ownership.view;
    this.#isHurried = false;
    this.#heardBell = "";
    if (await this.ownership.look()) {
      this.heartbeat.noteLook();
      looked();
    }
    // Slots that are on their way ring again soon, at moments of their own: each step of a hand-over waits for the other side.
    if (this.ownership.isEager && this.ownership.view.bell !== bell) this.#isHurried = true;
    this.#lookedMs = clock.monotonic();
    const everyMs = this.ownership.isEager ? timing.eagerLookMs : timing.heartbeatMs;
    const deathMs = sightings.nextDeathMs(this.id);
    // A dead session that cannot be buried is not tried again without a pause.
    const minMs = deathMs <= this.#lookedMs ? timing.eagerLookMs : timing.minLookMs;
    this.#nextLookMs = Math.max(Math.min(beganMs + everyMs, deathMs), this.#lookedMs + minMs);
  }

  /** When it is time for the next look. */
  get #dueMs(): number {
    if (!this.#isHurried && !this.#isRung) return this.#nextLookMs;
    const { timing } = this.instance;
    const minMs = this.ownership.isEager ? timing.eagerMinLookMs : timing.minLookMs;
    return Math.min(this.#nextLookMs, this.#lookedMs + minMs);
  }

  async #releaseDrained(): Promise<void> {
    const { drained } = this.claims;
    if (drained.size === 0) return;
    await this.ownership.release(drained);
    this.#isHurried = true; // there may be more to hand over, as soon as these are taken
  }
}
