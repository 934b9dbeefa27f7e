/**
 * One instance of the program: what all parts of its cluster share, and where its tables learn which keys are its own.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Claim } from "../kv/context.ts";
import { type History, historyOf } from "../kv/history.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import { isInstance } from "../error_data.ts";
import { KvClosedError } from "../kv/errors.ts";
import { KvStore } from "../kv/store.ts";
import type { BeatKnown } from "./another_history.ts";
import type { Claims, SlotLease, SlotListener } from "./claims.ts";
import type { ClusterEvent, ClusterFailedEvent, UndatedEvent } from "./events.ts";
import { Failures } from "./failures.ts";
import { Ledger } from "./ledger.ts";
import type { Membership } from "./membership.ts";
import type { ClusterSettings } from "./options.ts";
import { slotOf } from "./placement.ts";
import type { Counts } from "./records.ts";
import type { Session } from "./session.ts";
import type { SessionOfKey } from "./snapshot.ts";
import { Timing } from "./timing.ts";

/** One instance, for as long as its `Cluster` exists. */
export class Instance {
  readonly settings: ClusterSettings;
  readonly timing: Timing;
  /** What everything is timed by; the wall clock only dates events. */
  readonly clock: Clock;
  readonly store: KvStore;
  /** Of the database: tells of another one, and is told. */
  readonly history: History;
  readonly ledger: Ledger;
  /** The views of tables that want to know what becomes of the slots. */
  readonly listeners: Set<SlotListener> = new Set();
  /** The part that it takes in the cluster, while that runs. */
  membership: Membership | undefined = undefined;
  /** Whether the cluster runs, and the instance stays out of it. */
  isIdle = false;
  /** Says how many keys are in each state; `undefined` if that is not known. */
  counts: () => Counts | undefined = () => undefined;
  readonly #failures: Failures;
  readonly #emit: (event: ClusterEvent) => void;

  constructor(kv: Deno.Kv, settings: ClusterSettings, emit: (event: ClusterEvent) => void) {
    const { clock, random } = settings;
    this.settings = settings;
    this.timing = new Timing(settings);
    this.#failures = new Failures(this.timing.failureMs);
    this.history = historyOf(kv);
    this.clock = clock;
    this.store = new KvStore(kv, {
      clock,
      random,
      path: settings.path,
      timeoutMs: this.timing.timeoutMs,
      probeMs: settings.heartbeatMs,
      answered: () => this.#answered(),
    });
    this.ledger = new Ledger(this.store, settings);
    this.#emit = emit;
  }

  /** The session of now, or the last one of this run. */
  get session(): Session | undefined {
    return this.membership?.session;
  }

  /** Whether it accepts no slots, and hands over what it has. */
  get isDraining(): boolean {
    return this.membership?.drains.isOn ?? false;
  }

  /** Whether the cluster runs. */
  get isRunning(): boolean {
    return this.membership !== undefined || this.isIdle;
  }

  /** Tells whether processes of a key may be started here now. */
  holds(key: KvTableKey): boolean {
    return this.holdsSlot(this.slotOf(key));
  }

  /** Tells the same of all keys of a slot. */
  holdsSlot(slot: number): boolean {
    return this.#claims?.grants(slot) ?? false;
  }

  /** Whether there is any such key. */
  get holdsAny(): boolean {
    return this.#claims?.grantsAny ?? false;
  }

  /** Tells whether a slot that is not held may be gained soon, as of the last look. */
  mayGain(slot: number): boolean {
    return this.session !== undefined && this.session.ownership.mayGain(slot);
  }

  /** Returns the claim under which a process of a key may be started here now. */
  claimOn(key: KvTableKey): Claim | undefined {
    return this.#claims?.claimOn(this.slotOf(key));
  }

  /** The claims on all slots in which processes may be started here now. */
  get claims(): ReadonlySet<Claim> {
    return new Set(this.#claims?.held.values().map(({ claim }) => claim));
  }

  /** Grants the right to report on a key, also while its slot is being handed over, which then waits for the release. */
  leaseToReport(key: KvTableKey): { claim: Claim; session: string; release(): void } | undefined {
    const lease = this.#claims?.leaseToReport(this.slotOf(key)), { session } = this;
    return lease && session && { claim: lease.claim, session: session.id, release: lease.release };
  }

  /** Grants the right to run a process, if it may be started here now. */
  lease(key: KvTableKey, listener: SlotListener): SlotLease | undefined {
    return this.#claims?.lease(this.slotOf(key), listener, key);
  }

  /** Tells which session owns the slot of a key: of the own slots as of now, of others as of the last look. */
  ownerOf(key: KvTableKey): string | undefined {
    const { session } = this;
    if (!session) return undefined;
    const slot = this.slotOf(key);
    if (session.claims.held.has(slot)) return session.id;
    const { view } = session.ownership;
    const owner = view.claims.get(slot)?.owner;
    return owner !== undefined && owner !== session.id && view.sessions.has(owner) ? owner : undefined;
  }

  /** Tells the same with what that session shows of itself. */
  sessionOf(key: KvTableKey): SessionOfKey | undefined {
    const { membership } = this, id = this.ownerOf(key);
    if (id === undefined || !membership) return undefined;
    return { id, info: membership.infos.of(id).info, isSelf: id === membership.session.id };
  }

  slotOf(key: KvTableKey): number {
    return slotOf(key, this.settings.slots);
  }

  /** What is known of the history of the database: where the bell stands, and the newest commit of all. */
  get known(): Pick<BeatKnown, "bell" | "newest"> {
    return { bell: this.session?.ownership.view.bell, newest: this.membership?.newest ?? "" };
  }

  /** Tells all tables that slots are held which were not, or are wanted here again. */
  slotsGained(slots: readonly number[]): void {
    for (const listener of this.listeners) listener.slotsGained(slots);
  }

  /** Tells all tables that slots are being handed over. */
  slotsLeaving(slots: readonly number[]): void {
    for (const listener of this.listeners) listener.slotsLeaving(slots);
  }

  /** Announces an event that happens now. */
  announce(event: UndatedEvent): void {
    this.#emit({ at: this.clock.now(), ...event });
  }

  /**
   * Announces that the database failed, or does not answer: what goes on is announced once. A closed one never answers again,
   * and ends the run.
   */
  failed(operation: ClusterFailedEvent["operation"], error: unknown): void {
    const isClosed = isInstance(error, KvClosedError);
    if (isClosed && this.membership?.closed.aborted) return;
    const news = this.#failures.failed(operation, error, this.clock.monotonic());
    if (news === "failed") this.announce({ type: "cluster-failed", operation, error });
    if (news === "unavailable") this.announce({ type: "database-unavailable", operation, error });
    if (isClosed) this.membership?.noteClosed(error);
  }

  #answered(): void {
    const forMs = this.#failures.answered(this.clock.monotonic());
    if (forMs !== undefined) this.announce({ type: "database-available", forMs: Math.round(forMs) });
  }

  /** The claims of the session, if that can be relied on in this very instant. */
  get #claims(): Claims | undefined {
    return this.session?.heartbeat.check() ? this.session.claims : undefined;
  }
}
