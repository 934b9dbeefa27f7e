/**
 * A table as one instance of a cluster sees it: only the keys in its slots.
 *
 * @module
 */

import { pause, turn } from "../clock.ts";
import { isInstance } from "../error_data.ts";
import { ProcessElsewhereError } from "../errors.ts";
import type { Claim, KvTableContext } from "../kv/context.ts";
import { DatabaseReplacedError } from "../kv/history.ts";
import { Keyspace, type KvTableKey } from "../kv/keyspace.ts";
import type { KvEntry } from "../kv/kv_entry.ts";
import type { KvTable } from "../kv/kv_table.ts";
import type { KvTableOptions } from "../kv/options.ts";
import type { Runnable } from "../process/runnable.ts";
import { defaultRestartPolicy, delayAfter } from "../restart.ts";
import { ChangeStream } from "../table/change_stream.ts";
import type { Pause } from "../pause.ts";
import type { Absence, Entry, Lease, Table } from "../table/table.ts";
import type { Trouble } from "../table/trouble.ts";
import type { SlotLease, SlotListener } from "./claims.ts";
import { GainedSlots } from "./gained_slots.ts";
import { IdleKeys } from "./idle_keys.ts";
import type { Instance } from "./instance.ts";

/**
 * The part of a table in Deno KV that this instance owns, made by `own` or `table` of a cluster.
 *
 * Reading it finds the keys of this instance alone. Keys of other instances are absent, and `absence` tells of them: a call
 * that would start one rejects with `ProcessElsewhereError`. A slot that is handed over makes its keys absent, and so the
 * supervisor stops their processes gracefully and announces them as `removed`, moved. Its writing methods write to the
 * whole table, wherever a key lives.
 *
 * @example A key that is written by one instance may run in another
 * ```ts
 * import { chain, nop, Supervisor } from "@pact/supervisor";
 * import { Cluster, type OwnedTable } from "@pact/supervisor/cluster";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const cluster = new Cluster(kv, { allowLocal: true });
 * const table: OwnedTable<string, { url: string }> = cluster.table(kv, { prefix: ["bots"], create: () => nop });
 * await table.set("acme", { url: "https://acme.example" });
 * const supervisor = new Supervisor(table);
 * await chain(cluster, supervisor).run(async () => {
 *   assertEquals(supervisor.keys(), ["acme"]); // the only instance owns every key
 *   const entry = await table.whole.get("acme");
 *   assertEquals(await entry?.spec(), { url: "https://acme.example" });
 * });
 * ```
 */
