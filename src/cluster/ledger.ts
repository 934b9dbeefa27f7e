/**
 * Every access of a cluster to the database. Nothing here knows the time; each write is one compare-and-swap.
 *
 * A remote database may land a write and still refuse it, when it repeats a write whose reply was lost. So whatever is
 * refused is read back, and what carries our own nonce has landed.
 *
 * @module
 */

import { allClaims, allSessions, claimKey, sessionKey } from "../kv/keys.ts";
import type { KvStore } from "../kv/store.ts";
import {
  assertClaimRecord,
  assertSessionRecord,
  type ClaimRecord,
  isClaimRecord,
  recordFormat,
  type SessionRecord,
  type Stored,
} from "./records.ts";

/** All records of a cluster at one moment, or nearly: rows that are read in several batches may belong to several. */
export interface ClusterView {
  /** The sessions by id. */
  readonly sessions: ReadonlyMap<string, Stored<SessionRecord>>;
  /** The claims by slot. */
  readonly claims: ReadonlyMap<number, Stored<ClaimRecord>>;
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

/** A slot to take, as it was seen. */
export interface SlotSeen {
  /** The slot. */
  readonly slot: number;
  /** The commit of what stands there, `null` when there is nothing. */
  readonly versionstamp: string | null;
  /** Who owned it. */
  readonly owner: string | undefined;
}

/** Databases that one hosts oneself allow 10 checks in an atomic operation. */
const maxChecks = 10;
/** How many rows are read at once. */
const batchSize = 500;
/** How often a take is tried again that our own heartbeat has overtaken. */
const maxTries = 3;

/** Reads and writes the records of one cluster. */
export class Ledger {
  readonly #store: KvStore;
  readonly #prefix: Deno.KvKey;
  readonly #slots: number;

  /**
   * @param store The database.
   * @param prefix Where the cluster lives.
   * @param slots How many slots there are.
   */
  constructor(store: KvStore, prefix: Deno.KvKey, slots: number) {
    this.#store = store;
    this.#prefix = prefix;
    this.#slots = slots;
  }

