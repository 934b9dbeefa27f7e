/** The bots: each of them says who runs it, over and over, and only as long as that is true. */

import { leaf, type Runnable } from "@pact/supervisor";
import { type Claim, KvTable } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";
import { retry, type RetryOptions } from "@std/async/retry";

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

/** About a second: longer than a disk takes, shorter than a claim lives without a heartbeat. */
const patience: RetryOptions = { minTimeout: 1, maxTimeout: 10, maxAttempts: 200 };

/** The table of bots, as one instance runs them. */
export function botTable(kv: Deno.Kv, instance: string): KvTable<string, BotSpec, Runnable> {
  return new KvTable<string, BotSpec, Runnable>(kv, {
    prefix: ["bots"],
    create: ({ everyMs }, name, { claim }) => {
      return leaf(async (signal) => {
        for (const sinceAt = Date.now();; await delay(everyMs, { signal })) {
          await write(kv, claim!, ["beats", name], { instance, sinceAt, at: Date.now() });
        }
      });
    },
  });
}

/** Writes, unless another instance owns the bot by now: then the database refuses. */
async function write(kv: Deno.Kv, claim: Claim, key: Deno.KvKey, value: Beat): Promise<void> {
  // While another OS process writes, a file may be locked: nothing was written then.
  const { ok } = await retry(() => kv.atomic().check(claim.check).set(key, value).commit(), patience);
  if (!ok) throw new Error(`the write to ${key.join("/")} was refused`);
}
