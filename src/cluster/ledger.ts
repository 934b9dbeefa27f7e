/**
 * Every access of a cluster to the database. Nothing here knows the time; each write is one compare-and-swap.
 *
 * A remote database may land a write and still refuse it, when it repeats a write whose reply was lost. So whatever is
 * refused is read back, and what carries our own nonce has landed.
 *
 * @module
 */

import { Keyspace } from "../kv/keyspace.ts";
import type { KvStore } from "../kv/store.ts";
import {
  type ClaimRecord,
  isClaimRecord,
  isSessionRecord,
  recordFormat,
  type SessionRecord,
  type SessionSeen,
  toSession,
} from "./records.ts";
import { allSettled } from "./all_settled.ts";
import { ownersOf, type SlotSeen } from "./slot_seen.ts";

/** All records of a cluster at one moment, or nearly: rows that are read in several batches may belong to several. */
export interface ClusterView {
  /** The sessions by id. */
  readonly sessions: ReadonlyMap<string, SessionSeen>;
  /** What stands in the place of each claim, by slot. */
  readonly claims: ReadonlyMap<number, SlotSeen>;
}

/** Who writes a claim. */
export interface Claimant {
  /** The session. */
  readonly id: string;
  /** The commit of its last heartbeat. */
  readonly versionstamp: string | null;
  /** Resolves when no heartbeat is under way. */
  readonly beating: Promise<void>;
  /** Returns a number that it never gave before. */
  nextNonce(): number;
}

/** What a {@linkcode Ledger} needs beside the database. */
export interface LedgerOptions {
  /** Where the cluster lives. */
  readonly prefix: Deno.KvKey;
  /** Into how many slots the keys are divided. */
  readonly slots: number;
  /** The time to live of a session that cannot be read, in ms. */
  readonly ttlMs: number;
}

/** How many rows are read at once. */
const batchSize = 500;
/** How often a take is tried again that our own heartbeat has overtaken. */
const maxTries = 3;

/** Reads and writes the records of one cluster. */
export class Ledger {
  readonly #store: KvStore;
  readonly #options: LedgerOptions;
  readonly #keys: Keyspace;

  /**
   * @param store The database.
   * @param options Where the cluster lives and how it is divided.
   */
  constructor(store: KvStore, options: LedgerOptions) {
    this.#store = store;
    this.#options = options;
    this.#keys = new Keyspace(options.prefix);
  }

  /** Returns the key of the claim on a slot. */
  claimKey(slot: number): Deno.KvKey {
    return this.#keys.claim(slot);
  }

