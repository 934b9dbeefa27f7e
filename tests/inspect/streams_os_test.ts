import { assert } from "@std/assert";
import { delay } from "@std/async/delay";
import { MapTable, nop, type Runnable, Supervisor } from "@pact/supervisor";
import { anyone, inspect } from "../../src/inspect/mod.ts";
import { Program } from "../os/program.ts";

const streams = 1_000;
const maxGrowthBytes = 150 * 1024 * 1024;
/** How long a start may take in the slowest of twenty, in ms, while all streams are told of it. */
const maxStartMs = 50;

/** Restarts a process again and again, and tells how long the slowest of twenty took. */
async function slowestStart(supervisor: Supervisor<string, Runnable>): Promise<number> {
  const tookMs: number[] = [];
  for (let index = 0; index < 200; index++) {
    const beganMs = performance.now();
    await supervisor.restart("acme");
    tookMs.push(performance.now() - beganMs);
    await delay(5);
  }
  return tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length * 0.95)];
}

Deno.test("a thousand event streams of which half are never read cost little memory and hold up no start", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop]]), ending = new AbortController();
  const supervisor = new Supervisor(table);
  const handle = inspect({ supervisor, table, authorize: anyone(), signal: ending.signal });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handle);
  await supervisor.run(async () => {
    const alone = await slowestStart(supervisor);
    await using clients = new Program("tests/inspect/stream_clients_program.ts", `${server.addr.port}`, `${streams}`);
    await clients.line(/^open/);
    const before = Deno.memoryUsage().rss, rounds: number[] = [];
    while (rounds.length < 3 && !rounds.some((ms) => ms <= maxStartMs)) rounds.push(await slowestStart(supervisor));
    for (let index = 0; index < 20_000; index++) {
      table.set("acme", nop);
      if (index % 100 === 99) await supervisor.reconcile();
    }
    const growth = Deno.memoryUsage().rss - before;
    await clients.say("How many?");
    const [, events] = await clients.line(/^events (\d+)/);
    assert(Number(events) >= 500 * streams / 2, `the streams that are read were told of ${events} events`);
    assert(
      rounds.some((ms) => ms <= maxStartMs),
      `starts took ${rounds.map(Math.round).join(", ")} ms, alone ${Math.round(alone)}`,
    );
    assert(growth <= maxGrowthBytes, `${Math.round(growth / 1024 / 1024)} MB`);
  });
  ending.abort();
  await server.shutdown();
});
