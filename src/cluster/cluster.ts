/**
 * The public face of a cluster, and the map of its folder. What the words mean is told in `mod.ts`; the questions:
 *
 * ```text
 *   cluster.ts         what a program calls
 *   └─ instance.ts     what all parts share: settings, durations, clock, database, events; which keys are ours now
 *      ├─ owned_table.ts   where does a change of the table arrive, and how does a process get its claim?
 *      │  ├─ gained_slots.ts  which keys have come with a slot? (kept_rows.ts: and what do their entries say?)
 *      │  └─ idle_keys.ts  which keys go with a slot, though no process of theirs has to end?
 *      └─ membership.ts    one run in the cluster: one session after the other
 *         ├─ admission.ts  may this instance join at all? (shared_database.ts: can others see the database?)
 *         ├─ bell.ts       who tells it to look before it is time?
 *         ├─ session_infos.ts  what do the others say of themselves?
 *         ├─ drains.ts     does it hand over all that it has?
 *         └─ session.ts    how does a session join, live and leave?
 *            ├─ heartbeat.ts   when does it fence itself?
 *            ├─ claims.ts      what runs in each slot, and what a fence and a hand-over do to it
 *            └─ ownership.ts   how does a take-over go?
 *
 *   timing.ts      how long does anything take? Derives "TTL plus two heartbeats"      pure
 *   sightings.ts   who is alive?                                                       pure
 *   receivers.ts   which sessions may be given slots?                                  pure
 *   revisions.ts   which revision of the program is the newest?                        pure
 *   proof.ts       has a session lived for long enough to be relied on?                pure
 *   placement.ts   which slot goes to which of them? (placements.ts, hash.ts)                         pure
 *   plan.ts        what does a session take, hand over, keep?                          pure
 *   records.ts     what stands in the database?                                        pure
 *   takeable.ts    which slots are taken together?                                     pure
 *   enrolments.ts  what does an instance say of itself once?
 *   ledger.ts      how is it read and written? One compare-and-swap per write, read back by its nonce
 *   options.ts, plain_data.ts, events.ts, describe.ts, snapshot.ts, errors.ts    what a program gives and is given
 * ```
 *
 * A claim is lost in three ways, all of which end in `Claims.lose`: its session is fenced (`heartbeat.ts`), another session has
 * taken it (`ownership.ts`), or it is given back (`ownership.ts`).
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { checkArgument, checkFunction, hasMethods } from "../check.ts";
import { printError, printLine } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import { EventStream, type Listener, type SubscribeOptions } from "../event_stream.ts";
import type { Claim } from "../kv/context.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import { KvTable } from "../kv/kv_table.ts";
import { assertKv, defaultPollMs } from "../kv/options.ts";
import type { KvCall } from "../kv/store.ts";
import { onAbort } from "../on_abort.ts";
import { isAbortEcho, type RunCallback, type Runnable } from "../process/runnable.ts";
import { assertKey } from "../table/table.ts";
import { describeClusterEvent, isFailure } from "./describe.ts";
import type { ClusterEvent } from "./events.ts";
import { Instance } from "./instance.ts";
import { Membership } from "./membership.ts";
import { checkOptions, type ClusterOptions } from "./options.ts";
import type { Counts } from "./records.ts";
import { type OwnedTable, ownedTable, type OwnedTableOptions } from "./owned_table.ts";
import { type ClusterSnapshot, type SessionOfKey, takeSnapshot } from "./snapshot.ts";

/** How long each call to the database may take while an instance that is forced to end leaves the cluster, in ms. */
const forcedCallMs = 400;

/**
 * One instance of a program among others on the same database. It is a runnable: while it runs, the instance is a session
 * of the cluster, owns its share of the slots, and tables that it {@linkcode Cluster.own}s contain the keys in them.
 *
 * At most one instance holds a valid claim on a slot. When an instance dies, its slots have new owners within its time to
 * live plus two heartbeats, as long as one instance lives. A process of a former owner may still execute for a moment: only
 * a write with the check of its claim is refused then.
 *
 * @example Every instance runs its share
 * ```ts
 * import { chain, nop, Supervisor } from "@pact/supervisor";
 * import { KvTable } from "@pact/supervisor/kv";
 * import { Cluster } from "@pact/supervisor/cluster";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: null, _key: string) => nop });
 * await table.set("acme", null);
 *
 * const cluster = new Cluster(kv, { allowLocal: true });
 * const supervisor = new Supervisor(cluster.own(table));
 * await chain(cluster, supervisor).run(() => assertEquals(supervisor.keys(), ["acme"]));
 * ```
 */
export class Cluster implements Runnable {
  readonly #events: EventStream<ClusterEvent> = new EventStream(printFailure);
  readonly #instance: Instance;

