/**
 * Every access of a cluster to the database. Nothing here knows the time; each write is one compare-and-swap.
 *
 * Claims are listed only when they may have changed. The bell, a record among the sessions, tells that:
 *
 * ```text
 *   write   one atomic operation: a claim is set or deleted, a session is deleted or accepts otherwise  +  the bell is set
 *   look    list the bell and the sessions ──▶ has the bell moved? ──▶ list the claims ──▶ remember bell and claims together
 * ```
 *
 * Each order has a reason. **The ring is in the operation that it tells of**: before it, a reader would list what has not
 * changed yet; after it, a writer that dies in between would never ring. It is a mutation without a check, so rings never
 * keep each other out. **The bell is read before the claims**: a claim that changes between the two moves the bell once more,
 * and the next look lists again. **The bell is remembered after the claims have been listed to the end**: a listing that
 * fails half-way would leave the old claims with the new bell, and nothing would ever mend them.
 *
 * **Beside each claim stands a token**, whose key has the session in it: both are set in one operation, and whatever takes the
 * slot deletes the tokens of others. That key is what guarded writes check, and a take of its owner's slot: a versionstamp
 * alone may stand for another owner when the database was set back.
 *
 * A remote database may land a write and still refuse it, when it repeats a write whose reply was lost. So what is refused
 * is read back, and a record with our own nonce has landed.
 *
 * @module
 */

import type { KeyPart } from "../kv/key_parts.ts";
import { Keyspace, type KvRange } from "../kv/keyspace.ts";
import type { KvStore } from "../kv/store.ts";
import { type Batch, type Position, readBatch } from "../kv/unreadable.ts";
import { Enrolments } from "./enrolments.ts";
import {
  type ClaimRecord,
  type ClusterView,
  isClaimRecord,
  isSessionId,
  isSessionRecord,
  recordFormat,
  type SessionInfo,
  type SessionRecord,
  type SessionSeen,
  type SlotSeen,
  toSession,
  unreadableStamp,
} from "./records.ts";
import { checkOf, ownersOf, takeSlot, type TokensSeen } from "./takeable.ts";

/** What a take needs of the session that takes. */
export interface Claimant {
  readonly id: string;
  /** The commit of its last heartbeat. */
  readonly versionstamp: string | null;
  /** Resolves when no heartbeat is under way. */
  readonly beating: Promise<void>;
  /** Returns a number that it has never returned before. */
  nextNonce(): number;
}

/** What stands in the place of a session's record after a beat; if nothing does, where the bell stands. */
export type Beaten =
  | { readonly nonce: number; readonly versionstamp: string }
  | { readonly versionstamp: null; readonly bell: string | null };

/** What a {@linkcode Ledger} needs beside the database, among it what the sessions of this instance say of themselves. */
export interface LedgerOptions extends SessionInfo {
  /** Where the cluster lives. */
  readonly prefix: Deno.KvKey;
  /** Into how many slots the keys are divided. */
  readonly slots: number;
  /** The time to live of a session that cannot be read, in ms. */
  readonly ttlMs: number;
}

/** The sessions at one moment, and when ownership last changed before it. */
export interface SessionsView {
  /** The sessions by id. */
  readonly sessions: ClusterView["sessions"];
  /** The commit of the bell, `null` before the first ring; `undefined` if it is not known, and so may have moved. */
  readonly bell: string | null | undefined;
}

/** What a look finds: claims and revisions are as they were when the bell had that commit, or newer. */
export interface LedgerView extends ClusterView, SessionsView {
  /** The revisions of the program in the order in which they came. */
  readonly revisions: readonly string[];
}

/** How many rows are read at once. */
const batchSize = 500;
/** How often a take is tried that our own heartbeat overtakes. */
const maxTries = 3;
/** Reads and writes the records of one cluster. */
export class Ledger {
  readonly #store: KvStore;
  readonly #options: LedgerOptions;
  /** The key of every record of the cluster. */
  readonly keys: Keyspace;
  /** What instances say of themselves once. */
  readonly enrolments: Enrolments;

