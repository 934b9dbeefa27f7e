/**
 * One of several OS processes that count up one entry at the same time. Speaks with the test by lines: says "ready", is told
 * "go", and says "done" when all its changes are acknowledged.
 *
 * @module
 */

import { botTable } from "./fixtures.ts";

const [path, count] = Deno.args;
using kv = await Deno.openKv(path);
const table = botTable<number>(kv);
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
console.log("ready");
await lines.read();
for (let i = 0; i < Number(count); i++) await table.update("a", (spec) => (spec ?? 0) + 1);
console.log("done");
await lines.cancel();
