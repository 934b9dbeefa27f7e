/** What an outage of the real self-hosted server leaves behind in its clients, and what its return sets off. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { keys } from "../cluster/chaos.ts";
import { ChaosInstance, converged, fill, runningOnce } from "../cluster/havoc.ts";
import { sized } from "../size.ts";
import { Denokv } from "./server.ts";

const awayMs = sized({ short: 20_000, full: 60_000 });
/** How long after the return rows are counted. */
const returnMs = 10_000;
const pace = { heartbeatMs: 1_000, ttlMs: 3_000 };
const entries = keys.slice(0, 100);
/** How many calls an instance may leave unanswered, however long the outage is, and how many rows all read at its end. */
const maxPendingEach = 20;
const maxRows = 12_000;

/** What all instances show together; of the pending calls, those of each. */
async function total(instances: readonly ChaosInstance[]): Promise<{ pendingCalls: number[]; rows: number }> {
  const shown = await Promise.all(instances.map((instance) => instance.shown()));
  return {
    pendingCalls: shown.map(({ pendingCalls }) => pendingCalls),
    rows: shown.reduce((sum, { rows }) => sum + rows, 0),
  };
}

Deno.test(`three instances run everything once again when denokv was away for ${awayMs / 1_000} s`, async () => {
  await using server = await Denokv.start();
  using kv = await server.open();
  await fill(kv, entries);
  await using one = new ChaosInstance(server.url, "1", pace);
  await using two = new ChaosInstance(server.url, "2", pace);
  await using three = new ChaosInstance(server.url, "3", pace);
  const instances = [one, two, three];
  const errors = () => instances.reduce((sum, { errorCount }) => sum + errorCount, 0);
  await converged(instances, entries);
  const errorsBefore = errors();

  await server.stop();
  await delay(awayMs);
  const away = await total(instances);
  const awayErrors = errors() - errorsBefore;
  await server.restart();
  const backAt = performance.now();
  await runningOnce(instances, entries);
  const backMs = performance.now() - backAt;
  await delay(returnMs - backMs);
  const back = await total(instances);

  console.log(
    `denokv away for ${
      awayMs / 1_000
    } s: ${away.pendingCalls} pending calls of three instances beside two watches each, ` +
      `${awayErrors} lines on stderr, those of the writes of ${entries.length} processes included;\n` +
      `all ran ${Math.round(backMs)} ms after its return, ${back.rows - away.rows} rows were read within ` +
      `${returnMs / 1_000} s of it, ${back.pendingCalls} calls are pending then`,
  );
  assert(Math.max(...away.pendingCalls) <= maxPendingEach, `${away.pendingCalls} pending calls`);
  assert(back.rows - away.rows <= maxRows, `${back.rows - away.rows} rows`);
  await converged(instances, entries);
  const ends = await Promise.all(instances.map((instance) => instance.end("SIGINT")));
  assertEquals(ends.map(({ code }) => code), [0, 0, 0]);
});
