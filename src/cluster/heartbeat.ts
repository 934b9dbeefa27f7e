/**
 * The heartbeat of one session: alive as long as it is acknowledged, and certain to know first when it is not.
 *
 * ```text
 *   join ──▶ alive ──▶ beat, every heartbeatMs ──▶ alive …
 *              │ no beat is acknowledged for fenceMs, the record is gone, or the database goes on in another history
 *              ▼
 *            fenced: what depends on the session is aborted in the same instant
 * ```
 *
 * Others wait for the session's whole time to live, counted from when they see a beat. The session counts from when it *sent*
 * the beat, and only two thirds: `timing.ts` draws both.
 *
 * @module
 */

import { pause, type Timer } from "../clock.ts";
import { beatEvidence } from "./another_history.ts";
import type { Instance } from "./instance.ts";
import type { Claimant } from "./ledger.ts";
import { recordFormat, type SessionRecord } from "./records.ts";

/**
 * Why a session is fenced: no beat was acknowledged in time, others have deleted its record, or the database is not the one
 * any more in which it joined.
 */
export type FenceCause = "silent" | "declared-dead" | "database-replaced";

const maxFirstNonce = 2 ** 48;

/** What a {@linkcode Heartbeat} needs beside the instance. */
export interface HeartbeatOptions {
  /** Tells whether so many acknowledged beats prove that the session can be relied on. */
  readonly isProven: (beats: number) => boolean;
  /** Aborts what depends on the session, at once. */
  readonly onFence: (cause: FenceCause) => void;
}

/** The record of one session, written again and again. */
export class Heartbeat implements Claimant {
  readonly id: string;
  /** The commit of its last heartbeat. */
  versionstamp: string | null = null;
  /** The commit of its first record; `undefined` while none is known to stand. */
  first: string | undefined = undefined;
  /** Whether the record may stand in the database. */
  mayBeWritten = false;
  /** Resolves when no heartbeat is under way. */
  beating: Promise<void> = Promise.resolve();
  readonly #instance: Instance;
  readonly #isProven: (beats: number) => boolean;
  readonly #onFence: (cause: FenceCause) => void;
  readonly #ending: AbortController = new AbortController();
  #nonce: number;
  /** The newest commit of its record that was ever known: in one history every later beat is newer. */
  #newest = "";
  /** When the last acknowledged beat was sent, in ms of the monotonic clock. */
  #ackedMs: number | undefined = undefined;
  /** What others know of whether it can be given slots; `undefined` while a record that says otherwise may yet land. */
  #told: string | undefined = newsOf({ accepts: false });
  /** How many beats were acknowledged. */
  #beats = 0;
  #hurry: AbortController = new AbortController();
  /** When the last look that succeeded ended. */
  #lookedMs = -Infinity;
  #timer: Timer | undefined = undefined;

  /** @param id Of the session, unique for ever. */
  constructor(instance: Instance, id: string, { isProven, onFence }: HeartbeatOptions) {
    this.#instance = instance;
    this.id = id;
    this.#isProven = isProven;
    this.#onFence = onFence;
    // Should two instances ever have the same id, they must not take the writes of the other for their own.
    this.#nonce = Math.floor(instance.settings.random() * maxFirstNonce);
  }

  /** Whether the session is over: fenced, or ended by its instance. */
  get isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Aborts when the session is over. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** How long ago the last acknowledged beat was sent, in ms. */
  get silentMs(): number {
    return this.#ackedMs === undefined ? 0 : this.#instance.clock.monotonic() - this.#ackedMs;
  }

  /** Notes that the session could look around just now, and so can take slots. */
  noteLook(): void {
    this.#lookedMs = this.#instance.clock.monotonic();
  }

  /** Returns a number that it has never returned before. */
  nextNonce(): number {
    return ++this.#nonce;
  }

