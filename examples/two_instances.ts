/**
 * Three instances of a program share a table of bots. One is killed, one is paused and wakes up late, and every bot still
 * has one owner. It takes twenty seconds.
 *
 * The instances are OS processes that share nothing but the database file:
 * [instance.ts](two_instances/instance.ts) is all it takes to be one. Each prints where its page is, which shows them all.
 */

import { chain, leaf, main, parallel } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { type BotSpec, botTable, names } from "./two_instances/bots.ts";
import { OsProcess } from "./two_instances/os_process.ts";
import { say, Watch } from "./two_instances/watch.ts";

const directory = await Deno.makeTempDir({ prefix: "two_instances_" }); // for nothing but the database
const path = `${directory}/bots.sqlite3`;
const kv = await Deno.openKv(path);
const spec: BotSpec = { everyMs: 250 };
for (const name of names) await botTable(kv, "").set(name, spec);

const instances = ["A", "B", "C"].map((name) => new OsProcess(name, path));
const [, victim, sleeper] = instances;
const watch = new Watch(kv);

/** What happens to the instances. */
async function play(signal: AbortSignal): Promise<void> {
  say(`three instances start on ${path}`);
  await delay(6_000, { signal });
  say("B is killed: SIGKILL");
  victim.signal("SIGKILL");
  await delay(4_500, { signal });
  say("C is paused, for longer than it may be silent: SIGSTOP");
  sleeper.signal("SIGSTOP");
  await delay(4_500, { signal });
  say("C is woken, and still believes for an instant that it owns its bots: SIGCONT");
  sleeper.signal("SIGCONT");
  await delay(4_000, { signal });
  sum();
}

function sum(): void {
  const longest = Math.max(...watch.ownerlessMs);
  const refused = sleeper.lines.filter((line) => line.includes("was refused")).length;
  say(`${watch.ownerlessMs.length} moves, silent for ${longest} ms at most, ${refused} late writes of C refused`);
}

await main(chain(parallel(...instances), leaf((signal) => watch.watch(signal)), leaf(play)));
kv.close();
await Deno.remove(directory, { recursive: true });
