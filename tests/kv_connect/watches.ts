/**
 * The watches of the test server.
 *
 * @module
 */

import { encodeWatchOutput } from "./messages.ts";
import type { Store } from "./store.ts";

/** Open watches on a store: each is a stream that tells of every commit that touches its keys. */
export class Watches {
  readonly #store: Store;
  readonly #cuts = new Set<() => void>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Begins with what is there now. */
  open(keys: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
    let end = () => {};
    return new ReadableStream({
      start: (controller) => {
        const tell = (touched: ReadonlySet<string>) => controller.enqueue(this.#frame(keys, touched));
        const listening = this.#store.listen((touched) => keys.some((key) => touched.has(key)) && tell(touched));
        const cut = () => {
          end();
          controller.close();
        };
        end = () => {
          listening[Symbol.dispose]();
          this.#cuts.delete(cut);
        };
        this.#cuts.add(cut);
        tell(new Set(keys));
      },
      cancel: () => end(),
    });
  }

  /** Breaks every stream. */
  cut(): void {
    for (const cut of this.#cuts) cut();
  }

  /** A message behind its length, four bytes, little end first. */
  #frame(keys: readonly string[], touched: ReadonlySet<string>): Uint8Array<ArrayBuffer> {
    const states = keys.map((key) => ({ isChanged: touched.has(key), entry: this.#store.get(key) }));
    const message = encodeWatchOutput(states);
    const frame = new Uint8Array(4 + message.length);
    new DataView(frame.buffer).setUint32(0, message.length, true);
    frame.set(message, 4);
    return frame;
  }
}
