/**
 * Names the keys of slots that an instance has gained, so that their processes start without a pass over the whole table.
 *
 * ```text
 *   gained ──▶ its rows are kept? ──▶ the log is read ──▶ its keys are named
 *                     │ no                                     ▲
 *                     ╰──▶ the table is read, once for all that are gained meanwhile
 *                          └─ rows of slots that may be gained soon are kept, for a while
 * ```
 *
 * A hand-over has many steps, and a take-over several writes: the table is read at the first of them. A process that is slow to
 * start holds up no other, as a pass would that waits for what it has started.
 *
 * @module
 */

import { type Timer, turn } from "../clock.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import type { ConditionList, Conditions } from "../kv/conditions.ts";
import { type KvEntry, StoredEntry } from "../kv/kv_entry.ts";
import { type KvTable, partsOf } from "../kv/kv_table.ts";
import { onAbort } from "../on_abort.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Instance } from "./instance.ts";
import { KeptRows, type Reading } from "./kept_rows.ts";

/** After how many rows, or names, the event loop gets a turn. */
const rowsPerTurn = 512;

/** Keeps rows of a reading that another one makes. */
interface RowKeeper<K, Spec, P> {
  keep(entry: KvEntry<K, Spec, P>): void;
  /** The table was read to its end. */
  complete(): void;
}

/** The gained slots of one table, as long as its changes are followed. */
export class GainedSlots<K extends KvTableKey, Spec, P extends Runnable, Input> {
  readonly #table: KvTable<K, Spec, P, Input>;
  readonly #instance: Instance;
  readonly #name: (key: K | undefined) => void;
  readonly #ending: AbortController = new AbortController();
  readonly #rows: KeptRows<K, KvEntry<K, Spec, P>>;
  readonly #conditions: Conditions;
  /** What stands beside the entries of slots that are held, listed since they are; "with the rows" if these were read since. */
  readonly #beside: Map<number, ConditionList | "with the rows"> = new Map();
  readonly #watchingHistory: Disposable;
  readonly #gained: Set<number> = new Set();
  #naming: Promise<void> | undefined = undefined;
  #dropping: Timer | undefined = undefined;
  #rowsInTurn = 0;

  /**
   * @param table The whole table.
   * @param instance Knows which slots are its own, and which may be soon.
   * @param name Is given each key; `undefined` if everything must be looked at.
   */
  constructor(table: KvTable<K, Spec, P, Input>, instance: Instance, name: (key: K | undefined) => void) {
    this.#table = table;
    this.#instance = instance;
    this.#name = name;
    const { log, conditions } = partsOf(table);
    this.#conditions = conditions;
    this.#rows = new KeptRows(log, (key) => instance.slotOf(key), this.#ending.signal);
    this.#watchingHistory = instance.history.listen(() => this.#drop()); // rows of another history have other versions
  }

  /** Has the keys of slots named from now on. */
  gained(slots: readonly number[]): void {
    for (const slot of slots) {
      this.#gained.add(slot);
      this.#beside.delete(slot);
    }
    this.#naming ??= this.#nameAll();
  }

  /**
   * Keeps the rows of slots that are to come from a reading of the whole table that begins now; `undefined` if none are. What
   * was read before is dropped, but for what is being started: what a pass comes across must not be undone by an older row.
   */
  async keepRows(): Promise<RowKeeper<K, Spec, P> | undefined> {
    const slots = this.#toCome, instance = this.#instance;
    this.#rows.retain((slot) => instance.holdsSlot(slot) || slots.includes(slot));
    try {
      if (slots.length === 0) return undefined;
      const reading = await this.#open(slots);
      return {
        keep: (entry) => reading.keep(this.#instance.slotOf(entry.key), entry.key, entry),
        complete: () => reading.complete(slots),
      };
    } catch {
      return undefined; // the reading that follows tells what is wrong with the database
    }
  }

  /** Drops all rows: a pass is made that reads nothing, and what comes after it must not be older. */
  forget(): void {
    this.#drop();
  }

  /** Whether a row of the key is kept. */
  has(key: K): boolean {
    return this.#rows.has(key);
  }

  /** Takes the row of a key, as the table has it at some moment after this call; `undefined` if it must be read. */
  async take(key: K, signal: AbortSignal | undefined): Promise<KvEntry<K, Spec, P> | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<KvEntry<K, Spec, P> | undefined>();
    using _abandoned = onAbort(signal, () => reject(signal?.reason));
    this.#rows.take(key).then(resolve, () => resolve(undefined)); // the reading that follows tells what is wrong
    const row = await promise, beside = this.#beside.get(this.#instance.slotOf(key));
    if (beside === "with the rows") return row;
    return beside && row instanceof StoredEntry ? row.beside(beside) : undefined;
  }

