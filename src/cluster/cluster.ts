/**
 * The part that one instance of a program takes in a cluster.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { pause } from "../clock.ts";
import { describeValue } from "../errors.ts";
import { EventStream, type Listener } from "../event_stream.ts";
import { Keyspace, type KvTableKey } from "../kv/keyspace.ts";
import type { KvTable } from "../kv/kv_table.ts";
import { assertKv } from "../kv/options.ts";
import { KvStore } from "../kv/store.ts";
import type { RunCallback, Runnable } from "../process/runnable.ts";
import { assertKey, type Table } from "../table/table.ts";
import type { SlotAudience } from "./claims.ts";
import { describeClusterEvent, isFailure } from "./describe.ts";
import type { ClusterEvent } from "./events.ts";
import { Instance } from "./instance.ts";
import { Ledger } from "./ledger.ts";
import { checkOptions, type ClusterOptions, type ClusterSettings } from "./options.ts";
import { OwnedTable, type SlotOwner } from "./owned_table.ts";
import { slotOf } from "./placement.ts";
import { assertShared } from "./shared_database.ts";
import { type ClusterSnapshot, takeSnapshot } from "./snapshot.ts";

/** How long one call to the database may take, in heartbeats: a lost one leaves time for another before the fence. */
const timeoutShare = 0.5;
/** How long is waited before the changes of a table that failed are followed again, in heartbeats. */
const changesShare = 0.2;

/**
 * One instance of a program among others on the same database. It is a runnable: while it runs, the instance is a session
 * of the cluster, owns its share of the slots, and tables that it {@linkcode Cluster.own}s contain the keys in them.
 *
 * At most one instance holds a valid claim on a slot. When an instance dies, its slots have new owners within its time to
 * live plus two heartbeats, as long as one lives. A process of a former owner may still execute for a moment: only a write
 * with the check of its claim is refused then.
 *
 * @example Every instance runs its share
 * ```ts
 * import { chain, nop, type Runnable, Supervisor } from "@pact/supervisor";
 * import { KvTable } from "@pact/supervisor/kv";
 * import { Cluster } from "@pact/supervisor/cluster";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const table = new KvTable<string, null, Runnable>(kv, { prefix: ["bots"], create: () => nop });
 * await table.set("acme", null);
 *
 * const cluster = new Cluster(kv, { allowLocal: true });
 * const supervisor = new Supervisor(cluster.own(table));
 * await chain(cluster, supervisor).run(() => assertEquals(supervisor.keys(), ["acme"]), {
 *   signal: new AbortController().signal,
 * });
 * ```
 */
export class Cluster implements Runnable {
  readonly #store: KvStore;
  readonly #settings: ClusterSettings;
  readonly #ledger: Ledger;
  readonly #audiences: Set<SlotAudience> = new Set();
  readonly #events: EventStream<ClusterEvent> = new EventStream(printFailure);
  #instance: Instance | undefined = undefined;
  #isIdle = false;

  /**
   * Makes a cluster that this instance has not joined yet.
   *
   * @param kv The database, opened and closed by the caller.
   * @param options Where the records live, how often a session beats, and more.
   * @throws {TypeError} When something has a wrong shape.
   * @throws {RangeError} When a number is out of range, or two do not fit together.
   */
  constructor(kv: Deno.Kv, options: ClusterOptions = {}) {
    assertKv(kv, "a cluster");
    this.#settings = checkOptions(options);
    const { clock, random, heartbeatMs, ttlMs, prefix, slots } = this.#settings;
    this.#store = new KvStore(kv, { clock, random, timeoutMs: heartbeatMs * timeoutShare });
    this.#ledger = new Ledger(this.#store, { prefix, slots, ttlMs });
  }

