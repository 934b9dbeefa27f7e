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
import { assertShared } from "./shared_database.ts";
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
  /** Whether others can see the database: a session that was fenced need not ask again. */
  #isShared: boolean;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#isShared = instance.settings.allowLocal;
  }

  /**
   * Waits until the instance can join. While the database does not answer it is asked again and again. A session that this
   * instance cannot work with keeps it out as long as it moves: one that does not is declared dead like any other.
   *
   * @param signal Ends the wait.
   * @param wasMember Whether the instance was a member before in this run, which then does not fail any more.
   * @throws {LocalDatabaseError} When others cannot see the database.
   * @throws {ClusterMismatchError} When others live that it cannot work with, and the options say that it fails then.
   * @throws {KvClosedError} When the database is closed.
   */
  async wait(signal: AbortSignal, wasMember: boolean): Promise<void> {
    const { clock, timing, ledger } = this.#instance;
    const sightings = new Sightings();
    while (!signal.aborted) {
      try {
        if (!this.#isShared) await assertShared(this.#instance);
        this.#isShared = true;
        if (await this.#isAdmitted(sightings)) {
          // One that joins again is no new instance: it has not changed the order when it joined, or has done so then.
          if (!wasMember) await ledger.enrolments.enrol(async () => (await ledger.sessions()).sessions);
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

  /** Tells whether an error says that there are others, which the instance waits to see gone. */
  isWaitedOut(error: unknown, wasMember: boolean): error is ClusterMismatchError {
    const mayWait = wasMember || this.#instance.settings.onMismatch === "wait";
    return mayWait && isInstance(error, ClusterMismatchError);
  }

  /** Takes note of others, and announces now and then that the instance waits for them to be gone. */
  putOff({ session, reason }: ClusterMismatchError): void {
    const { clock, timing } = this.#instance;
    const nowMs = clock.monotonic();
    const waiting = this.#waiting ??= { sinceMs: nowMs, toldMs: -Infinity, pauseMs: timing.admissionRetryMs };
    if (nowMs - waiting.toldMs < timing.waitingNoticeMs) return;
    waiting.toldMs = nowMs;
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

  /** Takes note that the instance is a member. */
  joined(): void {
    this.#waiting = undefined;
  }

  async #isAdmitted(sightings: Sightings): Promise<boolean> {
    const { ledger, clock } = this.#instance;
    const { sessions } = await ledger.sessions();
    const { moved } = sightings.see(sessions, clock.monotonic());
    assertMatch(sessions, moved);
    const mismatched = new Map([...sessions].filter(([, { mismatch }]) => mismatch !== undefined));
    for (const id of sightings.dead(clock.monotonic())) {
      const seen = mismatched.get(id);
      if (seen && await ledger.bury(id, seen.versionstamp)) mismatched.delete(id);
    }
    return mismatched.size === 0;
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
