/**
 * What the tests of tables in Deno KV share.
 *
 * @module
 */

import { type KvEntry, KvTable, type KvTableContext, type KvTableKey, type KvTableOptions } from "../../src/kv/mod.ts";
import type { RunCallback, Runnable, RunOptions } from "../../src/process/runnable.ts";

/** A runnable that remembers what it was built with. */
export class Bot implements Runnable {
  constructor(readonly key: KvTableKey, readonly spec: unknown, readonly context: KvTableContext) {}

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    await running(signal);
  }
}

export type BotOptions<Spec> = Partial<KvTableOptions<KvTableKey, Spec, Bot>>;

export function botTable<Spec = unknown>(kv: Deno.Kv, options: BotOptions<Spec> = {}): KvTable<KvTableKey, Spec, Bot> {
  return new KvTable<KvTableKey, Spec, Bot>(kv, {
    prefix: ["bots"],
    create: (spec, key, context) => new Bot(key, spec, context),
    ...options,
  });
}

export async function entriesOf<K, Spec, P>(table: AsyncIterable<KvEntry<K, Spec, P>>): Promise<KvEntry<K, Spec, P>[]> {
  return await Array.fromAsync(table);
}

export async function keysOf<K, Spec, P>(table: AsyncIterable<KvEntry<K, Spec, P>>): Promise<K[]> {
  return (await entriesOf(table)).map((entry) => entry.key);
}

/** A fresh database file in a directory of its own, and as many handles on it as asked for. */
export async function openFile(handles: number): Promise<{ path: string; kvs: Deno.Kv[] } & AsyncDisposable> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/kv.sqlite`;
  const kvs: Deno.Kv[] = [];
  for (let i = 0; i < handles; i++) kvs.push(await Deno.openKv(path));
  return {
    path,
    kvs,
    async [Symbol.asyncDispose]() {
      for (const kv of kvs) kv.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Lets everything that needs no database and no timer happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise that is never resolved. */
export const never: Promise<never> = new Promise(() => {});