  /**
   * Tells whether the session may be relied on in this very instant. Asked before anything is done on its behalf: after a
   * stall of the event loop the timer may be late.
   */
  check(): boolean {
    if (this.isOver) return false;
    if (this.silentMs < this.#instance.timing.fenceMs) return true;
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

  /** Writes the record for the first time, retrying until it is stored or the session is over. */
  async join(): Promise<void> {
    await (this.beating = this.#beat());
  }

  /** Beats at once, since what it can be given has changed. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Beats, from now on, until the session is over. */
  async keepAlive(): Promise<void> {
    const { clock, timing } = this.#instance;
    while (this.check()) {
      const dueMs = clock.monotonic() + timing.heartbeatMs;
      this.#hurry = new AbortController();
      await (this.beating = this.#beat());
      await pause(clock, Math.max(0, dueMs - clock.monotonic()), this.#hurry.signal, this.signal);
    }
  }

  /** Tells others that the session takes nothing any more, though its record stays for its time to live. */
  async resign(): Promise<void> {
    await this.beating;
    if (this.versionstamp === null) return;
    try {
      await this.#instance.ledger.beat(this.#record(false), this.versionstamp, { isNews: true });
    } catch (error) {
      this.#instance.failed("leave", error);
    }
  }

  /** Writes the record, again and again until that is acknowledged. */
  async #beat(): Promise<void> {
    const { clock, timing, settings: { random } } = this.#instance;
    let retryMs = timing.beatRetryMs;
    while (this.check()) {
      try {
        if (await this.#write()) return;
      } catch (error) {
        if (!this.check()) return;
        this.#instance.failed(this.#ackedMs === undefined ? "join" : "heartbeat", error);
      }
      await pause(clock, random() * retryMs, this.signal);
      if (this.#ackedMs === undefined) retryMs = Math.min(2 * retryMs, timing.heartbeatMs); // there is nothing to lose yet
    }
  }

  async #write(): Promise<boolean> {
    const { ledger, clock, timing, history } = this.#instance;
    let sentMs = -Infinity;
    // An acknowledgement counts from the moment in which the record was sent: it may have waited for that.
    const sending = () => {
      this.signal.throwIfAborted();
      this.mayBeWritten = true;
      sentMs = clock.monotonic();
    };
    const isLooking = clock.monotonic() - this.#lookedMs < timing.fenceMs;
    const record = this.#record(isLooking && !this.#instance.isDraining);
    const { nonce } = record;
    const news = newsOf(record);
    const isNews = news !== this.#told;
    if (isNews) this.#told = undefined;
    const { bell, newest } = this.#instance.known;
    const known = { nonce, last: this.versionstamp, bell, newest: newest > this.#newest ? newest : this.#newest };
    const { number } = history;
    const stored = await ledger.beat(record, this.versionstamp, { isNews, sending });
    if (!this.check()) return false;
    const evidence = beatEvidence(known, stored);
    // This ends the session. When a table has noticed meanwhile, it has been told of.
    if (evidence !== undefined && history.number === number) history.changed(evidence);
    if (!this.check()) return false;
    // Buried? Others may own everything by now. One that did not know of its record never owned anything, and joins from the start.
    if (stored.versionstamp === null && this.#ackedMs !== undefined) this.fence("declared-dead");
    this.versionstamp = stored.versionstamp;
    this.#newest = stored.versionstamp ?? this.#newest;
    this.first = stored.versionstamp === null ? undefined : this.first ?? stored.versionstamp;
    // An earlier write, which was given up, may have landed late and kept this one out: it is written over.
    if (stored.versionstamp === null || stored.nonce !== nonce) {
      this.#told = undefined;
      return false;
    }
    this.#ackedMs = sentMs;
    this.#beats++;
    this.#told = news;
    this.#arm();
    return true;
  }

  #record(accepts: boolean): SessionRecord {
    const { ttlMs, slots } = this.#instance.settings;
    const isProven = this.first !== undefined && this.#isProven(this.#beats);
    const record = {
      format: recordFormat,
      session: this.id,
      nonce: this.nextNonce(),
      ttlMs,
      slots,
      accepts,
      beats: this.#beats,
    };
    const counts = this.#instance.counts();
    const first = this.first !== undefined && { first: this.first };
    return { ...record, ...(isProven && { isProven }), ...first, ...counts && { counts } };
  }

  #arm(): void {
    this.#timer?.cancel();
    const leftMs = this.#instance.timing.fenceMs - this.silentMs;
    this.#timer = this.#instance.clock.timer(() => {
      if (this.check()) this.#arm(); // a timer may be a hair early
    }, Math.max(1, leftMs));
  }
}

/** What others must hear of at once when it changes. */
function newsOf({ accepts, isProven = false }: Pick<SessionRecord, "accepts" | "isProven">): string {
  return `accepts: ${accepts}, proven: ${isProven}`;
}
