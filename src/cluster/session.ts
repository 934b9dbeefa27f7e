/**
 * One session: alive as long as its heartbeat is acknowledged, and certain to know first when it is not.
 *
 * ```text
 *   join ──▶ alive ──▶ beat, every heartbeatMs ──▶ alive …
 *              │ no beat acknowledged for fenceMs, or the record is gone
 *              ▼
 *            fenced: whatever depends on it is aborted in the same instant
 * ```
 *
 * Whoever observes the session waits for its whole time to live, counted from when the beat *landed*. The session counts
 * from when it *sent* it, and only two thirds: clocks that run apart by half still leave it the first to know.
 *
 * @module
 */

import { type Clock, pause, type Timer } from "../clock.ts";
import type { Claimant, Ledger } from "./ledger.ts";
import { recordFormat, type SessionRecord } from "./records.ts";
import { fenceShare } from "./sightings.ts";

/** What a session needs from its instance. */
export interface SessionHost {
  /** Where it is written. */
  readonly ledger: Ledger;
  /** What it is timed by: only the monotonic clock counts. */
  readonly clock: Clock;
  /** How often it beats, in ms. */
  readonly heartbeatMs: number;
  /** After how long without a beat others may declare it dead, in ms. */
  readonly ttlMs: number;
  /** Into how many slots it divides the keys. */
  readonly slots: number;
  /** Chance, for the pause before a failed beat is tried again. */
  readonly random: () => number;
  /** Is told that the database failed. */
  failed(operation: "join" | "heartbeat" | "leave", error: unknown): void;
}

/** Why a session gives itself up: no beat was acknowledged in time, or others have deleted its record. */
export type FenceCause = "silent" | "declared-dead";

/** How long is waited at most before a write that failed is tried again, in heartbeats. */
const minRetryShare = 0.1;

const maxFirstNonce = 2 ** 48;

/** One session of one instance. After it is over there may be another one, under another id. */
export class Session implements Claimant {
  readonly id: string;
  /** The commit of its last heartbeat. */
  versionstamp: string | null = null;
  /** Resolves when no heartbeat is under way. */
  beating: Promise<void> = Promise.resolve();
  readonly #host: SessionHost;
  readonly #onFence: (cause: FenceCause) => void;
  readonly #ending: AbortController = new AbortController();
  #nonce: number;
  #hasWritten = false;
  /** When the last acknowledged beat was sent, in ms of the monotonic clock. */
  #ackedMs: number | undefined = undefined;
  /** Whether others know that it can be given slots. */
  #hasAccepted = false;
  /** When the last look that succeeded ended. */
  #lookedMs = -Infinity;
  #timer: Timer | undefined = undefined;

  /**
   * @param host What it needs from its instance.
   * @param id Unique for ever.
   * @param onFence Aborts what depends on the session, at once.
   */
  constructor(host: SessionHost, id: string, onFence: (cause: FenceCause) => void) {
    this.#host = host;
    this.id = id;
    this.#onFence = onFence;
    // Should two instances ever have the same id, they must not take the writes of the other for their own.
    this.#nonce = Math.floor(host.random() * maxFirstNonce);
  }

  /** Whether it is over: fenced, or ended by its instance. */
  get isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Whether its record may stand in the database. */
  get mayBeWritten(): boolean {
    return this.#hasWritten;
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** How long ago the last acknowledged beat was sent, in ms. */
  get silentMs(): number {
    return this.#ackedMs === undefined ? 0 : this.#host.clock.monotonic() - this.#ackedMs;
  }

  /** Says that it could look around, and so can take slots. */
  hasLooked(): void {
    this.#lookedMs = this.#host.clock.monotonic();
  }

  /** Returns a number that it never gave before. */
  nextNonce(): number {
    return ++this.#nonce;
  }

  /**
   * Tells whether the session may be relied on in this very instant. Asked before anything is done on its behalf: after a
   * stall of the event loop the timer may be late.
   */
  check(): boolean {
    if (this.isOver) return false;
    if (this.silentMs < this.#fenceMs) return true;
    this.fence("silent");
    return false;
  }

  /** Ends the session because it cannot be relied on. */
  fence(cause: FenceCause): void {
    if (this.isOver) return;
    this.end();
    this.#onFence(cause);
  }

  /** Ends the session. Its record stays. */
  end(): void {
    this.#timer?.cancel();
    this.#ending.abort();
  }

  /** Writes the record for the first time, again and again until it stands there or the session is over. */
  async join(): Promise<void> {
    await (this.beating = this.#beat());
  }

  /** Beats, from now on, until the session is over. */
  async keepAlive(): Promise<void> {
    const { clock, heartbeatMs } = this.#host;
    while (this.check()) {
      const dueMs = clock.monotonic() + heartbeatMs;
      await (this.beating = this.#beat());
      await pause(clock, Math.max(0, dueMs - clock.monotonic()), this.signal);
    }
  }

  /** Tells others that it takes nothing any more, though its record stays for its time to live. */
  async resign(): Promise<void> {
    await this.beating;
    if (this.versionstamp === null) return;
    try {
      await this.#host.ledger.beat(this.#record(false), this.versionstamp);
    } catch (error) {
      this.#host.failed("leave", error);
    }
  }

  get #fenceMs(): number {
    return this.#host.ttlMs * fenceShare;
  }

  /** Writes the record, again and again until that is acknowledged. */
  async #beat(): Promise<void> {
    const { clock, heartbeatMs, random, failed } = this.#host;
    let retryMs = heartbeatMs * minRetryShare;
    while (this.check()) {
      try {
        if (await this.#write()) return;
      } catch (error) {
        if (!this.check()) return;
        failed(this.#ackedMs === undefined ? "join" : "heartbeat", error);
      }
      await pause(clock, random() * retryMs, this.signal);
      if (this.#ackedMs === undefined) retryMs = Math.min(2 * retryMs, heartbeatMs); // there is nothing to lose yet
    }
  }

  async #write(): Promise<boolean> {
    const { ledger, clock } = this.#host;
    const sentMs = clock.monotonic();
    this.#hasWritten = true;
    const record = this.#record(sentMs - this.#lookedMs < this.#fenceMs);
    const { nonce, accepts } = record;
    const stored = await ledger.beat(record, this.versionstamp, accepts && !this.#hasAccepted);
    if (!this.check()) return false;
    if (stored) this.versionstamp = stored.versionstamp;
    else if (this.#ackedMs !== undefined) this.fence("declared-dead"); // buried: others may own everything by now
    else this.versionstamp = null; // buried before it knew of its record: it never owned anything, and joins anew
    // An earlier write, which was given up, may have landed late and kept this one out: it is written over.
    if (stored?.nonce !== nonce) return false;
    this.#ackedMs = sentMs;
    this.#hasAccepted = accepts;
    this.#arm();
    return true;
  }

  #record(accepts: boolean): SessionRecord {
    const { ttlMs, slots } = this.#host;
    return { format: recordFormat, session: this.id, nonce: this.nextNonce(), ttlMs, slots, accepts };
  }

  #arm(): void {
    this.#timer?.cancel();
    const leftMs = this.#fenceMs - this.silentMs;
    this.#timer = this.#host.clock.timer(() => {
      if (this.check()) this.#arm(); // a timer may be a hair early
    }, Math.max(1, leftMs));
  }
}
