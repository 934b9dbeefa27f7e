/**
 * Five instances on one file are killed, paused and restarted at random while their 500 processes write: no process ever
 * has two owners, and none is without one for long.
 *
 * A pause may hit an instance while it holds the lock of the file. Then no instance can write until it is woken: all others
 * are fenced, as they must be, and none can take over. An observer measures how long the database takes no writes, and
 * the bound on the time without an owner is longer by as much.
 */

import { assertEquals } from "@std/assert";
import { seededRandom } from "../os/random.ts";
import { sized } from "../size.ts";
import { pace } from "./chaos.ts";
import { Findings } from "./findings.ts";
import { converged, Havoc, withDatabase } from "./havoc.ts";
import { Observer } from "./observer.ts";

const chaosMs = Number(Deno.env.get("CHAOS_MS") ?? sized({ short: 12_000, full: 60_000 }));

/** How long a slot of an instance that was killed may be without an owner, while the database takes writes. */
const maxOwnerlessMs = pace.ttlMs + 2 * pace.heartbeatMs + 1_000;

/** Lets it all happen. */
async function wreak(path: string, kv: Deno.Kv, random: () => number): Promise<void> {
  using observing = await Deno.openKv(path);
  await using observer = new Observer(observing);
  await using havoc = new Havoc(path, random);
  await converged(havoc.live);
  await havoc.wreak(Date.now() + chaosMs);
  const calmAt = Date.now();
  await converged(havoc.live);
  console.log(`all run once ${Date.now() - calmAt} ms after the last deed`);
  const ends = await Promise.all(havoc.live.map((instance) => instance.end("SIGINT")));

  const findings = await Findings.read(kv, havoc, observer);
  console.log(`${findings}`);
  if (Deno.env.has("CHAOS_LOG")) console.log(havoc.deeds, observer.outages, findings.printed(/./).sort().join("\n"));
  assertEquals(findings.violations.slice(0, 20), []);
  const late = findings.slotGaps("kill").filter(({ durationMs, outageMs }) => durationMs > maxOwnerlessMs + outageMs);
  assertEquals(late.slice(0, 20), []);
  assertEquals(findings.printed(/ twice /), [], "a process ran twice in one instance");
  assertEquals(ends.map(({ code }) => code), ends.map(() => 0));
  assertEquals(havoc.failed.map(({ output }) => output), [], "a restart did not end with code 0");
}

const span = `for ${chaosMs / 1_000} s`;

Deno.test(`instances that are killed, paused and restarted ${span} leave every process with one owner`, async () => {
  const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  await withDatabase((kv, path) => wreak(path, kv, seededRandom(seed)));
});
