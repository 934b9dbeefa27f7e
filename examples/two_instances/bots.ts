/** The bots: each keeps saying which instance runs it, only as long as that is true. */

import { leaf, type Runnable } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";

/** The names of the bots. */
export const names = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy", "joe", "kit", "leo"];

/** How often a bot says something. */
export interface BotSpec {
  readonly everyMs: number;
}

/** What a bot said last, at `["beats", name]`. */
export interface Beat {
  readonly instance: string;
  /** When it began in this instance. */
  readonly sinceAt: number;
  readonly at: number;
}

/** The table of bots, as one instance runs them. */
export function botTable(kv: Deno.Kv, instance: string): KvTable<string, BotSpec, Runnable> {
  return new KvTable(kv, {
    prefix: ["bots"],
    create: ({ everyMs }: BotSpec, name: string, { claim }) => {
      return leaf(async (signal) => {
        for (const sinceAt = Date.now();; await delay(everyMs, { signal })) {
          const beat: Beat = { instance, sinceAt, at: Date.now() };
          const result = await claim?.commit(kv.atomic().set(["beats", name], beat));
          if (!result?.ok) throw new Error(`the write of ${name} was refused: another instance owns it by now`);
        }
      });
    },
  });
}
