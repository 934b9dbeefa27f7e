/**
 * One instance of a cluster on a file, behind a meter. Prints "up" when it is. For a line "meter" it prints what it has cost since it
 * began, how long that was and how long it has kept a core busy, in ms. After a line "follow" it prints each process that comes
 * up, and when, in epoch ms.
 *
 * Usage: `deno run … program.ts <path> <pace as JSON>`
 *
 * @module
 */

import { cpuUsage } from "node:process";
import { MeteredKv } from "../units.ts";
import { CostInstance } from "./instance.ts";

const [path, pace] = Deno.args;

using kv = new MeteredKv(await Deno.openKv(path));
const instance = new CostInstance({ kv, isClustered: true, isRemote: false, pace: JSON.parse(pace), path });
await instance.run(async () => {
  console.log("up");
  for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (line.trim() === "follow") follow();
    else printMeter();
  }
});

function printMeter(): void {
  const { user, system } = cpuUsage();
  console.log(JSON.stringify({ ...kv.units, atMs: performance.now(), cpuMs: (user + system) / 1_000 }));
}

function follow(): void {
  instance.supervisor.subscribe((event) => {
    if (event.type === "running") console.log(`ran ${event.key} ${event.at}`);
  });
}
