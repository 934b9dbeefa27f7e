/**
 * A table in Deno KV.
 *
 * @module
 */

import { checkArgument, isStrayPromise } from "../check.ts";
import { describeKey } from "../errors.ts";
import type { Listener } from "../event_stream.ts";
import type { Runnable } from "../process/runnable.ts";
import type { PausedKey, PauseOptions } from "../pause.ts";
import type { Entry, Table } from "../table/table.ts";
import { checkTroubleState, toldTrouble, type Trouble, type TroubledKey } from "../table/trouble.ts";
import { ChangeFeed, type Progress } from "./change_feed.ts";
import { ChangeLog } from "./change_log.ts";
import { toTrouble } from "./condition_records.ts";
import { ConditionWriter } from "./condition_writer.ts";
import { Conditions, type TroublesOptions } from "./conditions.ts";
import type { ReportContext } from "./context.ts";
import { copyKey } from "./key_parts.ts";
import type { KvTableKey } from "./keyspace.ts";
import { type History, historyOf } from "./history.ts";
import { type EntrySource, type KvEntry, KvIteration, StoredEntry } from "./kv_entry.ts";
import { assertKv, checkOptions, type KvTableOptions, type KvTableSettings } from "./options.ts";
import { validateNow, validateSpec } from "./schema.ts";
import { type Page, type PageOptions, readPage } from "./page.ts";
import { type KvCall, KvStore } from "./store.ts";
import { type Change, TableWriter } from "./table_writer.ts";
import { Versions } from "./versions.ts";

/** How many keys are restarted at the same time: after a shared outage thousands are, and each takes two calls. */
const restartsAtOnce = 16;

/** What the views of a table in a cluster read beside its entries. */
export interface TableParts {
  readonly log: ChangeLog;
  readonly conditions: Conditions;
}

/** Gives parts of a table to the views of it in a cluster. */
export let partsOf: <K extends KvTableKey, Spec, P extends Runnable, Input>(
  table: KvTable<K, Spec, P, Input>,
) => TableParts;

/**
 * A table in a Deno KV that the caller opens and closes. Several instances of a program can share it.
 *
 * An entry lives at `[...prefix, key]`, one part below the prefix, with the spec as a plain value; everything else below
 * the prefix is skipped. A write is one atomic operation without checks: the entry, its record in the change log and the
 * generation, so it is harmless to repeat one that may have landed. What is written with `kv.set` directly is seen by the
 * next iteration, and by `changes` once it is announced with `touch`.
 *
 * Beside an entry stands whether its key is paused, and what is wrong with it: see {@linkcode KvTable.pause} and
 * {@linkcode KvTable.troubles}. A look reads all of that in one call, and an iteration lists it once. Only `delete` and `remove`
 * take it away with the entry; `kv.delete` leaves it behind.
 *
 * Every call to the database has a deadline. While calls of one kind go unanswered no more of them are made, so that they
 * do not pile up in Deno, which repeats each for ever. Only Deno KV may touch the database file.
 *
 * @example Specs that survive the program
 * ```ts
 * import { nop } from "@pact/supervisor";
 * import { KvTable } from "@pact/supervisor/kv";
 * import { assertEquals } from "@std/assert";
 *
 * using kv = await Deno.openKv(":memory:");
 * const built: string[] = [];
 * const table = new KvTable(kv, {
 *   prefix: ["bots"],
 *   create: (spec: { url: string }, key: string) => {
 *     built.push(`${key} at ${spec.url}`);
 *     return nop;
 *   },
 * });
 * await table.set("acme", { url: "https://acme.example" });
 * for await (const entry of table) await entry.get();
 * assertEquals(built, ["acme at https://acme.example"]);
 * ```
 */