  constructor(store: KvStore, options: LedgerOptions) {
    this.#store = store;
    this.#options = options;
    const keys = this.keys = new Keyspace(options.prefix);
    this.enrolments = new Enrolments({ store, keys, said: options, ring: (atomic) => this.#ring(atomic) });
  }

  /** Returns the key of what stands as long as a session owns a slot. */
  tokenKey(slot: number, id: string): Deno.KvKey {
    return this.keys.token(slot, id);
  }

  /**
   * Reads the sessions, and the claims and the order of the revisions if they may have changed.
   *
   * @param known What an earlier look found; without it all is read in any case.
   * @param seen The sessions, if they have just been listed.
   */
  async look(known?: LedgerView, seen?: SessionsView): Promise<LedgerView> {
    const { sessions, bell } = seen ?? await this.sessions();
    if (bell === undefined) await this.#mendBell();
    const areKnown = known !== undefined && bell !== undefined && bell === known.bell;
    const { claims, revisions } = areKnown ? known : await this.#ownership();
    return { sessions, claims, revisions, bell };
  }

  /** Reads the sessions and the bell: one listing. Rows of other kinds, which a later version may write, are none of both. */
  async sessions(): Promise<SessionsView> {
    return this.#toSessions(await this.#list("sessions", this.keys.sessions));
  }

  /** Reads them through another handle: one call. */
  async sessionsIn(kv: Deno.Kv): Promise<SessionsView> {
    return this.#toSessions(await Array.fromAsync(kv.list(this.keys.sessions, { batchSize })));
  }

  #toSessions(rows: readonly Deno.KvEntry<unknown>[]): SessionsView {
    const { bell: bellKey } = this.keys;
    const sessions = new Map<string, SessionSeen>();
    let bell: string | null | undefined = null;
    for (const row of rows) {
      if (row.key.length !== bellKey.length) continue;
      const id = row.key.at(-1);
      if (id === bellKey.at(-1)) bell = row.versionstamp === unreadableStamp ? undefined : row.versionstamp;
      else if (isSessionId(id)) sessions.set(id, toSession(row, this.#options));
    }
    return { sessions, bell };
  }

  async #ownership(): Promise<Pick<LedgerView, "claims" | "revisions">> {
    const [claims, { order }] = await settleAll([this.#claims(), this.enrolments.revisions()]);
    return { claims, revisions: order };
  }

  async #claims(): Promise<ClusterView["claims"]> {
    const claims = new Map<number, SlotSeen>();
    for (
      const { key, value, versionstamp } of await this.#list("claims", this.keys.claims(this.#options.slots))
    ) {
      const slot = key.at(-1);
      if (key.length !== this.keys.bell.length || typeof slot !== "number") continue;
      claims.set(slot, { slot, versionstamp, owner: isClaimRecord(value) ? value.session : undefined });
    }
    return claims;
  }

  /**
   * Writes the record of a session over its last one. What the session says of itself is written with its first record.
   *
   * @param last The commit of the last one, `null` for a new session.
   * @param options Whether what the session accepts may differ from what the last record says; and what is called in the
   * moment in which the record is sent: what it throws has it not be sent.
   * @returns What stands there now: this record, or an earlier one that landed late; nothing when the session was buried.
   */
  async beat(
    record: SessionRecord,
    last: string | null,
    { isNews = false, sending }: { readonly isNews?: boolean; readonly sending?: () => void } = {},
  ): Promise<Beaten> {
    const key = this.#sessionKey(record.session);
    const { kv } = this.#store;
    const commit = () => {
      sending?.();
      const atomic = kv.atomic().check({ key, versionstamp: last }).set(key, record);
      if (last === null) this.enrolments.write(atomic, record.session);
      return (isNews ? this.#ring(atomic) : atomic).commit();
    };
    const result = await this.#store.call("write the heartbeat", commit, { purpose: "heartbeat" });
    if (result.ok) return { nonce: record.nonce, versionstamp: result.versionstamp };
    const read = () => kv.getMany<[unknown, unknown]>([key, this.keys.bell]);
    const [own, bell] = await this.#store.call("read the heartbeat back", read, { purpose: "heartbeat" });
    const { value, versionstamp } = own;
    if (versionstamp === null || !isSessionRecord(value)) return { versionstamp: null, bell: bell.versionstamp };
    return { nonce: value.nonce, versionstamp };
  }

  /**
   * Deletes the record of a session, which can then never beat or claim again. A first write that was given up may still
   * land: it stands there until it is declared dead, too.
   *
   * @param last The commit that it has not moved from; without one it is deleted in any case, which only the session itself
   * may do. So is a record that cannot be read: if its session lives, it is fenced and joins again.
   * @returns Whether it is gone.
   */
  bury(id: string, last?: string | null): Promise<boolean> {
    return this.#delete(id, last, (atomic) => atomic);
  }

  /** Deletes the record of a session that leaves, and leaves a note for the instance that takes its place. */
  leave(id: string): Promise<boolean> {
    return this.#delete(id, undefined, (atomic) => this.enrolments.leaveNote(atomic));
  }

  async #delete(
    id: string,
    last: string | null | undefined,
    besides: (atomic: Deno.AtomicOperation) => Deno.AtomicOperation,
  ): Promise<boolean> {
    const key = this.#sessionKey(id);
    const { kv } = this.#store;
    const commit = () => {
      // A write without any check would hold up the handle for 5 s while the file is locked.
      const isAnyCase = last === undefined || last === null || last === unreadableStamp;
      const check = isAnyCase ? { key: this.keys.probe(id), versionstamp: null } : { key, versionstamp: last };
      return this.#ring(besides(kv.atomic().check(check).delete(key).delete(this.keys.info(id)))).commit();
    };
    if ((await this.#store.call("delete a session", commit, { purpose: "burial" })).ok) return true;
    return (await this.#store.call("read a session back", () => kv.get(key), { purpose: "burial" })).versionstamp ===
      null;
  }

  /** Reads which tokens stand in slots that are to be taken. */
  async withTokens(seen: readonly SlotSeen[]): Promise<TokensSeen[]> {
    if (seen.length === 0) return [];
    const slots = seen.map(({ slot }) => slot);
    const tokens = await this.tokens(Math.min(...slots), Math.max(...slots) + 1);
    return seen.map((each) => ({ ...each, tokens: tokens.get(each.slot) ?? new Map() }));
  }

  /** Reads the commits of the tokens by slot and session, of the slots from one up to another. */
  async tokens(from: number, to: number): Promise<ReadonlyMap<number, ReadonlyMap<string, string>>> {
    const tokens = new Map<number, Map<string, string>>();
    for (const { key, versionstamp } of await this.#list("tokens", this.keys.tokens(from, to))) {
      const [slot, id] = key.slice(-2) as [number, string];
      tokens.set(slot, (tokens.get(slot) ?? new Map<string, string>()).set(id, versionstamp));
    }
    return tokens;
  }

  /**
   * Takes slots whose owner has no session, and deletes whatever tokens stand there.
   *
   * @param claimant The session that takes them: its record must stand.
   * @param seen What stood in their places: one group of `takeable`.
   * @param bell The commit of the bell when they were seen: that nothing has changed since is all that can be checked of a
   * claim that cannot be read.
   * @returns The commits of the claims that are taken now, by slot.
   */
  async take(
    claimant: Claimant,
    seen: readonly TokensSeen[],
    bell?: string | null,
  ): Promise<Map<number, string>> {
    const key = this.#sessionKey(claimant.id);
    const record: ClaimRecord = { format: recordFormat, session: claimant.id, nonce: claimant.nextNonce() };
    for (let tries = 0; tries < maxTries; tries++) {
      await claimant.beating;
      const { versionstamp } = claimant;
      if (versionstamp === null) break; // buried meanwhile: a check for that would take slots because its record is gone
      const commit = () => {
        const atomic = this.#store.kv.atomic().check({ key, versionstamp });
        for (const owner of ownersOf(seen, claimant.id)) {
          atomic.check({ key: this.#sessionKey(owner), versionstamp: null });
        }
        for (const each of seen) takeSlot(atomic.check(checkOf(each, bell, this.keys)), each, record, this.keys);
        return this.#ring(atomic).commit();
      };
      const result = await this.#store.call("take slots", commit, { purpose: "ownership" });
      if (result.ok) return new Map(seen.map(({ slot }) => [slot, result.versionstamp]));
      const landed = await this.#landed(seen, record);
      if (landed.size > 0) return landed;
      await claimant.beating;
      if (claimant.versionstamp === versionstamp) break; // not our own heartbeat: another session was faster
    }
    return new Map();
  }

  /**
   * Gives slots back.
   *
   * @param id The session that owns them.
   * @param tokens The commits of its claims, by slot: at most `maxChecks`.
   */
  async release(id: string, tokens: ReadonlyMap<number, string>): Promise<void> {
    // Whatever the reason of a refusal, the claims are no longer ours, or the next look finds that they still are.
    await this.#store.call("release slots", () => {
      const atomic = this.#store.kv.atomic();
      for (const [slot, versionstamp] of tokens) {
        const key = this.tokenKey(slot, id);
        atomic.check({ key, versionstamp }).delete(key).delete(this.keys.claim(slot));
      }
      return this.#ring(atomic).commit();
    }, { purpose: "ownership" });
  }

  /**
   * Commits what a process writes under its claim: an operation that has the check of the claim.
   *
   * @param isHeld Is asked whenever it is sent, as it may have waited; what is sent already goes on.
   */
  commit(
    atomic: Deno.AtomicOperation,
    isHeld: () => boolean,
  ): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    const commit = async () => isHeld() ? await atomic.commit() : { ok: false } as const;
    return this.#store.call("write under a claim", commit, { purpose: "write" });
  }

  async #landed(seen: readonly SlotSeen[], record: ClaimRecord): Promise<Map<number, string>> {
    const keys = seen.map(({ slot }) => this.keys.claim(slot));
    const rows = await this.#store.call("read slots back", () => this.#store.kv.getMany<unknown[]>(keys), {
      purpose: "ownership",
    });
    const landed = new Map<number, string>();
    rows.forEach(({ value, versionstamp }, index) => {
      const isOurs = isClaimRecord(value) && value.session === record.session && value.nonce === record.nonce;
      if (isOurs && versionstamp !== null) landed.set(seen[index].slot, versionstamp);
    });
    return landed;
  }

  /** Reads the commit of the bell alone. */
  async bell(): Promise<string | null> {
    const key = this.keys.bell;
    return (await this.#store.call("read the bell", () => this.#store.kv.get(key), { purpose: "bell" })).versionstamp;
  }

  /** A bell that cannot be read tells nothing, and so the claims are listed in any case, until it is rung. */
  async #mendBell(): Promise<void> {
    const unlocked = { key: this.keys.probe("bell"), versionstamp: null }; // as in bury
    const commit = () => this.#ring(this.#store.kv.atomic().check(unlocked)).commit();
    await this.#store.call("ring the bell", commit, { purpose: "bell" });
  }

  /** Has others list the claims, and look at once. */
  #ring(atomic: Deno.AtomicOperation): Deno.AtomicOperation {
    return atomic.set(this.keys.bell, recordFormat); // the value does not matter: its commit is new
  }

  #sessionKey(id: string): Deno.KvKey {
    return this.keys.session(id);
  }

  async #list(records: "sessions" | "claims" | "tokens", { start, end }: KvRange): Promise<Deno.KvEntry<unknown>[]> {
    const rows: Deno.KvEntry<unknown>[] = [];
    const [from, to] = [start, end].map((key) => key.at(-1) as KeyPart);
    const purpose = records === "sessions" ? "sessions" : "claims";
    let position: Position | undefined = { prefix: start.slice(0, -1), from, to, cursor: "" };
    while (position !== undefined) {
      const batch: Batch = await readBatch(this.#store, `list the ${records}`, position, { purpose, limit: batchSize });
      rows.push(...batch.rows);
      if (batch.unreadable) rows.push({ key: batch.unreadable.key, value: undefined, versionstamp: unreadableStamp });
      position = batch.next;
    }
    return rows;
  }
}

/** Waits until all promises have settled: `Promise.all` would return at the first failure, while the others go on. */
export async function settleAll<const T extends readonly unknown[]>(
  promises: { readonly [I in keyof T]: Promise<T[I]> },
): Promise<T> {
  await Promise.allSettled(promises);
  return await Promise.all(promises) as unknown as T;
}
