/** Watches from outside which instance runs what. */

import { delay } from "@std/async/delay";
import { type Beat, names } from "./bots.ts";

/** How long a bot may be silent before it counts as not running. */
const silentMs = 1_500;
const everyMs = 250;

/** Prints which instance runs what whenever that changes, and remembers every move. */
export class Watch {
  /** How long each bot that moved was silent, in ms. */
  readonly ownerlessMs: number[] = [];
  readonly #kv: Deno.Kv;
  readonly #beats: Map<string, Beat> = new Map();
  #shown = "";

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /** Watches until the signal aborts. */
  async watch(signal: AbortSignal): Promise<never> {
    for (;;) {
      const beats: Deno.KvListIterator<Beat> = this.#kv.list({ prefix: ["beats"] });
      for await (const { key, value } of beats) this.#see(String(key[1]), value);
      this.#show();
      await delay(everyMs, { signal });
    }
  }

  #see(name: string, beat: Beat): void {
    const last = this.#beats.get(name);
    if (last && last.instance !== beat.instance) this.ownerlessMs.push(beat.sinceAt - last.at);
    this.#beats.set(name, beat);
  }

  #show(): void {
    const groups = Map.groupBy(names, (name) => this.#ownerOf(name));
    const shown = [...groups].sort().map(([owner, names]) => `${owner}: ${names.join(" ")}`).join("   ");
    if (shown === this.#shown) return;
    this.#shown = shown;
    say(shown);
  }

  #ownerOf(name: string): string {
    const beat = this.#beats.get(name);
    return beat && Date.now() - beat.at < silentMs ? beat.instance : "no instance";
  }
}

/** Prints a line with the time. */
export function say(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}   ${text}`);
}