export interface OwnedTable<K extends KvTableKey, Spec, P extends Runnable = Runnable, Input = Spec>
  extends Table<K, P>, Omit<KvTable<K, Spec, P, Input>, keyof Table<K, P> | "kv" | "prefix"> {
  /** The table of all keys, wherever they run. */
  readonly whole: KvTable<K, Spec, P, Input>;
  /** How often a supervisor without an `intervalMs` passes over the whole table, in ms. */
  readonly sweepMs: number;
  /**
   * Tells which keys of this instance are set, deleted and touched, and when slots become its own or are handed over.
   *
   * @param options A signal that ends the stream.
   * @returns The stream; `undefined` in it means "look at everything".
   */
  changes(options: { signal: AbortSignal }): AsyncIterable<K | undefined>;
  /**
   * Tells that a key belongs to another instance, with a `ProcessElsewhereError`.
   *
   * @param key The key.
   * @returns `undefined` if this instance owns the key.
   */
  absence(key: K): Absence | undefined;
  /**
   * Remembers what is wrong with a key, if this instance owns it: supervisors call it.
   *
   * @param entry The key and its version; if that is gone, nothing is remembered.
   * @param trouble What is wrong; `undefined` when that has ended.
   * @throws {KvTimeoutError} If the database did not answer in time; the report may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  report(entry: Pick<Entry<K, P>, "key" | "version">, trouble: Trouble | undefined): Promise<void>;
}

/** What a runnable of a table of a cluster is built with in addition to its spec and key. */
export interface OwnedTableContext extends KvTableContext {
  /** The claim under which the process runs. */
  readonly claim: Claim;
}

/** Options of `Cluster.table`: those of a `KvTable`, but for `create`, whose claim is always there. */
export interface OwnedTableOptions<K extends KvTableKey, Spec, P extends Runnable = Runnable, Input = Spec>
  extends Omit<KvTableOptions<K, Spec, P, Input>, "create"> {
  /**
   * Builds the runnable of an entry when it is about to start.
   *
   * @param spec The stored value, as the schema returns it.
   * @param key The key of the entry.
   * @param context The claim under which the process runs.
   */
  readonly create: (spec: Spec, key: K, context: OwnedTableContext) => P | Promise<P>;
}

/** What is done to the whole table, wherever a key lives; the compiler names what is missing here. */
const delegated: Record<keyof Omit<OwnedTable<KvTableKey, unknown>, keyof Table<unknown, unknown> | "whole">, true> = {
  page: true,
  set: true,
  update: true,
  write: true,
  remove: true,
  delete: true,
  touch: true,
  restart: true,
  restartAll: true,
  pause: true,
  resume: true,
  pauseAll: true,
  resumeAll: true,
  pauses: true,
  trouble: true,
  troubles: true,
  observeCalls: true,
};

/**
 * Makes the view of a table that one instance has.
 *
 * @param table The whole table.
 * @param instance Knows which keys are its own.
 */
export function ownedTable<K extends KvTableKey, Spec, P extends Runnable, Input>(
  table: KvTable<K, Spec, P, Input>,
  instance: Instance,
): OwnedTable<K, Spec, P, Input> {
  const methods = Object.keys(delegated).map((name) => {
    const method: (...args: unknown[]) => unknown = Reflect.get(table, name);
    return [name, method.bind(table)];
  });
  return Object.assign(new OwnedView(table, instance), Object.fromEntries(methods));
}

const noEntries: AsyncIterator<never> = { next: () => Promise.resolve({ done: true, value: undefined }) };

/** Reads the keys of this instance. */
class OwnedView<K extends KvTableKey, Spec, P extends Runnable, Input> implements Table<K, P>, SlotListener {
  readonly whole: KvTable<K, Spec, P, Input>;
  readonly sweepMs: number;
  readonly #keys: Keyspace;
  readonly #instance: Instance;
  readonly #streams: Set<ChangeStream<K>> = new Set();
  /** Exists while there is a stream. */
  #gainedSlots: GainedSlots<K, Spec, P, Input> | undefined = undefined;
  readonly #idle: IdleKeys<K>;
  /** Aborts when slots are gained next. */
  #gained: AbortController = new AbortController();

  constructor(table: KvTable<K, Spec, P, Input>, instance: Instance) {
    this.whole = table;
    this.sweepMs = table.sweepMs;
    this.#keys = new Keyspace(table.prefix);
    this.#instance = instance;
    this.#idle = new IdleKeys(instance);
  }

  async get(key: K, options?: { signal?: AbortSignal }): Promise<Entry<K, P> | undefined> {
    options?.signal?.throwIfAborted();
    this.#keys.entry(key); // refuses what can be no key of the table, wherever it would live
    this.#assertRunning();
    const claim = this.#instance.claimOn(key);
    if (!claim) return undefined;
    const kept = this.#gainedSlots?.has(key) ? await this.#gainedSlots.take(key, options?.signal) : undefined;
    const entry = kept ?? await this.whole.get(key, options);
    return entry && this.#instance.claimOn(key) === claim ? this.#toOwned(entry) : undefined;
  }

  absence(key: K): Absence | undefined {
    this.#idle.isAbsent(key);
    if (this.#instance.holds(key)) return undefined;
    const owner = this.#instance.sessionOf(key);
    // A slot that is being handed over is its own for now, and has no owner to turn to.
    return { cause: "moved", error: new ProcessElsewhereError(key, owner?.isSelf ? undefined : owner) };
  }

  /** Under the claim: what a former owner says of a key must not take the place of what its owner has said. */
  async report(entry: Pick<Entry<K, P>, "key" | "version">, trouble: Trouble | undefined): Promise<void> {
    const lease = this.#instance.leaseToReport(entry.key);
    if (!lease) return;
    this.#idle.wasReported(entry.key, trouble === undefined);
    try {
      await this.whole.report(entry, trouble, { claim: lease.claim, session: lease.session });
    } finally {
      lease.release();
    }
  }

  /**
   * What becomes ours meanwhile is missing, and is announced by `changes`: what was read of it before does not know how it
   * fared with the owner before. Nothing is read for one that owns nothing.
   */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, P>> {
    const held = this.#instance.claims;
    if (this.#instance.isRunning && !this.#instance.holdsAny) {
      this.#gainedSlots?.forget();
      return noEntries;
    }
    const iterator = this.whole[Symbol.asyncIterator]();
    const keeping = this.#gainedSlots?.keepRows();
    let isLeft = false;
    return {
      next: async () => {
        this.#assertRunning();
        const keeper = await keeping;
        for (;;) {
          const { done, value } = await iterator.next();
          if (done) {
            if (!isLeft) keeper?.complete();
            return { done, value: undefined };
          }
          keeper?.keep(value);
          const claim = this.#instance.claimOn(value.key);
          if (claim && held.has(claim)) return { done, value: this.#toOwned(value) };
        }
      },
      return: async () => {
        isLeft = true;
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  changes({ signal }: { signal: AbortSignal }): AsyncIterable<K | undefined> {
    const ending = new AbortController();
    const stream: ChangeStream<K> = new ChangeStream<K>({
      signal,
      begin: () => {
        this.#streams.add(stream);
        this.#instance.listeners.add(this);
        this.#gainedSlots ??= new GainedSlots(this.whole, this.#instance, (key) => this.#announce(key));
        return this.#follow(stream, ending.signal);
      },
      release: async () => {
        this.#streams.delete(stream);
        ending.abort();
        if (this.#streams.size > 0) return;
        this.#instance.listeners.delete(this);
        const gainedSlots = this.#gainedSlots;
        this.#gainedSlots = undefined;
        await gainedSlots?.end();
      },
    });
    return stream;
  }

  slotsGained(slots: readonly number[]): void {
    this.#gained.abort();
    this.#gained = new AbortController();
    this.#gainedSlots?.gained(slots);
  }

  mustEnd(key: unknown): void {
    this.#announce(key as K);
  }

  hasEnded(key: unknown): void {
    this.#idle.hasEnded(key as K);
  }

  #announce(key: K | undefined): void {
    for (const stream of this.#streams) stream.announce(key);
  }

  /** A supervisor tells what is due of a key within the same turn as it hears of it: until then the slot is kept. */
  slotsLeaving(slots: readonly number[]): void {
    for (const key of this.#idle.inSlots(slots)) {
      const lease = this.#instance.leaseToReport(key);
      this.mustEnd(key);
      if (lease) turn().then(() => lease.release());
    }
  }

  /**
   * News of slots, on the same stream, must not end with the news of entries: when those fail, they are followed again. The
   * delay grows as a supervisor's does, since each time everything is looked at. What shows that the database answers has
   * it grow from the beginning: news, a stream that lived for long, slots that are gained.
   */
  async #follow(stream: ChangeStream<K>, ending: AbortSignal): Promise<void> {
    const { clock, timing, settings: { random } } = this.#instance;
    let failures = 0, delayMs = 0;
    while (!ending.aborted) {
      const beganMs = clock.monotonic();
      try {
        for await (const key of this.whole.changes({ signal: ending })) {
          failures = 0;
          if (key === undefined || this.#instance.holds(key)) stream.announce(key);
        }
      } catch (error) {
        if (isInstance(error, DatabaseReplacedError)) {
          stream.announce(undefined); // the cluster has told of it, and joins again
          continue;
        }
        this.#instance.failed("changes", error);
        if (clock.monotonic() - beganMs > delayMs + timing.steadyMs) failures = 0;
        delayMs = delayAfter(defaultRestartPolicy, ++failures, random());
        const { signal } = this.#gained;
        await pause(clock, delayMs, ending, signal);
        if (signal.aborted) failures = 0;
        stream.announce(undefined);
      }
    }
  }

  #assertRunning(): void {
    if (this.#instance.isRunning) return;
    throw new Error("Cannot read the table: its cluster does not run; run chain(cluster, supervisor)");
  }

  #toOwned(entry: KvEntry<K, Spec, P>): Entry<K, P> {
    this.#idle.wasRead(entry);
    return new OwnedEntry(entry, () => this.#lease(entry.key));
  }

  #lease(key: K): SlotLease | undefined {
    const lease = this.#instance.lease(key, this);
    if (lease) this.#idle.begins(key);
    return lease;
  }
}

/** An entry whose process runs under a claim. */
class OwnedEntry<K, Spec, P extends Runnable> implements Entry<K, P> {
  readonly #entry: KvEntry<K, Spec, P>;
  readonly #ask: () => SlotLease | undefined;
  #claim: Claim | undefined = undefined;
  /** Declared and not initialised: entries of a table without options have no place for them. */
  declare options?: Entry<K, P>["options"];

  constructor(entry: KvEntry<K, Spec, P>, ask: () => SlotLease | undefined) {
    this.#entry = entry;
    this.#ask = ask;
    if (entry.options) this.options = entry.options.bind(entry);
  }

  get key(): K {
    return this.#entry.key;
  }

  get version(): string {
    return this.#entry.version;
  }

  get pause(): Pause | undefined {
    return this.#entry.pause;
  }

  get trouble(): Trouble | undefined {
    return this.#entry.trouble;
  }

  lease(): Lease | undefined {
    const lease = this.#ask();
    this.#claim = lease?.claim;
    return lease;
  }

  get(): Promise<P> {
    return this.#entry.get(this.#claim && { claim: this.#claim });
  }
}
