/**
 * The part that an instance takes in the cluster during one run: one session after the other, from joining to leaving.
 *
 * ```text
 *   admitted ──▶ session lives ──▶ fenced ──▶ admitted ──▶ the next session lives …
 *                     │              └─▶ its record is deleted once nothing runs on its behalf
 *                     └─ end() ──▶ session leaves
 * ```
 *
 * @module
 */

import { pause } from "../clock.ts";
import { describeKey } from "../errors.ts";
import { Admission } from "./admission.ts";
import { newestCommit } from "./another_history.ts";
import { listen } from "./bell.ts";
import { Drains } from "./drains.ts";
import type { LocalDatabaseError } from "./errors.ts";
import type { Instance } from "./instance.ts";
import type { LedgerView, SessionsView } from "./ledger.ts";
import { isSessionId, maxIdLength } from "./records.ts";
import { Session } from "./session.ts";
import { SessionInfos } from "./session_infos.ts";
import { SharedDatabase } from "./shared_database.ts";
import { Sightings } from "./sightings.ts";

/** One run of an instance in the cluster. It begins to join when it is made. */
export class Membership {
  readonly instance: Instance;
  /** What is known of all sessions. */
  readonly sightings: Sightings = new Sightings();
  /** What all sessions say of themselves. */
  readonly infos: SessionInfos;
  /** Sessions of this instance that are over, until their record is gone. */
  readonly former: Set<string> = new Set();
  /** Those on whose behalf nothing runs any more: a record that stands there all the same may go at once. */
  readonly retired: Set<string> = new Set();
  /** Whether a session of this instance was fenced. The instance goes on, so the next one has nothing to prove. */
  wasFenced = false;
  /** Whether the instance is being drained. */
  readonly drains: Drains = new Drains(() => this.session.reconsider());
  /** Whether others can see the database. */
  readonly shared: SharedDatabase;
  /** The session of now, or the last one. */
  session: Session;
  readonly #admission: Admission;
  readonly #ending: AbortController = new AbortController();
  readonly #closed: AbortController = new AbortController();
  readonly #up: PromiseWithResolvers<void> = Promise.withResolvers();
  #isUp = false;
  #newest = "";
  /** The last order of the revisions that had the own one in it. */
  #order: readonly string[] = [];
  readonly #watchingHistory: Disposable;
  readonly #serving: Promise<void>;
  readonly #listening: Promise<void>;
  readonly #retirements: Set<Promise<void>> = new Set();

  constructor(instance: Instance) {
    this.instance = instance;
    this.infos = new SessionInfos(instance.ledger.enrolments);
    this.shared = new SharedDatabase(instance);
    this.#admission = new Admission(instance, this.shared);
    this.session = this.#newSession();
    this.#watchingHistory = instance.history.listen((evidence) => this.#databaseReplaced(evidence));
    this.#serving = this.#serve().catch(this.#up.reject);
    this.#listening = this.#listen();
  }

  /** Whether it is about to leave, or has left. */
  get isLeaving(): boolean {
    return this.#ending.signal.aborted;
  }

  /**
   * Resolves when it has joined and taken its first slots.
   *
   * @throws {LocalDatabaseError} When others cannot see the database.
   * @throws {ClusterMismatchError} When it cannot work with the others, and the options say that it fails then.
   * @throws {KvClosedError} When the database is closed.
   */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Aborts with the error when the database is found to be closed: it will not answer again. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Takes note that the database is closed. */
  noteClosed(error: unknown): void {
    this.#closed.abort(error);
  }

  /** The newest known commit in this history of the database; "" before the first. */
  get newest(): string {
    return this.#newest;
  }

  /** Takes note of the commits among the records of a listing: what comes after them in this history is newer. */
  noteCommits(view: SessionsView): void {
    this.#newest = newestCommit(view, this.#newest);
  }

  /** Takes note of what a look has found. */
  noteLook(view: LedgerView): void {
    this.noteCommits(view);
    if (view.revisions.includes(this.instance.settings.revision)) this.#order = view.revisions;
  }

  /** Leaves the cluster. Resolves when that is done and nothing is under way. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.session.leave();
    this.drains.end();
    await Promise.all([this.#serving, this.#listening, ...this.#retirements]);
    this.#watchingHistory[Symbol.dispose]();
  }

  /** Nothing that is known of the others holds any more, and what was acknowledged may be gone. */
  #databaseReplaced(evidence: string): void {
    this.#newest = "";
    this.#admission.databaseReplaced(this.#order);
    this.sightings.forgetAll();
    this.instance.announce({ type: "database-replaced", cause: "another-history", evidence });
    this.session.databaseReplaced();
  }

  /** Others use another database by now: what runs here may run there as well. */
  databaseLeft({ message }: LocalDatabaseError): void {
    this.instance.announce({ type: "database-replaced", cause: "elsewhere", evidence: message });
    this.session.databaseReplaced();
  }

  async #serve(): Promise<void> {
    const { clock, timing, settings: { random } } = this.instance;
    for (let isFirst = true; !this.isLeaving; isFirst = false) {
      let pauseMs = random() * timing.rejoinMs;
      try {
        if (!isFirst) this.session = this.#newSession();
        await this.#admission.wait(this.#ending.signal, this.#isUp);
        if (!this.isLeaving) await this.session.live(this.#looked, !isFirst);
      } catch (error) {
        if (this.#admission.isWaitedOut(error, this.#isUp)) {
          await this.#withdraw();
          this.#admission.putOff(error);
          pauseMs = this.#admission.nextPauseMs();
        } else {
          if (!this.#isUp) throw error;
          this.#joinFailed(error);
          pauseMs = timing.heartbeatMs;
        }
      }
      if (this.isLeaving) return;
      const retirement = this.session.retireWhenIdle(this.#ending.signal);
      this.#retirements.add(retirement);
      retirement.then(() => this.#retirements.delete(retirement));
      await pause(clock, pauseMs, this.#ending.signal);
    }
  }

  readonly #looked = (): void => {
    this.#admission.joined();
    this.#isUp = true;
    this.#up.resolve();
    if (this.session.claims.held.size === 0) this.drains.isEmpty();
  };

  /** Another session was there first: this one goes, before it has taken anything. */
  async #withdraw(): Promise<void> {
    this.former.add(this.session.id);
    await this.session.leave();
  }

  /** A later session failed to join: the callback of the run has long been called, so no promise is left to reject. */
  #joinFailed(error: unknown): void {
    const { id, heartbeat } = this.session;
    heartbeat.end();
    if (heartbeat.mayBeWritten) this.former.add(id);
    this.instance.failed("join", error);
  }

  #listen(): Promise<void> {
    const { clock, timing: { bellPollMs }, ledger, store: { kv }, settings: { watchSees } } = this.instance;
    const read = watchSees === "everybody" ? undefined : () => ledger.bell();
    const options = { kv, key: ledger.keys.bell, clock, pollMs: bellPollMs, read, signal: this.#ending.signal };
    return listen(options, (bell) => this.session.heardBell(bell));
  }

  #newSession(): Session {
    const id = this.instance.settings.newId();
    if (isSessionId(id)) return new Session(this, id);
    const isLong = isSessionId(String(id).slice(0, maxIdLength));
    const rule = isLong ? `at most ${maxIdLength} characters` : "hexadecimal digits and dashes";
    throw new TypeError(
      `Cannot use what the option newId returned: an id has ${rule}, current value is ${describeKey(id)}`,
    );
  }
}
