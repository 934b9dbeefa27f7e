/**
 * One of two OS processes that write one table at the same time. Speaks with the test by lines: says "ready", is told
 * "go", says "written" and "seen" when it has heard of every key of both, and ends when its input does.
 *
 * @module
 */

import { botTable } from "./fixtures.ts";

const [path, name, other, count] = Deno.args;
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

await Promise.all([write(), hear(first)]);
while (!(await lines.read()).done);
controller.abort();
await changes.return?.();

async function write(): Promise<void> {
  for (const key of keys(name)) await table.set(key, name);
  console.log("written");
}

async function hear(next: ReturnType<typeof changes.next>): Promise<void> {
  while (missing.size > 0) {
    const { done, value } = await next;
    if (done) throw new Error(`the changes ended, and ${missing.size} were missing`);
    if (value === undefined) { for await (const { key } of table) missing.delete(key); }
    missing.delete(value);
    next = changes.next();
  }
  console.log("seen");
}
