/**
 * A watch of an in-memory Deno KV.
 *
 * @module
 */

import { type MemoryRecord, type MemoryStore, toEntry } from "./store.ts";

/** What is watched, and how. */
export interface MemoryWatchOptions {
  /** The keys as they were given. */
  readonly keys: readonly Deno.KvKey[];
  /** The keys, packed. */
  readonly encodedKeys: readonly string[];
  /** Whether a commit that changes nothing is told too. */
  readonly isRaw: boolean;
  /** Called when the last reader is gone. */
  readonly onEnd: (watch: MemoryWatch) => void;
}

/** A stream of the entries of some keys: first as they are, then whenever one has changed, as they are by then. */
export class MemoryWatch {
  /** What the reader gets. */
  readonly stream: ReadableStream<Deno.KvEntryMaybe<unknown>[]>;
  readonly #store: MemoryStore;
  readonly #options: MemoryWatchOptions;
  readonly #unwatch: () => void;
  #last: (MemoryRecord | undefined)[] | undefined;
  #isDue = true;
  #isOver = false;
  #wake = () => {};

  /** Begins to watch. The first reading is made before it is asked for, and is kept: a slow reader finds it old. */
  constructor(store: MemoryStore, options: MemoryWatchOptions) {
    this.#store = store;
    this.#options = options;
    this.#unwatch = store.watch(options.encodedKeys, () => {
      this.#isDue = true;
      this.#wake();
    });
    this.stream = new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.end(),
    });
  }

  /** Ends the stream. */
  end(): void {
    this.#isOver = true;
    this.#unwatch();
    this.#options.onEnd(this);
    this.#wake();
  }

  async #pull(controller: ReadableStreamDefaultController<Deno.KvEntryMaybe<unknown>[]>): Promise<void> {
    while (true) {
      while (!this.#isDue && !this.#isOver) await new Promise<void>((resolve) => this.#wake = resolve);
      if (this.#isOver) return controller.close();
      const hasChanged = this.#look();
      if (this.#options.keys.length === 0) this.end();
      if (hasChanged || this.#options.isRaw) return controller.enqueue(this.#entries());
    }
  }

  /** Reads the keys and says whether one is another than before. */
  #look(): boolean {
    this.#isDue = false;
    const last = this.#last;
    const records = this.#options.encodedKeys.map((encoded) => this.#store.get(encoded));
    this.#last = records;
    return records.some((record, i) => !last || record?.versionstamp !== last[i]?.versionstamp);
  }

  #entries(): Deno.KvEntryMaybe<unknown>[] {
    return this.#last!.map((record, i) => toEntry(record, [...this.#options.keys[i]]));
  }
}