  /** Returns the key of the claim on a slot. */
  claimKey(slot: number): Deno.KvKey {
    return claimKey(this.#prefix, slot);
  }

  /**
   * Reads everything: one listing of the sessions and one of the claims.
   *
   * @throws {ClusterMismatchError} When an instance writes what this one cannot work with.
   */
  async look(): Promise<ClusterView> {
    const [sessionRows, claimRows] = await Promise.all([
      this.#list("list the sessions", allSessions(this.#prefix)),
      this.#list("list the claims", allClaims(this.#prefix, this.#slots)),
    ]);
    const sessions = new Map<string, Stored<SessionRecord>>();
    for (const { key, value, versionstamp } of sessionRows) {
      assertSessionRecord(key, value, this.#slots);
      sessions.set(value.session, { record: value, versionstamp });
    }
    const claims = new Map<number, Stored<ClaimRecord>>();
    for (const { key, value, versionstamp } of claimRows) {
      assertClaimRecord(key, value);
      claims.set(key.at(-1) as number, { record: value, versionstamp });
    }
    return { sessions, claims };
  }

  /**
   * Writes the record of a session over its last one.
   *
   * @param record What to write.
   * @param last The commit of the last one, `null` for a new session.
   * @returns What stands there now: this record, an earlier one that landed late, or nothing when the session was buried.
   */
  async beat(record: SessionRecord, last: string | null): Promise<Stored<SessionRecord> | undefined> {
    const key = sessionKey(this.#prefix, record.session);
    const { kv } = this.#store;
    const commit = () => kv.atomic().check({ key, versionstamp: last }).set(key, record).commit();
    const result = await this.#store.call("write the heartbeat", commit);
    if (result.ok) return { record, versionstamp: result.versionstamp };
    const { value, versionstamp } = await this.#store.call("read the heartbeat back", () => kv.get(key));
    if (versionstamp === null) return undefined;
    assertSessionRecord(key, value, this.#slots);
    return { record: value, versionstamp };
  }

  /**
   * Deletes the record of a session, which can then never beat or claim again.
   *
   * @param id The session.
   * @param last The commit that it has not moved from; without one it is deleted in any case, which only the session itself may do.
   * @returns Whether it is gone.
   */
  async bury(id: string, last?: string): Promise<boolean> {
    const key = sessionKey(this.#prefix, id);
    const { kv } = this.#store;
    const commit = () =>
      (last === undefined ? kv.atomic() : kv.atomic().check({ key, versionstamp: last })).delete(key).commit();
    const result = await this.#store.call("delete a session", commit);
    if (result.ok) return true;
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
    const key = sessionKey(this.#prefix, claimant.id);
    const record: ClaimRecord = { format: recordFormat, session: claimant.id, nonce: claimant.nextNonce() };
    for (let tries = 0; tries < maxTries; tries++) {
      await claimant.beating;
      const { versionstamp } = claimant;
      const commit = () => {
        const atomic = this.#store.kv.atomic().check({ key, versionstamp });
        for (const owner of ownersOf(seen, claimant.id)) {
          atomic.check({ key: sessionKey(this.#prefix, owner), versionstamp: null });
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
   * @param held The slots and the commits of our claims on them, at most 10.
   * @returns The slots whose claim is not ours any more.
   */
  async release(held: ReadonlyMap<number, string>): Promise<number[]> {
    const { kv } = this.#store;
    const commit = () => {
      const atomic = kv.atomic();
      for (const [slot, versionstamp] of held) {
        const key = this.claimKey(slot);
        atomic.check({ key, versionstamp }).delete(key);
      }
      return atomic.commit();
    };
    const slots = [...held.keys()];
    const result = await this.#store.call("release slots", commit);
    if (result.ok) return slots;
    const rows = await this.#readBack(slots);
    return slots.filter((slot, index) => rows[index].versionstamp !== held.get(slot));
  }

  async #landed(seen: readonly SlotSeen[], record: ClaimRecord): Promise<Map<number, string>> {
    const rows = await this.#readBack(seen.map(({ slot }) => slot));
    const landed = new Map<number, string>();
    rows.forEach(({ value, versionstamp }, index) => {
      const isOurs = isClaimRecord(value) && value.session === record.session && value.nonce === record.nonce;
      if (isOurs && versionstamp !== null) landed.set(seen[index].slot, versionstamp);
    });
    return landed;
  }

  #readBack(slots: readonly number[]): Promise<Deno.KvEntryMaybe<unknown>[]> {
    const keys = slots.map((slot) => this.claimKey(slot));
    return this.#store.call("read slots back", () => this.#store.kv.getMany<unknown[]>(keys));
  }

  async #list(operation: string, selector: Deno.KvListSelector): Promise<Deno.KvEntry<unknown>[]> {
    const rows: Deno.KvEntry<unknown>[] = [];
    let cursor: string | undefined = "";
    while (cursor !== undefined) {
      const batch = await this.#store.list(operation, selector, { limit: batchSize, cursor });
      rows.push(...batch.rows);
      cursor = batch.cursor;
    }
    return rows;
  }
}

/**
 * Divides slots into groups that one operation can take.
 *
 * @param seen The slots.
 * @param self Who takes them.
 * @returns The groups: each needs at most 10 checks, one of them for the session that takes.
 */
export function takeable(seen: readonly SlotSeen[], self: string): SlotSeen[][] {
  const groups: SlotSeen[][] = [];
  let group: SlotSeen[] = [];
  for (const each of seen) {
    const grown = [...group, each];
    if (1 + ownersOf(grown, self).size + grown.length > maxChecks) {
      groups.push(group);
      group = [each];
    } else {
      group = grown;
    }
  }
  return group.length > 0 ? [...groups, group] : groups;
}

function ownersOf(seen: readonly SlotSeen[], self: string): Set<string> {
  const owners = new Set<string>();
  for (const { owner } of seen) if (owner !== undefined && owner !== self) owners.add(owner);
  return owners;
}