  /** Names nothing any more, and keeps nothing. Resolves when nothing is read any more. */
  async end(): Promise<void> {
    this.#ending.abort();
    this.#watchingHistory[Symbol.dispose]();
    this.#drop();
    await this.#naming;
  }

  async #nameAll(): Promise<void> {
    while (this.#gained.size > 0 && !this.#ending.signal.aborted) {
      const slots = [...this.#gained];
      this.#gained.clear();
      try {
        const unknown = await this.#nameKept(slots);
        if (unknown.length > 0) await this.#read(unknown);
      } catch (error) {
        if (this.#ending.signal.aborted) break;
        this.#drop();
        this.#instance.failed("changes", error);
        this.#name(undefined); // a pass finds them, and is made again until one goes well
      }
    }
    this.#naming = undefined;
  }

  /**
   * Names the keys of slots whose rows are kept. How they fared with the owner before stands in no log, so that is listed now.
   *
   * @returns The other slots.
   */
  async #nameKept(slots: readonly number[]): Promise<readonly number[]> {
    const rows = this.#rows, isKept = (slot: number) => rows.isWhole(slot);
    if (!slots.some(isKept)) return slots;
    const [isCurrent, list] = await Promise.all([rows.catchUp(), this.#conditions.all(this.#ending.signal)]);
    if (!isCurrent) return slots;
    for (const slot of slots) if (!this.#gained.has(slot)) this.#beside.set(slot, list); // those were lost and gained again
    const unknown: number[] = [];
    for (const slot of slots) {
      if (!isKept(slot)) unknown.push(slot); // asked right before, as rows are dropped while others are named
      else {
        for (const key of rows.keysOf(slot)) {
          this.#name(key);
          await this.#breathe();
        }
      }
    }
    return unknown;
  }

  /** Reads the table and names the keys of slots, each as soon as its row is read. Keeps rows for when they are asked for. */
  async #read(slots: readonly number[]): Promise<void> {
    const gained = new Set(slots), toCome = this.#toCome.filter((slot) => !gained.has(slot));
    const reading = await this.#open([...slots, ...toCome]);
    for (const slot of slots) if (!this.#gained.has(slot)) this.#beside.set(slot, "with the rows");
    const iterator = this.#table[Symbol.asyncIterator]();
    using _ending = onAbort(this.#ending.signal, () => void iterator.return?.());
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const { key } = next.value;
      const slot = this.#instance.slotOf(key);
      reading.keep(slot, key, next.value);
      if (gained.has(slot)) this.#name(key);
      await this.#breathe();
    }
    reading.complete(toCome); // the others have been named, and their rows are being taken
  }

  async #open(slots: readonly number[]): Promise<Reading<K, KvEntry<K, Spec, P>>> {
    const { clock, timing } = this.#instance;
    this.#ending.signal.throwIfAborted(); // no timer may be set any more
    this.#dropping?.cancel();
    this.#dropping = clock.timer(() => this.#drop(), timing.keptRowsMs);
    return await this.#rows.open(slots);
  }

  /** Slots that may be gained soon. Rows of theirs that are kept already are read again: not everything stands in the log. */
  get #toCome(): number[] {
    const { settings: { slots } } = this.#instance;
    return Array.from({ length: slots }, (_, slot) => slot).filter((slot) => this.#instance.mayGain(slot));
  }

  async #breathe(): Promise<void> {
    if (++this.#rowsInTurn % rowsPerTurn === 0) await turn();
  }

  #drop(): void {
    this.#dropping?.cancel();
    this.#dropping = undefined;
    this.#rows.clear();
    this.#beside.clear();
  }
}
