/**
 * One of two OS processes that write one table at the same time. Speaks with the test by lines: says "ready", is told
 * "go", says "done" when it has written its keys, heard of every key of both, and reported as JSON in a file when that
 * was, and ends when it is told "end".
 *
 * @module
 */

import { botTable } from "./fixtures.ts";

const [path, name, other, count, report] = Deno.args;
const keys = (writer: string) => Array.from({ length: Number(count) }, (_, i) => `${writer} ${i}`);

using kv = await Deno.openKv(path);
const table = botTable(kv);
const controller = new AbortController();
const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
const missing = new Set<unknown>([...keys(name), ...keys(other)]);
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();

const first = changes.next();
// Returns when the feed has found the end of the log: from now on everything is announced.
for await (const { key } of table) missing.delete(key);
console.log("ready");
await lines.read();

const [written, heard] = await Promise.all([write(), hear(first)]);
await Deno.writeTextFile(report, JSON.stringify({ written, heard }));
console.log("done");
await lines.read();
await lines.cancel();
controller.abort();
await changes.return?.();

/** Returns when each write was acknowledged, epoch ms. */
async function write(): Promise<Record<string, number>> {
  const writtenAt: Record<string, number> = {};
  for (const key of keys(name)) {
    await table.set(key, name);
    writtenAt[key] = Date.now();
  }
  return writtenAt;
}

/** Returns when each key was heard of, epoch ms. */
async function hear(next: ReturnType<typeof changes.next>): Promise<Record<string, number>> {
  const heardAt: Record<string, number> = {};
  const hearOf = (key: unknown) => {
    if (missing.delete(key)) heardAt[String(key)] = Date.now();
  };
  while (missing.size > 0) {
    const { done, value } = await next;
    if (done) throw new Error(`the changes ended, and ${missing.size} were missing`);
    if (value === undefined) { for await (const { key } of table) hearOf(key); }
    hearOf(value);
    next = changes.next();
  }
  return heardAt;
}
