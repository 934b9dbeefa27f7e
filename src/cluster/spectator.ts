/**
 * Sees a cluster without taking part in it: it has no session, owns nothing and writes nothing.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { Keyspace, type KvTableKey } from "../kv/keyspace.ts";
import { KvStore } from "../kv/store.ts";
import { Ledger, type LedgerView } from "./ledger.ts";
import { slotOf } from "./placement.ts";
import { isSessionRecord } from "./records.ts";
import { SessionInfos } from "./session_infos.ts";
import { Sightings } from "./sightings.ts";
import type { ClusterSnapshot, SessionOfKey } from "./snapshot.ts";

/** How long a call to the database may take, in ms. */
const timeoutMs = 5_000;
/** The time to live of a session that cannot be read, in ms. */
const ttlMs = 15_000;

/** What a {@linkcode Spectator} needs beside the database. */
export interface SpectatorOptions {
  /** Where the cluster lives. */
  readonly prefix: Deno.KvKey;
  readonly clock: Clock;
}

/**
 * A look at a cluster from outside, as of the last `look`. What a dead session has left looks alive at first, and for as long as
 * its time to live.
 */
export class Spectator {
  readonly #store: KvStore;
  readonly #options: SpectatorOptions;
  readonly #sightings: Sightings = new Sightings();
  #slots = 0;
  #ledger: Ledger;
  #infos: SessionInfos;
  #view: LedgerView | undefined = undefined;
  /** Those that are not dead: with no instance left to delete its record, that of a dead one stays in the database. */
  #sessions: LedgerView["sessions"] = new Map();
  #lookedMs = -Infinity;
  #looking: Promise<void> | undefined = undefined;

  constructor(kv: Deno.Kv, options: SpectatorOptions) {
    this.#options = options;
    this.#store = new KvStore(kv, { clock: options.clock, random: Math.random, timeoutMs });
    this.#ledger = this.#ledgerOf(this.#slots);
    this.#infos = new SessionInfos(this.#ledger.enrolments);
  }

  /** Looks again if the last look is older than that, in ms. */
  async look(maxAgeMs: number): Promise<void> {
    if (this.#options.clock.monotonic() - this.#lookedMs < maxAgeMs) return;
    await (this.#looking ??= this.#read().finally(() => this.#looking = undefined));
  }

  /** Shows the cluster. The state of a spectator is "stopped": it takes no part. */
  snapshot(): ClusterSnapshot {
    const { clock } = this.#options, nowMs = clock.monotonic();
    const owners = Array.from({ length: this.#slots }, (_, slot) => this.#ownerOf(slot));
    const sessions = [...this.#sessions].map(([id, { accepts, isProven, counts }]) => {
      const { sinceMs = nowMs, ttlMs: ttl = ttlMs } = this.#sightings.get(id) ?? {};
      const age = { heartbeatAgeMs: Math.round(nowMs - sinceMs), ttlMs: ttl };
      const slots = owners.filter((owner) => owner === id).length;
      const said = this.#infos.of(id);
      return { id, isSelf: false, ...age, slots, accepts, isProven, ...said, ...counts && { counts } };
    });
    const unowned = owners.flatMap((owner, slot) => owner === undefined ? [slot] : []);
    const slots = { total: this.#slots, owned: [], handingOver: [], unowned };
    return { at: clock.now(), state: "stopped", session: undefined, sessions, slots };
  }

  /** Tells which session owns the slot of a key. */
  sessionOf(key: KvTableKey): SessionOfKey | undefined {
    const owner = this.#slots > 0 ? this.#ownerOf(slotOf(key, this.#slots)) : undefined;
    return owner === undefined ? undefined : { id: owner, info: this.#infos.of(owner).info, isSelf: false };
  }

  #ownerOf(slot: number): string | undefined {
    const owner = this.#view?.claims.get(slot)?.owner;
    return owner !== undefined && this.#sessions.has(owner) ? owner : undefined;
  }

  async #read(): Promise<void> {
    const { clock } = this.#options;
    let seen = await this.#ledger.sessions();
    const isNew = (id: string) => this.#view?.sessions.has(id) !== true;
    if ([...seen.sessions.keys()].some(isNew) && this.#divide(await this.#readSlots())) {
      seen = await this.#ledger.sessions(); // with another number of slots, a session was taken for one of another program
    }
    const view = await this.#ledger.look(this.#view, seen);
    await this.#infos.learn(view);
    this.#view = view;
    this.#lookedMs = clock.monotonic();
    this.#sightings.see(view.sessions, this.#lookedMs);
    // An unanswered look declares no session dead: what counts is how old a record was at the last look.
    const dead = new Set(this.#sightings.dead(this.#lookedMs));
    this.#sessions = new Map([...view.sessions].filter(([id]) => !dead.has(id)));
  }

  /** Begins anew if the sessions divide the keys into another number of slots. */
  #divide(slots: number): boolean {
    if (slots === this.#slots) return false;
    this.#slots = slots;
    this.#ledger = this.#ledgerOf(slots);
    this.#infos = new SessionInfos(this.#ledger.enrolments);
    this.#view = undefined;
    return true;
  }

  #ledgerOf(slots: number): Ledger {
    return new Ledger(this.#store, { prefix: this.#options.prefix, slots, ttlMs, revision: "" });
  }

  /** Into how many slots the sessions divide the keys: the first one that says so. */
  async #readSlots(): Promise<number> {
    const { sessions } = new Keyspace(this.#options.prefix);
    const options = { purpose: "sessions", limit: 10 } as const;
    const { rows } = await this.#store.list("list the sessions", sessions, options);
    return rows.map(({ value }) => value).find(isSessionRecord)?.slots ?? this.#slots;
  }
}
