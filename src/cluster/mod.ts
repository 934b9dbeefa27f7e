/**
 * Several instances of one program share one table, and each process runs in one of them.
 *
 * **What is promised:** at most one valid claim holder per slot. A process of a former holder may still execute for a
 * moment, but a write that carries the check of its claim is refused by the database. A slot of a dead session has a new
 * owner within its time to live plus two heartbeats, as long as one live session exists. Nothing runs while no instance runs.
 *
 * **How a process fences its own writes:** `create` is given the claim, and every atomic operation is committed under it.
 *
 * ```ts ignore
 * create: (spec, key, { claim }) => leaf(async (signal) => {
 *   const { ok } = await claim.commit(kv.atomic().set(["out", key], await work(spec, signal)));
 *   if (!ok) throw new Error("another instance owns this process now");
 * }),
 * ```
 *
 * `commit` adds `claim.check`, a `Deno.AtomicCheck` that you can also add yourself, and tries again while a file is locked.
 *
 * **What cannot be fenced:** a call to someone else's API, an e-mail, a message to a socket. Give the other side
 * `claim.token`, which sorts behind the token of every former holder, so that it can refuse a smaller one; or make the call
 * harmless to repeat, with a key of its own for each piece of work (an idempotency key); and pass `signal` on, which aborts
 * when the claim is lost.
 *
 * **What an outage does:** while the database does not answer, each session fences itself after two thirds of its time to
 * live, and what it runs is aborted. That is announced once, as `database-unavailable`, and so is the end of it. Meanwhile few
 * calls are made, since Deno repeats each that fails for ever: of each kind one, of heartbeats two, and one instance after an
 * hour has fewer than twenty unanswered ones. A write that waits in vain rejects with `KvUnavailableError`: nothing was sent.
 * Instances join again by themselves; what is promised counts from the return of the database where it was not there, and
 * from the first probe that is answered where it had taken calls and never answered. Probes come once in a heartbeat where
 * `path` is a URL, and otherwise after pauses that double.
 *
 * **What clocks may do:** sessions judge each other by their own monotonic clocks, which may run 20 % fast or slow.
 * A machine that was suspended may take itself for the owner until its first call to the database; so may a process for as
 * long as it blocks the event loop. Their guarded writes are refused all the same.
 *
 * **What happens when a database is set back** to an earlier copy, emptied or replaced while instances run: each notices
 * within a heartbeat, says so in a `database-replaced` event, gives everything up and joins again; two heartbeats later it
 * runs what the database lists. Versionstamps begin again in such a database, and so do tokens. Until an instance has noticed,
 * what it runs may run elsewhere as well; its guarded writes are refused. So stop all instances before you restore a backup.
 * Whether all of them use the same database is checked again and again, too: a file is compared with the one that is open at
 * every look, with the permission to read it; otherwise, and for a URL, every second look goes through a second handle.
 *
 * **What happens when you deploy:** each instance has a `revision`, and the one that came last is the newest. A slot with a
 * living owner never changes its revision by itself: what an older instance leaves, drains or loses by its death goes to
 * instances of the newest revision that have proven themselves, with three heartbeats. Start all new ones, wait for three
 * heartbeats, then stop the old ones: each process moves once. An instance that may be the restart of one that
 * crashed young has more to prove, 48 heartbeats; nothing waits for it as long as another one lives. {@linkcode Cluster.drain}
 * has one instance hand over what it has, and live on.
 *
 * Coordination goes through the database only; instances need not reach each other. The ideas are those of Chubby (Burrows
 * 2006) and of fencing tokens as Kleppmann describes them.
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
 * const cluster = new Cluster(kv, { allowLocal: true }); // in production, a database that others can see
 * const supervisor = new Supervisor(cluster.own(table));
 * await chain(cluster, supervisor).run(() => assertEquals(supervisor.keys(), ["acme"]));
 * ```
 *
 * @module
 */

export { Cluster } from "./cluster.ts";
export { describeClusterEvent } from "./describe.ts";
export type { KvCall, KvPurpose } from "../kv/mod.ts";
export { KvClosedError, KvTimeoutError, KvUnavailableError } from "../kv/errors.ts";
export { ClaimLostError, ClusterMismatchError, LocalDatabaseError } from "./errors.ts";
export type {
  ClusterEvent,
  ClusterFailedEvent,
  ClusterIdleEvent,
  ClusterWaitingEvent,
  DatabaseAvailableEvent,
  DatabaseReplacedEvent,
  DatabaseUnavailableEvent,
  SessionDeadEvent,
  SessionFencedEvent,
  SessionJoinedEvent,
  SessionLeftEvent,
  SlotClaimedEvent,
  SlotReleasedEvent,
} from "./events.ts";
export type { ClusterOptions } from "./options.ts";
export type { OwnedTable, OwnedTableContext, OwnedTableOptions } from "./owned_table.ts";
export type { ClusterSnapshot, ClusterState, SessionOfKey, SessionSnapshot } from "./snapshot.ts";
export { slotOf } from "./placement.ts";