  /**
   * Makes a cluster that this instance has not joined yet.
   *
   * @param kv The database, opened and closed by the caller.
   * @param options Where the records live, how often a session beats, and more.
   * @throws {TypeError} If an option has a wrong shape.
   * @throws {RangeError} If a number is out of range, or two do not fit together.
   */
  constructor(kv: Deno.Kv, options: ClusterOptions = {}) {
    assertKv(kv, "a cluster");
    this.#instance = new Instance(kv, checkOptions(options), (event) => this.#events.emit(event));
  }

  /**
   * Joins the cluster for as long as the callback takes. The callback is called once the instance has joined and taken its
   * first slots; while the database does not answer, or others live that it cannot work with (option `onMismatch`), it tries
   * again and again. When the callback settles, the session ends and its slots are free for others at once, except for those
   * in which a process is stuck. Once the signal has aborted, each write of that has 400 ms; if one fails, the slots are free
   * when the session's time to live is over.
   *
   * A database that is closed meanwhile ends the run: that is announced once, and the signal of the callback aborts. As ever,
   * the run waits for the callback.
   *
   * @param callback Is given a signal that aborts with the one in the options, and when the database is closed.
   * @param options A signal that ends the wait for the database, and the run.
   * @throws {KvClosedError} If the database is closed before the callback has settled.
   * @throws {LocalDatabaseError} If others cannot see the database.
   * @throws {ClusterMismatchError} If the others have another number of slots, or another format of records, and the option
   * `onMismatch` is `"fail"`.
   * @throws {unknown} What the callback throws, or the reason of the signal when the callback was not called.
   */
  async run(callback: RunCallback, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkArgument("run the cluster", "the callback is a function", callback, typeof callback === "function");
    if (this.#instance.isRunning) throw new Error("Cannot run the cluster: this instance is in it already");
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    const timeline = foreignTimeline(this.#instance.settings.timeline);
    if (timeline === undefined) await this.#join(callback, signal);
    else await this.#idle(callback, signal, timeline);
  }

  /**
   * Reduces a table to the keys in the slots that this instance owns. Give the result to a supervisor inside this cluster.
   *
   * The keys of other instances are absent: `start`, `ensure` and `restart` reject with `ProcessElsewhereError`, and a process
   * whose slot is handed over is stopped gracefully and announced as `removed`, moved. What is wrong
   * with a key moves with it: its next owner goes on from there.
   *
   * @param table The table, on the same database handle as the cluster.
   * @returns The part of it that this instance owns, now and at any moment.
   * @throws {TypeError} If the table is on another handle: a claim would not guard its processes' writes.
   */
  own<K extends KvTableKey, Spec, P extends Runnable, Input>(
    table: KvTable<K, Spec, P, Input>,
  ): OwnedTable<K, Spec, P, Input> {
    checkArgument("own the table", "it must be a KvTable", table, hasMethods(table?.kv, "atomic", "get", "list"));
    this.#assertSameKv("own the table", table.kv);
    return ownedTable(table, this.#instance);
  }

  /**
   * Makes a table whose processes run in this cluster, and owns it: as {@linkcode Cluster.own} of a `KvTable`, with a `create`
   * that is always given a claim. What the cluster was told of clock, chance and database holds for the table too, unless the
   * options say otherwise, and where a watch sees everybody nothing is polled more often than once in a heartbeat.
   *
   * @param kv The same database handle as that of the cluster.
   * @param options Those of a `KvTable`.
   * @returns The part of the table that this instance owns; `whole` is all of it.
   * @throws {TypeError} If `kv` is another handle, or an option has a wrong shape.
   * @throws {RangeError} If a number is out of range.
   *
   * @example Every write proves that it may be made
   * ```ts
   * import { chain, leaf, Supervisor } from "@pact/supervisor";
   * import { Cluster } from "@pact/supervisor/cluster";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const cluster = new Cluster(kv, { allowLocal: true });
   * const written: PromiseWithResolvers<boolean> = Promise.withResolvers();
   * const table = cluster.table(kv, {
   *   prefix: ["bots"],
   *   create: (greeting: string, key: string, { claim }) =>
   *     leaf(async () => {
   *       const { ok } = await claim.commit(kv.atomic().set(["out", key], greeting));
   *       written.resolve(ok);
   *     }),
   * });
   * await table.set("acme", "hello");
   * await chain(cluster, new Supervisor(table)).run(async () => assertEquals(await written.promise, true));
   * ```
   */
  table<K extends KvTableKey, Spec, P extends Runnable = Runnable, Input = Spec>(
    kv: Deno.Kv,
    options: OwnedTableOptions<K, Spec, P, Input>,
  ): OwnedTable<K, Spec, P, Input> {
    const { create } = options;
    checkFunction("create", create);
    assertKv(kv, "a table");
    this.#assertSameKv("make the table", kv);
    const { clock, random, heartbeatMs } = this.#instance.settings;
    const watchSees = options.watchSees ?? (options.path === undefined ? this.#instance.settings.watchSees : undefined);
    const table = new KvTable<K, Spec, P, Input>(kv, {
      ...options,
      clock: options.clock ?? clock,
      random: options.random ?? random,
      watchSees,
      pollMs: options.pollMs ??
        (watchSees === "everybody" ? Math.max(defaultPollMs[watchSees], heartbeatMs) : undefined),
      create: (spec, key, { claim }) => create(spec, key, { claim: mustHave(claim, key) }),
    });
    return this.own(table);
  }

  /**
   * Drains this instance: from now on it accepts no slots, and it hands each slot over as soon as a session that has proven
   * itself accepts it. It goes on as a member, also after a fence. The last instance of all keeps its slots, and the promise
   * stays pending; where all are drained, one of them still takes the slots of a dead one.
   *
   * It accepts slots again when the signal aborts, also after the promise has resolved, or in the next run. Without a signal
   * it does not in this run. Of several calls each one drains for itself.
   *
   * @param options A signal that ends it.
   * @returns A promise that resolves when the instance holds no slot, or has left the cluster.
   * @throws {Error} If the cluster does not run.
   * @throws {unknown} The reason of the signal, if it aborts first.
   *
   * @example The last instance keeps its slots
   * ```ts
   * import { Cluster } from "@pact/supervisor/cluster";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const cluster = new Cluster(kv, { allowLocal: true, slots: 16 });
   * await cluster.run(async () => {
   *   const enough = new AbortController();
   *   const drained = cluster.drain({ signal: enough.signal });
   *   enough.abort(new Error("no other instance is there"));
   *   await assertRejects(() => drained, Error, "no other instance is there");
   *   assertEquals(cluster.snapshot().slots.owned.length, 16);
   * });
   * ```
   */
  async drain({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#instance.isRunning) throw new Error("Cannot drain the instance: its cluster does not run");
    await this.#instance.membership?.drains.begin(signal);
  }

  /**
   * Tells which session owns the slot of a key: of this instance's slots as of now, of others as of the last look.
   *
   * @param key A key of any table of the cluster.
   * @returns The session; `undefined` when no session owns the slot, or this instance does not know.
   */
  ownerOf(key: KvTableKey): string | undefined {
    assertKey(key);
    return this.#instance.ownerOf(key);
  }

  /**
   * Tells which instance owns the slot of a key, with what it shows of itself: as current as {@linkcode Cluster.ownerOf}.
   *
   * @param key A key of any table of the cluster.
   * @returns The session of that instance; `undefined` when no session owns the slot, or this instance does not know.
   *
   * @example Pass a request on to the instance that runs the process
   * ```ts
   * import { Cluster } from "@pact/supervisor/cluster";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const cluster = new Cluster(kv, { allowLocal: true, info: { url: "http://10.0.0.7:8000" } });
   * await cluster.run(() => {
   *   assertEquals(cluster.sessionOf("acme")?.isSelf, true);
   *   assertEquals(cluster.sessionOf("acme")?.info, { url: "http://10.0.0.7:8000" });
   * });
   * ```
   */
  sessionOf(key: KvTableKey): SessionOfKey | undefined {
    assertKey(key);
    return this.#instance.sessionOf(key);
  }

  /**
   * Has each heartbeat say how many keys of this instance are in each state, so that the others can show it; that costs no
   * write of its own. `inspect` does it for the supervisor that it is given.
   *
   * @param summary Is called at each heartbeat; what it throws is printed, and nothing is said then.
   * @returns Ends it when disposed of.
   * @throws {TypeError} If `summary` is not a function.
   *
   * @example All instances in numbers
   * ```ts
   * import { chain, MapTable, nop, Supervisor } from "@pact/supervisor";
   * import { Cluster } from "@pact/supervisor/cluster";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const cluster = new Cluster(kv, { allowLocal: true });
   * const supervisor = new Supervisor(new MapTable([["acme", nop]]));
   * using _counting = cluster.countBy(() => supervisor.summary().counts);
   * await chain(cluster, supervisor).run(() => {
   *   assertEquals(cluster.snapshot().sessions.map(({ counts }) => counts), [{ running: 1 }]);
   * });
   * ```
   */
  countBy(summary: () => Readonly<Record<string, number | undefined>>): Disposable {
    checkArgument("count keys", "the summary is a function", summary, typeof summary === "function");
    const counts = () => {
      try {
        return { ...summary() } as Counts;
      } catch (error) {
        printError("Cannot count the keys for the heartbeat", error);
      }
    };
    this.#instance.counts = counts;
    return {
      [Symbol.dispose]: () => {
        if (this.#instance.counts === counts) this.#instance.counts = () => undefined;
      },
    };
  }

  /**
   * Tells of each call that the cluster makes to the database from now on, when it has ended, as `KvTable.observeCalls` does
   * for those of a table. While there is no listener, nothing is measured.
   *
   * @param listener Is called right after the end of a call. What it throws is printed and changes nothing.
   * @param options A signal that ends it.
   * @returns Ends it when disposed of.
   * @throws {TypeError} If `listener` is not a function.
   */
  observeCalls(listener: Listener<KvCall>, options: { readonly signal?: AbortSignal } = {}): Disposable {
    return this.#instance.store.observe(listener, options);
  }

  /** Shows the cluster as this instance sees it, as plain data. */
  snapshot(): ClusterSnapshot {
    return takeSnapshot(this.#instance);
  }

  /**
   * Subscribes to what happens, in the order that {@linkcode ClusterEvent} promises. Without subscribers, failures are
   * printed to the console.
   *
   * @param listener Is called right after the step that caused the event. What it throws is printed and changes nothing.
   * @param options A signal that ends the subscription, and whether failures go on being printed.
   * @returns Ends the subscription when disposed of.
   */
  subscribe(listener: Listener<ClusterEvent>, options: SubscribeOptions = {}): Disposable {
    return this.#events.subscribe(listener, options);
  }

  #assertSameKv(operation: string, kv: Deno.Kv): void {
    if (!isOther(kv, this.#instance.store.kv)) return;
    throw new TypeError(
      `Cannot ${operation}: it must be made with the same Deno.Kv as the cluster, current value is another handle`,
    );
  }

  async #join(callback: RunCallback, signal: AbortSignal): Promise<void> {
    const membership = this.#instance.membership = new Membership(this.#instance);
    try {
      await abortable(membership.up, signal); // lives no longer than this run, which waits for it once
      await callUntilClosed(callback, signal, membership.closed);
    } finally {
      await this.#leave(membership, signal);
      this.#instance.membership = undefined;
      this.#events.flush();
    }
  }

  /** A run that is forced to end does not wait for a database that does not answer. */
  async #leave(membership: Membership, signal: AbortSignal): Promise<void> {
    let hurry: Disposable | undefined;
    using _forced = onAbort(signal, () => hurry = this.#instance.store.hurry(forcedCallMs));
    await membership.end();
    hurry?.[Symbol.dispose]();
  }

  async #idle(callback: RunCallback, signal: AbortSignal, timeline: string): Promise<void> {
    this.#instance.announce({ type: "cluster-idle", timeline });
    this.#instance.isIdle = true;
    try {
      await callback(signal);
    } finally {
      this.#instance.isIdle = false;
    }
  }
}

/** Calls back, with a signal that also aborts when the database is closed: that is what the run fails with then. */
async function callUntilClosed(callback: RunCallback, signal: AbortSignal, closed: AbortSignal): Promise<void> {
  const narrower = new AbortController();
  using _forced = onAbort(signal, () => narrower.abort(signal.reason));
  let isClosed = false;
  using _closed = onAbort(closed, () => {
    isClosed = !narrower.signal.aborted;
    narrower.abort(closed.reason);
  });
  try {
    await callback(narrower.signal);
  } catch (error) {
    if (!isClosed || !isAbortEcho(error, narrower.signal)) throw error;
  }
  if (isClosed) throw closed.reason;
}

/** Only a supervisor over the owned table asks for a claim before it has a process built. */
function mustHave(claim: Claim | undefined, key: KvTableKey): Claim {
  if (claim) return claim;
  throw new Error(
    `Cannot build process ${
      describeKey(key)
    }: it runs under no claim; give its supervisor the table itself, not its whole`,
  );
}

/** Tells whether two databases are different handles, as far as that can be told: what wraps a handle may wrap the other one. */
function isOther(one: Deno.Kv, other: Deno.Kv): boolean {
  return one !== other && one instanceof Deno.Kv && other instanceof Deno.Kv;
}

function printFailure(event: ClusterEvent): void {
  if (isFailure(event)) printLine(`cluster: ${describeClusterEvent(event)}`);
}

/** Returns the timeline of this instance, unless that may join. */
function foreignTimeline(allowed: string | undefined): string | undefined {
  const timeline = allowed === undefined ? undefined : Deno.env.get("DENO_TIMELINE");
  return timeline === allowed ? undefined : timeline;
}
