/**
 * What instances say of themselves once, before they do anything: in the database.
 *
 * @module
 */

import type { Keyspace } from "../kv/keyspace.ts";
import type { KvStore } from "../kv/store.ts";
import { isUnreadable } from "../kv/unreadable.ts";
import {
  type InfoRecord,
  recordFormat,
  type RevisionsRecord,
  type SessionInfo,
  type SessionSeen,
  toInfo,
  toRevisions,
  unreadableStamp,
} from "./records.ts";
import { orderAfterJoin, orderAfterLoss } from "./revisions.ts";

/** How many records the database reads in one call. */
const maxReads = 10;

/** How long a note of an instance that has left is kept, in ms: one that takes its place comes soon. */
const noteLifeMs = 60_000;

/** What {@linkcode Enrolments} need. */
export interface EnrolmentsOptions {
  readonly store: KvStore;
  readonly keys: Keyspace;
  /** What this instance says of itself. */
  readonly said: SessionInfo;
  /** Has others look, in the operation in which something changes. */
  readonly ring: (atomic: Deno.AtomicOperation) => Deno.AtomicOperation;
}

/** Reads and writes what instances say of themselves, and the order of their revisions. */
export class Enrolments {
  readonly #options: EnrolmentsOptions;
  readonly #record: InfoRecord;
  /** Whether this instance takes the place of one of its revision that has left. */
  isSuccessor = false;

  constructor(options: EnrolmentsOptions) {
    const { revision, info } = options.said;
    this.#options = options;
    this.#record = { format: recordFormat, revision, ...(info !== undefined && { info }) };
  }

  /** Reads what sessions say of themselves: `undefined` for one that says nothing this version can read. */
  async infos(ids: readonly string[]): Promise<Map<string, SessionInfo | undefined>> {
    const { keys } = this.#options;
    const infos = new Map<string, SessionInfo | undefined>();
    for (let from = 0; from < ids.length; from += maxReads) {
      const some = ids.slice(from, from + maxReads);
      const values = await this.#values(some.map((id) => keys.info(id)));
      some.forEach((id, index) => infos.set(id, toInfo(values[index])));
    }
    return infos;
  }

  /** Reads several records at once; one that the database cannot read fails all, and is left out then. */
  async #values(keys: readonly Deno.KvKey[]): Promise<readonly unknown[]> {
    const { store } = this.#options;
    try {
      const read = () => store.kv.getMany<unknown[]>(keys);
      const rows = await store.call("read about sessions", read, { purpose: "sessions" });
      return rows.map(({ value }) => value);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
    }
    if (keys.length === 1) return [undefined];
    const values: unknown[] = [];
    for (const key of keys) values.push(...await this.#values([key]));
    return values;
  }

  /** Reads the order of the revisions, and its commit: empty if the database cannot read it. */
  async revisions(): Promise<{ readonly order: readonly string[]; readonly versionstamp: string | null }> {
    const { store, keys } = this.#options;
    const read = () => store.kv.get(keys.revisions);
    try {
      const { value, versionstamp } = await store.call("read the revisions", read, { purpose: "claims" });
      return { order: toRevisions(value), versionstamp };
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return { order: [], versionstamp: unreadableStamp };
    }
  }

  /** Writes what this instance says of itself, with the first record of a session, and takes the note if there was one. */
  write(atomic: Deno.AtomicOperation, id: string): void {
    const { keys } = this.#options;
    atomic.set(keys.info(id), this.#record);
    if (this.isSuccessor) atomic.delete(keys.note);
  }

  /** Leaves a note that an instance of this revision has left. */
  leaveNote(atomic: Deno.AtomicOperation): Deno.AtomicOperation {
    const { keys, said: { revision } } = this.#options;
    const note: InfoRecord = { format: recordFormat, revision };
    return atomic.set(keys.note, note, { expireIn: noteLifeMs });
  }

  /**
   * Makes the own revision the newest one if no session has it, and looks for a note of an instance that has left. Called
   * before the first session of an instance joins.
   *
   * @param sessions Lists the sessions.
   */
  async enrol(sessions: () => Promise<ReadonlyMap<string, SessionSeen>>): Promise<void> {
    const { store, keys, said: { revision } } = this.#options;
    const read = () => store.kv.get(keys.note);
    const note = await store.call("read the note of a session", read, { purpose: "join" });
    this.isSuccessor = toInfo(note.value)?.revision === revision;
    await this.#reorder(async (order) => {
      if (order.at(-1) === revision) return undefined; // what is the rule: no listing is needed
      const infos = await this.infos([...(await sessions()).keys()]);
      const isAlive = [...infos.values()].some((info) => info?.revision === revision);
      return orderAfterJoin(order, revision, isAlive);
    });
  }

  /**
   * Brings the own revision back to its place when the database was set back or emptied. Called before the next session joins.
   *
   * @param known The order in the lost history.
   */
  async enrolAgain(known: readonly string[]): Promise<void> {
    const { said: { revision } } = this.#options;
    await this.#reorder((order) => Promise.resolve(orderAfterLoss(order, revision, known)));
  }

  /** @param next Returns the order that comes after another one; `undefined` if that stays as it is. */
  async #reorder(next: (order: readonly string[]) => Promise<readonly string[] | undefined>): Promise<void> {
    const { store, keys, ring } = this.#options;
    for (let isDone = false; !isDone;) {
      const { order, versionstamp } = await this.revisions();
      const revisions = await next(order);
      if (!revisions) return;
      const record: RevisionsRecord = { format: recordFormat, revisions };
      const check = versionstamp === unreadableStamp
        ? { key: keys.probe("revisions"), versionstamp: null } // no record is there: a write has a check in any case
        : { key: keys.revisions, versionstamp };
      const commit = () => ring(store.kv.atomic().check(check).set(keys.revisions, record)).commit();
      // Refused: another instance was faster, or this is the echo of a write that has landed. Either way it is read again.
      isDone = (await store.call("write the revisions", commit, { purpose: "join" })).ok;
    }
  }
}
