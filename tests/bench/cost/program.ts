/**
 * One instance of a cluster on a file, behind a meter. Prints "up" when it is, and for each line that it is given what it has
 * cost since it began and how long that was, in ms.
 *
 * Usage: `deno run … program.ts <path> <pace as JSON>`
 *
 * @module
 */

import { MeteredKv } from "../units.ts";
import { CostInstance } from "./instance.ts";

const [path, pace] = Deno.args;

using kv = new MeteredKv(await Deno.openKv(path));
const instance = new CostInstance({ kv, isClustered: true, isRemote: false, pace: JSON.parse(pace), path });
await instance.run(async () => {
  console.log("up");
  for await (const _line of Deno.stdin.readable) {
    console.log(JSON.stringify({ ...kv.units, atMs: performance.now() }));
  }
});
