/**
 * Starts and stops processes, by turns while the supervisor is instrumented and while it is not, and prints the CPU time of one
 * start and stop, that of the exporter's threads included, as a line of JSON.
 *
 * Usage: `deno run … otel_program.ts <memory or kv> <how many processes> <how many turns>`
 *
 * @module
 */

import process from "node:process";
import { type Runnable, Supervisor, type Table } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { instrument } from "@pact/supervisor/otel";
import { median } from "../report.ts";
import { collectGarbage, makeKeys } from "./gauge.ts";
import { Bot, makeTable } from "./ours.ts";

/** How many are stopped, and then started, at the same time. */
const atOnce = 50;
/** How long the exporter is given to send what there is, in ms. */
const exportMs = 600;

const section = Deno.args[0], size = Number(Deno.args[1]), turns = Number(Deno.args[2]);
const keys = makeKeys(size);
using kv = await Deno.openKv(":memory:");

async function makeKvTable(): Promise<Table<string, Runnable>> {
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: { url: string }, _key: string) => new Bot() });
  for (const key of keys) await table.set(key, { url: `https://${key}.example` });
  return table;
}

const table = section === "kv" ? await makeKvTable() : makeTable(size);
const supervisor = new Supervisor<string>(table);
using _listening = supervisor.subscribe(() => {});

async function cpuUs(): Promise<number> {
  await collectGarbage();
  const before = process.cpuUsage();
  for (let from = 0; from < size; from += atOnce) {
    const some = keys.slice(from, from + atOnce);
    await Promise.all(some.map((key) => supervisor.stop(key)));
    await Promise.all(some.map((key) => supervisor.start(key)));
  }
  await new Promise((resolve) => setTimeout(resolve, exportMs));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / size;
}

const plain: number[] = [], instrumented: number[] = [];
await supervisor.run(async () => {
  for (let turn = -2; turn < turns; turn++) {
    const without = await cpuUs();
    const telemetry = instrument({ supervisor, table });
    const withIt = await cpuUs();
    telemetry[Symbol.dispose]();
    if (turn < 0) continue; // the code is being compiled
    plain.push(without);
    instrumented.push(withIt);
  }
});
console.log(JSON.stringify({ plainUs: median(plain), instrumentedUs: median(instrumented) }));
