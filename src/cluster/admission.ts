/**
 * Whether an instance can join at all: asked before it writes anything that others would have to live with.
 *
 * Others must be able to see the database, and it must be able to work with every session that is alive.
 *
 * @module
 */

import { pause } from "../clock.ts";
import { isInstance } from "../error_data.ts";
import { KvClosedError } from "../kv/errors.ts";
import { ClusterMismatchError, LocalDatabaseError } from "./errors.ts";
import type { Instance } from "./instance.ts";
import type { ClusterView } from "./records.ts";
import type { SharedDatabase } from "./shared_database.ts";
import { Sightings } from "./sightings.ts";

/** The errors that asking again does not help against. */
const hopeless: readonly (abstract new (...args: never[]) => Error)[] = [
  ClusterMismatchError,
  LocalDatabaseError,
  KvClosedError,
];

/** Since when an instance waits for others to be gone, and what follows from that. All in ms. */
interface Waiting {
  readonly sinceMs: number;
  /** When it was last said. */
  toldMs: number;
  /** How long the next pause is at most. */
  pauseMs: number;
}

/** Admits the sessions of one run. */
export class Admission {
  readonly #instance: Instance;
  /** Set from when others are found to live that the instance cannot work with until it is a member. */
  #waiting: Waiting | undefined = undefined;
  readonly #shared: SharedDatabase;
  /** The order of the revisions that the instance knew before the database was set back, until that was seen to. */
  #lostOrder: readonly string[] | undefined = undefined;

  constructor(instance: Instance, shared: SharedDatabase) {
    this.#instance = instance;
    this.#shared = shared;
  }

  /**
   * Waits until the instance can join. While the database does not answer it is asked again and again. A session that this
   * instance cannot work with keeps it out as long as it moves: one that does not is declared dead like any other.
   *
   * @param signal Ends the wait.
   * @param wasMember Whether the instance was a member before in this run, which then does not fail any more.
   * @throws {LocalDatabaseError} When others cannot see the database, and the instance was no member before.
   * @throws {ClusterMismatchError} When others live that it cannot work with, and the options say that it fails then.
   * @throws {KvClosedError} When the database is closed.
   */
  async wait(signal: AbortSignal, wasMember: boolean): Promise<void> {
    const { clock, timing } = this.#instance;
    const sightings = new Sightings();
    while (!signal.aborted) {
      try {
        await this.#shared.assert();
        if (await this.#isAdmitted(sightings, wasMember)) {
          await this.#enrol(wasMember);
          return;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (this.isWaitedOut(error, wasMember)) this.putOff(error);
        else if (hopeless.some((kind) => isInstance(error, kind))) throw error;
        else this.#instance.failed("join", error);
      }
      await pause(clock, this.#waiting ? this.nextPauseMs() : timing.admissionRetryMs, signal);
    }
  }

  /**
   * Tells whether an error says what the instance waits for: that there are others, which it waits to see gone, or that its
   * database is not where others look for it any more.
   */
  isWaitedOut(error: unknown, wasMember: boolean): error is ClusterMismatchError | LocalDatabaseError {
    const mayWait = wasMember || this.#instance.settings.onMismatch === "wait";
    return (mayWait && isInstance(error, ClusterMismatchError)) || (wasMember && isInstance(error, LocalDatabaseError));
  }

  /** Takes note of that, and announces it now and then. */
  putOff(error: ClusterMismatchError | LocalDatabaseError): void {
    const { clock, timing } = this.#instance;
    const nowMs = clock.monotonic();
    const waiting = this.#waiting ??= { sinceMs: nowMs, toldMs: -Infinity, pauseMs: timing.admissionRetryMs };
    if (nowMs - waiting.toldMs < timing.waitingNoticeMs) return;
    waiting.toldMs = nowMs;
    if (!isInstance(error, ClusterMismatchError)) return this.#instance.failed("join", error);
    const { session, reason } = error;
    this.#instance.announce({
      type: "cluster-waiting",
      session,
      reason,
      waitedMs: Math.round(nowMs - waiting.sinceMs),
    });
  }

  /** Returns how long to wait for others to be gone before the next look: ever longer, and not in step with others that wait. */
  nextPauseMs(): number {
    const { timing, settings: { random } } = this.#instance;
    const most = this.#waiting?.pauseMs ?? timing.admissionRetryMs;
    if (this.#waiting) this.#waiting.pauseMs = Math.min(2 * most, timing.waitMs);
    return most * (1 + random()) / 2;
  }

  /**
   * Takes note that the database may have lost what the instance did there.
   *
   * @param order The order of the revisions that it knew.
   */
  databaseReplaced(order: readonly string[]): void {
    this.#lostOrder = [...order];
  }

  /** Takes note that the instance is a member. */
  joined(): void {
    this.#waiting = undefined;
  }

  /** One that joins again is no new instance: it has not changed the order when it joined, or has done so then. */
  async #enrol(wasMember: boolean): Promise<void> {
    const { ledger } = this.#instance;
    const lost = this.#lostOrder;
    if (!wasMember) await ledger.enrolments.enrol(async () => (await ledger.sessions()).sessions);
    else if (lost) await ledger.enrolments.enrolAgain(lost);
    if (this.#lostOrder === lost) this.#lostOrder = undefined; // it may be lost once more meanwhile
  }

  async #isAdmitted(sightings: Sightings, wasMember: boolean): Promise<boolean> {
    const { ledger, clock, history } = this.#instance;
    const { number } = history;
    const view = await ledger.sessions();
    const { sessions } = view;
    if (history.number === number) this.#instance.membership?.noteCommits(view);
    const { moved } = sightings.see(sessions, clock.monotonic());
    assertMatch(sessions, moved);
    const mismatched = new Map([...sessions].filter(([, { mismatch }]) => mismatch !== undefined));
    for (const id of sightings.dead(clock.monotonic())) {
      const seen = mismatched.get(id);
      if (seen && await ledger.bury(id, seen.versionstamp)) mismatched.delete(id);
    }
    const [first] = mismatched;
    if (!first) return true;
    const error = new ClusterMismatchError(first[0], first[1].mismatch ?? "");
    if (this.isWaitedOut(error, wasMember)) this.putOff(error); // it may be dead, and have a long time to live
    return false;
  }
}

/**
 * Checks that this instance can work with others.
 *
 * @param sessions All sessions.
 * @param among The sessions that count.
 * @throws {ClusterMismatchError} When it cannot work with one of them.
 */
export function assertMatch(sessions: ClusterView["sessions"], among: Iterable<string>): void {
  for (const id of among) {
    const mismatch = sessions.get(id)?.mismatch;
    if (mismatch !== undefined) throw new ClusterMismatchError(id, mismatch);
  }
}