  /** Reads everything: one listing of the sessions and one of the claims. */
  async look(): Promise<ClusterView> {
    const { slots } = this.#options;
    const [sessionRows, claimRows] = await allSettled([
      this.#list("list the sessions", this.#keys.sessions),
      this.#list("list the claims", this.#keys.claims(slots)),
    ]);
    const sessions = new Map<string, SessionSeen>();
    for (const row of sessionRows) sessions.set(row.key.at(-1) as string, toSession(row, this.#options));
    const claims = new Map<number, SlotSeen>();
    for (const { key, value, versionstamp } of claimRows) {
      const slot = key.at(-1) as number;
      claims.set(slot, { slot, versionstamp, owner: isClaimRecord(value) ? value.session : undefined });
    }
    return { sessions, claims };
  }

  /**
   * Writes the record of a session over its last one.
   *
   * @param record What to write.
   * @param last The commit of the last one, `null` for a new session.
   * @param isNews Whether others should look at once.
   * @returns The nonce and the commit of what stands there now: this record, or an earlier one that landed late; nothing
   * when the session was buried.
   */
  async beat(
    record: SessionRecord,
    last: string | null,
    isNews = false,
  ): Promise<{ nonce: number; versionstamp: string } | undefined> {
    const key = this.#sessionKey(record.session);
    const { kv } = this.#store;
    const commit = () => {
      const atomic = kv.atomic().check({ key, versionstamp: last }).set(key, record);
      return (isNews ? this.#ring(atomic) : atomic).commit();
    };
    const result = await this.#store.call("write the heartbeat", commit);
    if (result.ok) return { nonce: record.nonce, versionstamp: result.versionstamp };
    const { value, versionstamp } = await this.#store.call("read the heartbeat back", () => kv.get(key));
    return versionstamp !== null && isSessionRecord(value) ? { nonce: value.nonce, versionstamp } : undefined;
  }

  /**
   * Deletes the record of a session, which can then never beat or claim again. A first write that was given up may still
   * land: it stands there until it is declared dead, too.
   *
   * @param id The session.
   * @param last The commit that it has not moved from; without one it is deleted in any case, which only the session itself
   * may do.
   * @returns Whether it is gone.
   */
  async bury(id: string, last?: string): Promise<boolean> {
    const key = this.#sessionKey(id);
    const { kv } = this.#store;
    const commit = () => {
      // A write without any check would hold up the handle for 5 s while the file is locked.
      const check = last === undefined
        ? { key: this.#keys.probe(id), versionstamp: null }
        : { key, versionstamp: last };
      return this.#ring(kv.atomic().check(check).delete(key)).commit();
    };
    if ((await this.#store.call("delete a session", commit)).ok) return true;
    return (await this.#store.call("read a session back", () => kv.get(key))).versionstamp === null;
  }

  /**
   * Takes slots whose owner has no session, as many at once as one operation can check.
   *
   * @param claimant Who takes them: its session must exist.
   * @param seen What stood there.
   * @returns The slots that are taken now, by their commit.
   */
  async take(claimant: Claimant, seen: readonly SlotSeen[]): Promise<Map<number, string>> {
    const key = this.#sessionKey(claimant.id);
    const record: ClaimRecord = { format: recordFormat, session: claimant.id, nonce: claimant.nextNonce() };
    for (let tries = 0; tries < maxTries; tries++) {
      await claimant.beating;
      const { versionstamp } = claimant;
      const commit = () => {
        const atomic = this.#store.kv.atomic().check({ key, versionstamp });
        for (const owner of ownersOf(seen, claimant.id)) {
          atomic.check({ key: this.#sessionKey(owner), versionstamp: null });
        }
        for (const each of seen) {
          const claim = this.claimKey(each.slot);
          atomic.check({ key: claim, versionstamp: each.versionstamp }).set(claim, record);
        }
        return atomic.commit();
      };
      const result = await this.#store.call("take slots", commit);
      if (result.ok) return new Map(seen.map(({ slot }) => [slot, result.versionstamp]));
      const landed = await this.#landed(seen, record);
      if (landed.size > 0) return landed;
      await claimant.beating;
      if (claimant.versionstamp === versionstamp) break; // not our own heartbeat: somebody else was faster
    }
    return new Map();
  }

  /**
   * Gives slots back.
   *
   * @param tokens The slots and the commits of our claims on them, at most 10.
   */
  async release(tokens: ReadonlyMap<number, string>): Promise<void> {
    // Whatever it is refused for, the claims are not ours any more, or the next look finds that they still are.
    await this.#store.call("release slots", () => {
      const atomic = this.#store.kv.atomic();
      for (const [slot, versionstamp] of tokens) {
        const key = this.claimKey(slot);
        atomic.check({ key, versionstamp }).delete(key);
      }
      return this.#ring(atomic).commit();
    });
  }

  /**
   * Commits what a process writes under its claim.
   *
   * @param atomic The operation, with the check of the claim.
   */
  commit(atomic: Deno.AtomicOperation): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
    return this.#store.call("write under a claim", () => atomic.commit());
  }

  async #landed(seen: readonly SlotSeen[], record: ClaimRecord): Promise<Map<number, string>> {
    const keys = seen.map(({ slot }) => this.claimKey(slot));
    const rows = await this.#store.call("read slots back", () => this.#store.kv.getMany<unknown[]>(keys));
    const landed = new Map<number, string>();
    rows.forEach(({ value, versionstamp }, index) => {
      const isOurs = isClaimRecord(value) && value.session === record.session && value.nonce === record.nonce;
      if (isOurs && versionstamp !== null) landed.set(seen[index].slot, versionstamp);
    });
    return landed;
  }

  /** Reads the commit of the record that is rewritten when slots become free. */
  async bell(): Promise<string | null> {
    const key = this.#keys.bell;
    return (await this.#store.call("read the bell", () => this.#store.kv.get(key))).versionstamp;
  }

  /** Has others look at once. */
  #ring(atomic: Deno.AtomicOperation): Deno.AtomicOperation {
    return atomic.set(this.#keys.bell, recordFormat); // the value does not matter: its commit is new
  }

  #sessionKey(id: string): Deno.KvKey {
    return this.#keys.session(id);
  }

  /** Lists rows, without those of a table that lives below. */
  async #list(operation: string, selector: { start: Deno.KvKey; end: Deno.KvKey }): Promise<Deno.KvEntry<unknown>[]> {
    const rows: Deno.KvEntry<unknown>[] = [];
    let cursor: string | undefined = "";
    while (cursor !== undefined) {
      const batch = await this.#store.list(operation, selector, { limit: batchSize, cursor });
      rows.push(...batch.rows.filter(({ key }) => key.length === selector.start.length));
      cursor = batch.cursor;
    }
    return rows;
  }
}