export class KvTable<K extends KvTableKey, Spec, P extends Runnable = Runnable, Input = Spec> implements Table<K, P> {
  /** The database. */
  readonly kv: Deno.Kv;
  /** How often a supervisor without an `intervalMs` passes over the whole table, in ms. */
  readonly sweepMs: number;
  readonly #settings: KvTableSettings<K, Spec, P>;
  readonly #store: KvStore;
  readonly #log: ChangeLog;
  readonly #history: History;
  readonly #source: EntrySource<K, Spec, P>;
  readonly #feeds = new Set<ChangeFeed<K>>();
  readonly #progress: Progress = { position: undefined, history: 0 };
  readonly #writer: TableWriter<K>;
  readonly #conditions: Conditions;
  readonly #conditionWriter: ConditionWriter<K>;

  static {
    partsOf = (table) => ({ log: table.#log, conditions: table.#conditions });
  }

  /**
   * Makes a table.
   *
   * @param kv The database, opened and closed by the caller.
   * @param options Where the entries live and how to build their runnables.
   * @throws {TypeError} If `kv` or an option has the wrong shape.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(kv: Deno.Kv, options: KvTableOptions<K, Spec, P, Input>) {
    assertKv(kv, "a table");
    this.#settings = checkOptions(options);
    const { keys, clock, random, logRetentionMs, sweepMs } = this.#settings;
    this.kv = kv;
    this.sweepMs = sweepMs;
    const store = this.#store = new KvStore(kv, this.#settings);
    const log = this.#log = new ChangeLog(store, { keys, clock, retentionMs: logRetentionMs, random });
    this.#history = historyOf(kv);
    this.#source = { settings: this.#settings, versions: new Versions(this.#history) };
    const writer = this.#writer = new TableWriter({ store, log, keys, feeds: this.#feeds, clock, random });
    this.#conditions = new Conditions(store, this.#settings);
    this.#conditionWriter = new ConditionWriter({ writer, store, keys, clock });
  }

  /** Where the entries live: a copy, which may be changed. */
  get prefix(): Deno.KvKey {
    return copyKey(this.#settings.keys.prefix);
  }

  /**
   * Adds an entry or replaces it, and with it the process, even if the spec is equal to the stored one. The value is
   * stored as it is given, at the moment of the call; the schema transforms it again when it is read.
   *
   * @param key The key.
   * @param spec The spec, a structured-cloneable value of at most 64 KiB; with a schema, what that takes.
   * @param options A signal that abandons the write, which may still land.
   * @throws {InvalidSpecError} If the spec fails the schema; nothing is written then.
   * @throws {DOMException} A `TimeoutError` if the schema does not answer in time; nothing is written then.
   * @throws {TypeError} If the key or the spec cannot be stored; nothing is written then.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async set(key: K, spec: Input, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const entryKey = this.#settings.keys.entry(key);
    const { schema } = this.#settings;
    // Serialised here and now: what becomes of the spec while the write waits is not written.
    const prepared = this.#writer.prepare(key, (atomic) => atomic.set(entryKey, spec));
    if (schema) await validateSpec(schema, key, spec, { ...this.#settings, signal });
    await this.#writer.commit({ operation: "set", key, signal }, prepared);
  }

  /**
   * Replaces an entry by what a function makes of it. It is tried again as long as something else writes the entry meanwhile, so
   * nothing that others write at the same moment is lost.
   *
   * @param key The key.
   * @param change Is given the stored spec, `undefined` if there is no such key; returns the new one, or `undefined` to leave
   * it. With a schema, both are what that takes. It may be called several times, and must not wait.
   * @param options A signal that abandons the write, which may still land.
   * @returns Whether the function has returned a spec.
   * @throws {InvalidSpecError} If the new spec fails the schema; nothing is written then.
   * @throws {DOMException} A `TimeoutError` if the schema does not answer in time; nothing is written then.
   * @throws {TypeError} If `change` is no function or returns a promise, or the key or the spec cannot be stored; nothing is
   * written then.
   * @throws {Error} If the database cannot read the stored value.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   * @throws {unknown} What the function throws; nothing is written then.
   *
   * @example Count, in several instances at once
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: { calls: number }, _key: string) => nop });
   * await table.set("acme", { calls: 0 });
   * const count = () => table.update("acme", (spec) => spec && { calls: spec.calls + 1 });
   * await Promise.all([count(), count(), count()]);
   * assertEquals(await (await table.get("acme"))?.spec(), { calls: 3 });
   * ```
   */
  async update(
    key: K,
    change: (spec: Input | undefined) => Input | undefined,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<boolean> {
    const entryKey = this.#settings.keys.entry(key), named = `update entry ${describeKey(key)}`;
    checkArgument(named, "the change is a function", change, typeof change === "function");
    return await this.#writer.revise({
      operation: "update",
      key,
      signal,
      reads: [entryKey],
      revise: async ([{ value, versionstamp }]) => {
        const spec = change(versionstamp === null ? undefined : value as Input);
        if (spec === undefined) return undefined;
        checkArgument(named, "the change must not wait", spec, !isStrayPromise(spec));
        const { schema } = this.#settings;
        if (schema) await validateSpec(schema, key, spec, { ...this.#settings, signal });
        return (atomic) => atomic.set(entryKey, spec);
      },
    });
  }

  /**
   * Adds what {@linkcode KvTable.set} does to an atomic operation of your own, at once. It is announced like any other change
   * when you commit.
   *
   * @param atomic The operation, which you commit.
   * @param key The key.
   * @param spec The spec; with a schema, what that takes.
   * @returns The operation.
   * @throws {InvalidSpecError} If the spec fails the schema; nothing is added then.
   * @throws {TypeError} If the schema answers with a promise, or the key or the spec cannot be stored; the operation must not be
   * committed then.
   *
   * @example A tenant and its customer record, both or none
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assert, assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * const atomic = kv.atomic().set(["customers", "acme"], "Acme Inc.");
   * assert((await table.write(atomic, "acme", "free").commit()).ok);
   * assertEquals(await (await table.get("acme"))?.spec(), "free");
   * ```
   */
  write(atomic: Deno.AtomicOperation, key: K, spec: Input): Deno.AtomicOperation {
    const entryKey = this.#settings.keys.entry(key);
    const { schema } = this.#settings;
    if (schema) validateNow(schema, key, spec);
    return this.#writer.join(atomic, key, (joined) => joined.set(entryKey, spec));
  }

  /**
   * Adds what {@linkcode KvTable.delete} does to an atomic operation of your own, at once. It is announced like any other change
   * when you commit.
   *
   * @param atomic The operation, which you commit.
   * @param key The key.
   * @returns The operation.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   */
  remove(atomic: Deno.AtomicOperation, key: K): Deno.AtomicOperation {
    return this.#writer.join(atomic, key, this.#removal(key));
  }

  /**
   * Removes an entry, with its pause and what is remembered of it. Does not fail if there is none.
   *
   * @param key The key.
   * @param options A signal that abandons the write, which may still land.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async delete(key: K, options?: { signal?: AbortSignal }): Promise<void> {
    const prepared = this.#writer.prepare(key, this.#removal(key));
    await this.#writer.commit({ operation: "delete", key, signal: options?.signal }, prepared);
  }

  /**
   * Gives an entry a new version, so that its process is replaced, parked or not, wherever it runs.
   *
   * @param key The key.
   * @param options A signal that abandons the write, which may still land.
   * @returns Whether there is such an entry.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {Error} If the database cannot read the stored value.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async restart(key: K, { signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    const entryKey = this.#settings.keys.entry(key);
    return await this.#writer.revise({
      operation: "restart",
      key,
      signal,
      reads: [entryKey],
      revise: ([{ value, versionstamp }]) =>
        versionstamp === null ? undefined : (atomic) => atomic.set(entryKey, value),
    });
  }

  /**
   * Restarts every key that is in a state of trouble: the way back when what they all need has been away.
   *
   * @param options Which keys, and a signal that ends it: some have been restarted then.
   * @returns How many there were.
   * @throws {TypeError} If `state` is not one of those.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier calls for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   *
   * @example The API that all of them call is back
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * await table.set("acme", "free");
   * assertEquals(await table.restartAll({ state: "parked" }), 0); // none is parked
   * ```
   */
  async restartAll(options: { readonly state: Trouble["state"]; readonly signal?: AbortSignal }): Promise<number> {
    const { state, signal } = options, troubles = this.troubles({ signal });
    checkTroubleState(state);
    let restarted = 0;
    // They share the listing: the first that fails ends it for all of them.
    const restartSome = async () => {
      for await (const { key, trouble } of troubles) {
        if (trouble.state === state && await this.restart(key, { signal })) restarted++;
      }
    };
    const endings = await Promise.allSettled(Array.from({ length: restartsAtOnce }, restartSome));
    for (const ending of endings) if (ending.status === "rejected") throw ending.reason;
    return restarted;
  }

  /**
   * Pauses a key: its process is stopped, wherever it runs, and not started again before {@linkcode KvTable.resume}. A second
   * pause changes the reason, the author and the end; the pause counts from the first one.
   *
   * @param key The key.
   * @param options Why, by whom and until when, and a signal that abandons the write, which may still land.
   * @returns Whether something changed; `false` if there is no such entry.
   * @throws {TypeError} If `key` cannot be a key or is too long, or an option has a wrong shape.
   * @throws {RangeError} If a text is too long, or `untilAt` is not after now.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   *
   * @example A tenant that has not paid
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * await table.set("acme", "free");
   * assertEquals(await table.pause("acme", { reason: "invoice 7 is open", by: "billing" }), true);
   * for await (const { key, pause } of table.pauses()) {
   *   assertEquals([key, pause.reason, pause.by], ["acme", "invoice 7 is open", "billing"]);
   * }
   * assertEquals(await table.resume("acme"), true);
   * ```
   */
  async pause(key: K, options: PauseOptions & { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    this.#settings.keys.entry(key); // refuses what can be no key
    return await this.#conditionWriter.pause({ operation: "pause", key, signal: options.signal }, options);
  }

  /**
   * Ends the pause of a key, and forgets what was wrong with it: it starts at once. A pause of the whole table goes on.
   *
   * @param key The key.
   * @param options A signal that abandons the write, which may still land.
   * @returns Whether it was paused.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async resume(key: K, options: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    this.#settings.keys.entry(key); // refuses what can be no key
    return await this.#conditionWriter.resume({ operation: "resume", key, signal: options.signal });
  }

  /**
   * Pauses the whole table: every process is stopped, wherever it runs, and none is started before
   * {@linkcode KvTable.resumeAll}.
   *
   * @param options Why, by whom and until when, and a signal that abandons the write, which may still land.
   * @returns Whether something changed.
   * @throws {TypeError} If an option has a wrong shape.
   * @throws {RangeError} If a text is too long, or `untilAt` is not after now.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async pauseAll(options: PauseOptions & { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#conditionWriter.pause({ operation: "pause", signal: options.signal }, options);
  }

  /**
   * Ends the pause of the whole table. Keys that are paused themselves stay so, and nothing is forgotten: what waited for a
   * retry goes on waiting, and what was parked stays parked.
   *
   * @param options A signal that abandons the write, which may still land.
   * @returns Whether it was paused.
   * @throws {KvTimeoutError} If the database did not answer in time; the write may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async resumeAll(options: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    return await this.#conditionWriter.resume({ operation: "resume", signal: options.signal });
  }

  /**
   * Lists what is paused.
   *
   * @param options A signal that ends the listing.
   * @returns Every key that is paused, and its pause; without a key, the pause of the whole table.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier calls for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   */
  pauses(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<PausedKey<K>> {
    return this.#conditions.pauses(options) as AsyncIterable<PausedKey<K>>;
  }

  /**
   * Tells what is wrong with a key, or was within the last day, whichever instance runs it.
   *
   * @param key The key.
   * @param options A signal that abandons the call.
   * @returns `undefined` if all is well, and has been for a day.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier calls for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   */
  async trouble(key: K, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Trouble | undefined> {
    const { keys, clock } = this.#settings, reads = [keys.entry(key), keys.trouble(key)];
    const read = () => this.kv.getMany<unknown[]>(reads);
    const [entry, trouble] = await this.#writer.call({ operation: "get", key, signal }, read);
    return toldTrouble(toTrouble(trouble.value), entry.versionstamp, clock.now());
  }

  /**
   * Lists the keys that are not well, whichever instance runs them.
   *
   * @param options See {@linkcode TroublesOptions}.
   * @returns The keys, and what is wrong with each.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier calls for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   *
   * @example Who is down, and why
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * for await (const { key, trouble } of table.troubles()) {
   *   console.log(`${key} is ${trouble.state}: ${trouble.lastError?.message}`);
   * }
   * ```
   */
  async *troubles({ ended = false, checked, signal }: TroublesOptions = {}): AsyncIterable<TroubledKey<K>> {
    for await (const each of this.#conditions.troubles({ checked, signal })) {
      if (ended || each.trouble.endedAt === undefined) yield each as TroubledKey<K>;
    }
  }

  /**
   * Remembers what is wrong with a key: supervisors call it. It is announced to no one.
   *
   * @param entry The key and its version; if that is gone, nothing is remembered.
   * @param trouble What is wrong; `undefined` when that has ended.
   * @param context In a cluster, who reports, and under which claim: without that, nothing is remembered.
   * @throws {KvTimeoutError} If the database did not answer in time; the report may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   */
  async report(
    entry: Pick<Entry<K, P>, "key" | "version">,
    trouble: Trouble | undefined,
    context: ReportContext = {},
  ): Promise<void> {
    const { key, version } = entry, versionstamp = this.#source.versions.versionstampOf(key, version);
    if (versionstamp !== undefined) await this.#conditionWriter.report(key, versionstamp, trouble, context);
  }

  /**
   * Announces an entry that was written or deleted with `kv` directly. Otherwise the next pass of a supervisor finds that, up
   * to `sweepMs` later. The entry itself is neither read nor written.
   *
   * @param key The key.
   * @param options A signal that abandons the announcement, which may still land.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time; the announcement may have landed or not.
   * @throws {KvUnavailableError} If the database has not answered earlier writes for a while; nothing was sent.
   * @throws {KvClosedError} If the database is closed.
   *
   * @example A write that is part of a transaction
   * ```ts
   * import { nop, Supervisor } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { delay } from "@std/async/delay";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * const supervisor = new Supervisor(table);
   * await supervisor.run(async () => {
   *   await kv.atomic().set(["bots", "acme"], "free").set(["customers", "acme"], "Acme Inc.").commit();
   *   await table.touch("acme");
   *   while (!supervisor.keys().includes("acme")) await delay(1);
   * });
   * ```
   */
  async touch(key: K, options?: { signal?: AbortSignal }): Promise<void> {
    this.#settings.keys.entry(key); // refuses what can be no key
    const prepared = this.#writer.prepare(key, (atomic) => atomic);
    await this.#writer.commit({ operation: "touch", key, signal: options?.signal }, prepared);
  }

  /**
   * Looks up one entry. Its value is validated only when its runnable is built.
   *
   * @param key The key.
   * @param options A signal that abandons the look-up.
   * @returns The entry, or `undefined` if there is none.
   * @throws {Error} If there is one whose value the database cannot read.
   * @throws {TypeError} If `key` cannot be a key, or is too long.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier calls for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   */
  async get(key: K, options?: { signal?: AbortSignal }): Promise<KvEntry<K, Spec, P> | undefined> {
    const entryKey = this.#settings.keys.entry(key);
    const tableKey = entryKey.at(-1) as K;
    const { versions } = this.#source, { reading } = versions;
    const look = () => this.#conditions.look(key);
    const { row, condition } = await this.#writer.call({ operation: "get", key, signal: options?.signal }, look);
    if (row.versionstamp !== null) return new StoredEntry(tableKey, { row, condition, reading }, this.#source);
    if (reading === versions.reading) versions.forget(tableKey);
    return undefined;
  }

  /**
   * Yields every entry, each key once. What lies deeper below the prefix, or at a part that cannot be a key (a
   * `Uint8Array`, `NaN`, -0), is skipped. An entry whose value the database cannot read is yielded, and fails when it is built.
   *
   * @throws {KvTimeoutError} If the database did not answer in time; counted for each batch.
   * @throws {KvUnavailableError} If the database has not answered earlier listings for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   */
  [Symbol.asyncIterator](): AsyncIterator<KvEntry<K, Spec, P>> {
    // What is written while a feed looks for the end of the log must be in the feed or in this iteration.
    const ready = () => Promise.all(Array.from(this.#feeds, (feed) => feed.established));
    return new KvIteration({ store: this.#store, source: this.#source, conditions: this.#conditions, ready });
  }

  /**
   * Reads one page of the table, with what stands beside its entries; what lies before the page is not read.
   *
   * @param options Which page, and a signal that abandons the call.
   * @returns The entries, and where to go on.
   * @throws {TypeError} If `after` cannot be a key, or an option has a wrong shape.
   * @throws {RangeError} If `limit` is out of range.
   * @throws {KvTimeoutError} If the database did not answer in time.
   * @throws {KvUnavailableError} If the database has not answered earlier listings for a while, and so was not asked.
   * @throws {KvClosedError} If the database is closed.
   *
   * @example The tenants that begin with "a"
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * for (const name of ["acme", "alpha", "beta"]) await table.set(name, "free");
   * const first = await table.page({ prefix: "a", limit: 1 });
   * assertEquals(first.entries.map(({ key }) => key), ["acme"]);
   * const second = await table.page({ prefix: "a", limit: 1, after: first.next });
   * assertEquals(second.entries.map(({ key }) => key), ["alpha"]);
   * ```
   */
  page(options: PageOptions<K> = {}): Promise<Page<K, Spec, P>> {
    return readPage({ store: this.#store, source: this.#source, conditions: this.#conditions }, options);
  }

  /**
   * Announces the keys that are set, deleted and touched: by this table at once, by others when the watch tells of it, and
   * within `pollMs` in any case. A change by another
   * instance that lands while the first `next` is still finding the end of the log is not announced: an iteration that
   * begins after that call sees it.
   *
   * @param options A signal that ends the stream.
   * @returns The stream; `undefined` in it means "look at everything". Its `next` rejects if the database fails, and with
   * {@linkcode DatabaseReplacedError} when the database was set back to an earlier copy, emptied or replaced by another one:
   * from then on an entry has another version exactly if it has another value.
   */
  changes({ signal }: { signal: AbortSignal }): AsyncIterable<K | undefined> {
    const { keys: { generation }, clock, watchSees, pollMs, random } = this.#settings;
    const { kv } = this;
    const { versions } = this.#source;
    const source = {
      kv,
      generation,
      log: this.#log,
      history: this.#history,
      versions,
      clock,
      watchSees,
      pollMs,
      random,
    };
    return new ChangeFeed<K>({ ...source, signal, feeds: this.#feeds, progress: this.#progress }).stream;
  }

  /**
   * Tells of each call that the table makes to the database from now on, when it has ended: what it was for, how long it took
   * and what it failed with. `./otel` makes a metric of it. While there is no listener, nothing is measured.
   *
   * @param listener Is called right after the end of a call. What it throws is printed and changes nothing.
   * @param options A signal that ends it.
   * @returns Ends it when disposed of.
   * @throws {TypeError} If `listener` is not a function.
   *
   * @example What a look costs
   * ```ts
   * import { nop } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, { prefix: ["bots"], create: (_plan: string, _key: string) => nop });
   * const operations: Set<string> = new Set();
   * using _observing = table.observeCalls(({ operation }) => operations.add(operation));
   * await table.set("acme", "free");
   * assertEquals([...operations], ["write"]);
   * ```
   */
  observeCalls(listener: Listener<KvCall>, options: { readonly signal?: AbortSignal } = {}): Disposable {
    return this.#store.observe(listener, options);
  }

  #removal(key: K): Change {
    const entryKey = this.#settings.keys.entry(key);
    return (atomic) => this.#conditionWriter.drop(atomic.delete(entryKey), key);
  }
}
