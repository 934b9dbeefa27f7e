/**
 * Runs the fleet, shows on localhost what is running, and prints every start and stop. The first argument is the database,
 * the second one how long a process may take to stop, in ms.
 *
 * @module
 */

import { chain, main, type RunCallback, type Runnable, type RunOptions, Supervisor } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { httpServer } from "../../examples/uptime/http_server.ts";
import { fleetTable } from "./fleet.ts";

const [path, maxStopMs] = Deno.args;
const live = new Set<string>();

/** A process that knows when it is not alone. */
class Member implements Runnable {
  constructor(readonly value: number, readonly key: string) {}

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    if (live.has(this.key)) console.log(`twice ${this.key}`);
    live.add(this.key);
    console.log(`started ${this.key}`);
    try {
      await running(signal);
      await delay(Math.random() * Number(maxStopMs), { signal });
    } finally {
      live.delete(this.key);
      console.log(`stopped ${this.key}`);
    }
  }
}

using kv = await Deno.openKv(path);
const supervisor = new Supervisor(fleetTable(kv, (value, key) => new Member(value, key)));

const show = () => {
  const running = supervisor.snapshot().processes.filter(({ state }) => state === "running");
  return Response.json(running.map(({ key }) => [key, supervisor.get(key).value]));
};

await main(chain(httpServer("fleet", 0, show), supervisor));
console.log(`live at the end: ${live.size}`);
