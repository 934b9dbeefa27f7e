/**
 * Writes to the table of the fleet until it is killed, and prints each write before it is made and after it was
 * acknowledged. The arguments are the database, the seed, the first value and the longest pause in ms.
 *
 * @module
 */

import { nop } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { fleetTable, keys } from "./fleet.ts";
import { seededRandom } from "./random.ts";

const [path, seed, firstValue, maxPauseMs] = Deno.args;
const random = seededRandom(Number(seed));

using kv = await Deno.openKv(path);
const table = fleetTable(kv, () => nop);

for (let value = Number(firstValue);; value++) {
  const key = keys[Math.floor(random() * keys.length)];
  const isSet = random() < 0.8;
  console.log(`writing ${key} ${isSet ? value : "nothing"}`);
  await (isSet ? table.set(key, value) : table.delete(key));
  console.log(`written ${key}`);
  await delay(random() * Number(maxPauseMs));
}
