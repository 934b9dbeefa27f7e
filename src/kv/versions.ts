/**
 * The versions of entries: what a supervisor compares to see whether a process must be replaced.
 *
 * In one history of the database that is the versionstamp: each write has its own. In another history the same number may
 * stand for another write, and another number for the same value. So a digest of the value is kept beside each versionstamp,
 * and once another history was noticed an entry keeps its version exactly if it has the value that it had.
 *
 * @module
 */

import { digestOf } from "./digest.ts";
import type { History } from "./history.ts";

/** The version of an entry as it was told. */
export interface ToldVersion {
  readonly version: string;
  readonly versionstamp: string;
  /** It holds for this reading; for none if the entry has to be read again. */
  readonly reading: number | undefined;
}

/** What is known of an entry. */
interface Known extends ToldVersion {
  readonly digest: number;
  /** The history in which it was read. */
  readonly history: number;
  reading: number | undefined;
  /** The last pass that came across it, or during which it was first read. */
  pass: number;
}

/** The versions of the entries of one table. */
export class Versions<K> {
  readonly #history: History;
  readonly #known: Map<K, Known> = new Map();
  #doubts = 0;
  #pass = 0;

  /** The history is that of the database. */
  constructor(history: History) {
    this.#history = history;
  }

  /** The number of entries that are known. */
  get size(): number {
    return this.#known.size;
  }

  /** A number to take before something is read: it grows when what was read before must be read again. */
  get reading(): number {
    return this.#history.number + this.#doubts;
  }

  /**
   * Compares the value too when an entry is read next: something may have been missed, or it may have been read before its
   * change was, and that change be one of another history.
   *
   * @param key The entry; without one, each of them.
   */
  doubt(key?: K): void {
    const known = key === undefined ? undefined : this.#known.get(key);
    if (key === undefined) this.#doubts++;
    else if (known) known.reading = undefined;
  }

  /**
   * Tells the version of an entry: the one it had unless it has changed.
   *
   * @param row The entry as it was read.
   * @param reading The number that {@linkcode Versions.reading} had before.
   * @param told What was told before. A pass asks for each row, and looking all of them up again would cost more than what is
   * done with most.
   */
  of(key: K, { versionstamp, value }: Deno.KvEntry<unknown>, reading: number, told?: ToldVersion): ToldVersion {
    if (told?.versionstamp === versionstamp && told.reading === this.reading) return told;
    const known = this.#known.get(key);
    const hasItsNumber = known?.versionstamp === versionstamp;
    if (hasItsNumber && known.reading === this.reading) return known;
    if (reading !== this.reading) {
      // Read before that was known: it is read once more, and this reading must not be taken for that.
      const version = hasItsNumber ? known.version : this.#newVersion(versionstamp, known);
      return { version, versionstamp, reading };
    }
    const digest = digestOf(value), history = this.#history.number;
    const isSame = known?.digest === digest && (hasItsNumber || known.history !== history);
    const version = isSame ? known.version : this.#newVersion(versionstamp, known);
    const now = { version, versionstamp, reading, digest, history, pass: this.#pass };
    this.#known.set(key, now);
    return now;
  }

  /** Tells the versionstamp of a version; `undefined` if that is gone. */
  versionstampOf(key: K, version: unknown): string | undefined {
    const known = this.#known.get(key);
    return known?.version === version ? known?.versionstamp : undefined;
  }

  /** Forgets an entry that is gone. */
  forget(key: K): void {
    this.#known.delete(key);
  }

  /** Begins a pass over all entries, and returns its number. */
  beginPass(): number {
    return ++this.#pass;
  }

  /** Takes note that a pass has come across an entry. Returns the version that was told of it last. */
  passed(key: K): ToldVersion | undefined {
    const known = this.#known.get(key);
    if (known) known.pass = this.#pass;
    return known;
  }

  /** Forgets the entries that a pass over all of them has not come across. */
  endPass(pass: number): void {
    for (const [key, known] of this.#known) if (known.pass < pass) this.#known.delete(key);
  }

  /** The versionstamp alone, as long as that says enough. */
  #newVersion(versionstamp: string, known: Known | undefined): string {
    const isTaken = known?.version === versionstamp;
    return this.#history.number === 0 && !isTaken ? versionstamp : `${versionstamp}/${this.reading}`;
  }
}