  /**
   * Is a session of the cluster for as long as the callback takes. The callback is called when the instance has joined and
   * taken its first slots; while the database does not answer, that is tried again and again. When the callback settles,
   * the session ends and what it owned is free for others at once, except for slots in which a process is stuck.
   *
   * @param callback Is given the signal.
   * @param options A signal that ends the wait for the database, and is given to the callback.
   * @throws {LocalDatabaseError} When others cannot see the database.
   * @throws {ClusterMismatchError} When the others have another number of slots, or another format of records.
   * @throws {unknown} What the callback throws, or the reason of the signal when the callback was not called.
   */
  async run(callback: RunCallback, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (typeof callback !== "function") {
      const shown = describeValue(callback);
      throw new TypeError(`Cannot run the cluster: the callback is a function, current value is ${shown}`);
    }
    if (this.#instance || this.#isIdle) throw new Error("Cannot run the cluster: this instance is in it already");
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    const timeline = foreignTimeline(this.#settings.timeline);
    if (timeline === undefined) await this.#join(callback, signal);
    else await this.#idle(callback, signal, timeline);
  }

  /**
   * Reduces a table to the keys in the slots that this instance owns. Give it to a supervisor inside of this cluster.
   *
   * The keys of other instances are absent: `start` and `ensure` reject with `ProcessNotFoundError`, and a process whose slot
   * is handed over is stopped gracefully and announced as `removed`. What is known of a key, such as its failures in a row,
   * does not move with it.
   *
   * @param table The table, on the same database.
   * @returns The part of it that is ours, now and at any moment.
   */
  own<K extends KvTableKey, Spec, P extends Runnable>(table: KvTable<K, Spec, P>): Table<K, P> {
    return new OwnedTable(table, this.#owner);
  }

  /**
   * Tells which session owns the slot of a key, as of the last look; its own slots as of now.
   *
   * @param key The key.
   * @returns The session; `undefined` when nobody owns the slot, or this instance does not know.
   */
  ownerOf(key: KvTableKey): string | undefined {
    assertKey(key);
    const member = this.#instance?.member;
    if (!member) return undefined;
    const slot = this.#slotOf(key);
    const { claims, view } = member.ownership;
    if (claims.held.has(slot)) return member.session.id;
    const owner = view.claims.get(slot)?.owner;
    return owner !== undefined && owner !== member.session.id && view.sessions.has(owner) ? owner : undefined;
  }

  /** Shows the cluster as this instance sees it, as plain data. */
  snapshot(): ClusterSnapshot {
    const { clock, slots: total } = this.#settings;
    if (this.#instance) return takeSnapshot(this.#instance, clock.now());
    const state = this.#isIdle ? "idle" : "stopped";
    const slots = { total, owned: [], handingOver: [], unowned: [] };
    return { at: clock.now(), state, session: undefined, sessions: [], slots };
  }

  /**
   * Announces what happens; the order is told with {@linkcode ClusterEvent}. While nobody has subscribed, failures are
   * printed to the console.
   *
   * @param listener Is called right after the step that caused the event. What it throws is printed and changes nothing.
   * @param options A signal that ends the subscription.
   * @returns Ends the subscription when disposed of.
   */
  subscribe(listener: Listener<ClusterEvent>, options: { readonly signal?: AbortSignal } = {}): Disposable {
    return this.#events.subscribe(listener, options.signal);
  }

  async #join(callback: RunCallback, signal: AbortSignal): Promise<void> {
    const { allowLocal, prefix, path, newId } = this.#settings;
    let isShared = allowLocal;
    const instance = this.#instance = new Instance({
      assertShared: async () => {
        if (!isShared) await assertShared(this.#store, { prefix, path, id: newId() });
        isShared = true; // a session that was fenced need not ask again
      },
      settings: this.#settings,
      ledger: this.#ledger,
      audiences: this.#audiences,
      bell: { kv: this.#store.kv, key: new Keyspace(prefix).bell },
      emit: this.#emit,
    });
    try {
      await abortable(instance.up, signal);
      await callback(signal);
    } finally {
      await instance.end();
      this.#instance = undefined;
      this.#events.flush();
    }
  }

  async #idle(callback: RunCallback, signal: AbortSignal, timeline: string): Promise<void> {
    this.#emit({ type: "idle", at: this.#settings.clock.now(), timeline });
    this.#isIdle = true;
    try {
      await callback(signal);
    } finally {
      this.#isIdle = false;
    }
  }

  readonly #emit = (event: ClusterEvent): void => this.#events.emit(event);

  readonly #owner: SlotOwner = {
    audiences: this.#audiences,
    assertRunning: () => {
      if (this.#instance || this.#isIdle) return;
      throw new Error("Cannot read the table: its cluster does not run; run chain(cluster, supervisor)");
    },
    holds: (key) => {
      const member = this.#instance?.member;
      if (!member?.session.check()) return false;
      const hold = member.ownership.claims.held.get(this.#slotOf(key));
      return hold !== undefined && hold.handingOverSinceMs === undefined;
    },
    changesFailed: async (error, ending) => {
      const { clock, heartbeatMs } = this.#settings;
      this.#emit({ type: "cluster-failed", at: clock.now(), operation: "changes", error });
      await pause(clock, heartbeatMs * changesShare, ending);
    },
    lease: (key, audience) => {
      const member = this.#instance?.member;
      return member?.session.check() ? member.ownership.claims.lease(this.#slotOf(key), audience, key) : undefined;
    },
  };

  #slotOf(key: KvTableKey): number {
    return slotOf(key, this.#settings.slots);
  }
}

function printFailure(event: ClusterEvent): void {
  if (isFailure(event)) console.error(`cluster: ${describeClusterEvent(event)}`);
}

/** Returns the timeline of this instance when it is not the one that may join. */
function foreignTimeline(allowed: string | undefined): string | undefined {
  const timeline = allowed === undefined ? undefined : Deno.env.get("DENO_TIMELINE");
  return timeline === allowed ? undefined : timeline;
}
