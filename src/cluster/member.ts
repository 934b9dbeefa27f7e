/**
 * One session from joining to leaving: it beats, and looks at the others as often.
 *
 * @module
 */

import { pause } from "../clock.ts";
import { ClaimLostError } from "./errors.ts";
import type { ClusterFailedEvent } from "./events.ts";
import { Ownership, type OwnershipHost } from "./ownership.ts";
import { type FenceCause, Session, type SessionHost } from "./session.ts";

/** What a member needs from its instance. */
export interface MemberHost extends SessionHost, OwnershipHost {
  /** Is told that the database failed. */
  failed(operation: ClusterFailedEvent["operation"], error: unknown): void;
}

/** How long a new session waits before it takes anything, in heartbeats: others that start at the same time are seen then. */
const settleShare = 0.1;
/** How long after a look the next one comes at the earliest, in heartbeats. */
const minLookShare = 0.1;
/** How long after a look the next one comes while slots may become ours, in heartbeats. */
const eagerLookShare = 0.2;

/** One session and the slots it holds. */
export class Member {
  readonly session: Session;
  readonly ownership: Ownership;
  readonly #host: MemberHost;
  #hasJoined = false;
  #lookedMs = -Infinity;
  /** Whether something has happened since the last look began. */
  #isHurried = false;
  #nextLookMs = 0;
  #wake: AbortController = new AbortController();
  #retiring: Promise<boolean> | undefined = undefined;

  /**
   * @param host What it needs from its instance.
   * @param id Unique for ever.
   */
  constructor(host: MemberHost, id: string) {
    this.#host = host;
    this.session = new Session(host, id, (cause) => this.#fenced(cause));
    this.ownership = new Ownership(host, this.session, () => this.#wake.abort());
  }

  /**
   * Joins and stays in the cluster until the session is over.
   *
   * @param looked Is called after each look that went well.
   * @throws {ClusterMismatchError} When somebody has joined at the same time that this instance cannot work with.
   */
  async live(looked: () => void): Promise<void> {
    const { clock, heartbeatMs } = this.#host;
    await this.session.join();
    if (this.session.isOver) return;
    this.#hasJoined = true;
    this.#host.announce({ type: "session-joined", session: this.session.id, isSelf: true });
    while (this.session.check() && !await this.ownership.survey()) {
      await pause(clock, heartbeatMs * minLookShare, this.session.signal);
    }
    this.session.hasLooked(); // so that the first heartbeat says that it can take slots
    const beating = this.session.keepAlive();
    await pause(clock, heartbeatMs * settleShare, this.session.signal);
    while (this.session.check()) {
      this.#wake = new AbortController();
      if (clock.monotonic() >= this.#dueMs) await this.#look(looked);
      await this.#releaseDrained();
      await pause(clock, Math.max(0, this.#dueMs - clock.monotonic()), this.#wake.signal, this.session.signal);
    }
    await beating;
  }

  /** Looks around before it would be time. */
  lookSoon(): void {
    this.#isHurried = true;
    this.#wake.abort();
  }

  /**
   * Waits until nothing runs on behalf of the session.
   *
   * @param signal Ends the wait.
   */
  async ended(signal: AbortSignal): Promise<void> {
    const { clock, heartbeatMs } = this.#host;
    while (this.ownership.claims.isBusy && !signal.aborted) {
      this.#wake = new AbortController();
      await pause(clock, heartbeatMs, this.#wake.signal, signal);
    }
  }

  /** Leaves the cluster. What nobody runs in is free at once; what somebody still runs in is free after the time to live. */
  async leave(): Promise<void> {
    const { id, isOver: isFenced } = this.session;
    const isKnown = this.#hasJoined && !isFenced;
    this.session.end();
    const { claims } = this.ownership;
    if (!claims.isBusy) {
      await this.session.beating; // a first write that landed later would stand there for its time to live
      if (await this.retire() && isKnown) this.#host.announce({ type: "session-left", session: id, isSelf: true });
      return;
    }
    const { idle } = claims;
    claims.loseAll(new ClaimLostError("the instance has left the cluster")); // nothing watches over them any more
    if (!isFenced) await this.session.resign();
    await this.ownership.release(idle);
  }

  /**
   * Deletes the session once nothing runs on its behalf, so that nobody has to wait for it to be declared dead.
   *
   * @returns Whether it is gone.
   */
  retire(): Promise<boolean> {
    return this.#retiring ??= this.#retire();
  }

  async #retire(): Promise<boolean> {
    if (!this.session.mayBeWritten) return false;
    try {
      return await this.#host.ledger.bury(this.session.id);
    } catch (error) {
      this.#host.failed("leave", error);
      return false;
    }
  }

  /** When it is time for the next look. */
  get #dueMs(): number {
    if (!this.#isHurried) return this.#nextLookMs;
    return Math.min(this.#nextLookMs, this.#lookedMs + this.#host.heartbeatMs * minLookShare);
  }

  /** Whether slots may become ours soon: for as long as something changes about that, so that it ends. */
  get #isEager(): boolean {
    const { slots, sinceMs } = this.ownership.awaited;
    return slots > 0 && this.#host.clock.monotonic() - sinceMs < this.#host.ttlMs;
  }

  #fenced(cause: FenceCause): void {
    const { id } = this.session;
    const silentMs = Math.round(this.session.silentMs);
    const { claims } = this.ownership;
    const slots = claims.held.size;
    this.#host.former.add(id);
    const isSilent = cause === "silent";
    const reason = isSilent ? `no heartbeat was acknowledged for ${silentMs} ms` : "its session was declared dead";
    claims.loseAll(new ClaimLostError(reason));
    this.#host.announce({ type: "session-fenced", session: id, cause, silentMs, slots });
  }

  async #look(looked: () => void): Promise<void> {
    const { clock, heartbeatMs, sightings } = this.#host;
    const beganMs = clock.monotonic();
    this.#isHurried = false;
    if (await this.ownership.look()) {
      this.session.hasLooked();
      looked();
    }
    this.#lookedMs = clock.monotonic();
    const everyMs = heartbeatMs * (this.#isEager ? eagerLookShare : 1);
    const deathMs = sightings.nextDeathMs(this.session.id);
    // One that should be buried and cannot be is not tried again without a pause.
    const minShare = deathMs <= this.#lookedMs ? eagerLookShare : minLookShare;
    this.#nextLookMs = Math.max(Math.min(beganMs + everyMs, deathMs), this.#lookedMs + heartbeatMs * minShare);
  }

  async #releaseDrained(): Promise<void> {
    const { drained } = this.ownership.claims;
    if (drained.size === 0) return;
    await this.ownership.release(drained);
    this.#isHurried = true; // there may be more to hand over, as soon as these are taken
  }
}
