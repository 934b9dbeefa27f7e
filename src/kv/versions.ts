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

/** What is known of an entry. */
interface Known {
  readonly versionstamp: string;
  readonly digest: number;
  readonly version: string;
  /** The history in which it was read, and the reading; no reading if it has to be read again. */
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
   */
  of(key: K, { versionstamp, value }: Deno.KvEntry<unknown>, reading: number): string {
    const known = this.#known.get(key);
    const hasItsNumber = known?.versionstamp === versionstamp;
    if (hasItsNumber && known.reading === this.reading) return known.version;
    // Read before that was known: it is read once more, and this reading must not be taken for that.
    if (reading !== this.reading) return hasItsNumber ? known.version : this.#newVersion(versionstamp, known);
    const digest = digestOf(value), history = this.#history.number;
    const isSame = known?.digest === digest && (hasItsNumber || known.history !== history);
    const version = isSame ? known.version : this.#newVersion(versionstamp, known);
    this.#known.set(key, { versionstamp, digest, version, history, reading, pass: this.#pass });
    return version;
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

  /** Takes note that a pass has come across an entry. */
  passed(key: K): void {
    const known = this.#known.get(key);
    if (known) known.pass = this.#pass;
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
