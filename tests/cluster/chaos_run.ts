/**
 * Five instances on one database are killed, paused and restarted at random while their 500 processes write: no process ever
 * has two owners, and none is without one for long.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { seededRandom } from "../os/random.ts";
import { pace } from "./chaos.ts";
import { Findings, type Gap } from "./findings.ts";
import { converged, type DisturbableServer, Havoc } from "./havoc.ts";
import { Observer } from "./observer.ts";

/** How long a slot of an instance that was killed may be without an owner, while the database takes writes. */
export const maxOwnerlessMs = pace.ttlMs + 2 * pace.heartbeatMs + 1_000;

/** What is let loose on what. */
export interface Chaos {
  /** How long it goes on. */
  readonly forMs: number;
  /** The path or URL of the database, which has all entries. */
  readonly path: string;
  /** What answers at the URL, to be disturbed too. */
  readonly server?: DisturbableServer;
  /** Whether a slot of an instance that was killed was without an owner for too long. */
  isLate(gap: Gap): boolean;
}

/** Lets it all happen. */
export async function wreak({ forMs, path, server, isLate }: Chaos): Promise<Findings> {
  const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  using kv = await Deno.openKv(path);
  using observing = await Deno.openKv(path);
  await using observer = new Observer(observing);
  await using havoc = new Havoc(path, seededRandom(seed), server);
  await converged(havoc.live);
  await havoc.wreak(Date.now() + forMs);
  const calmAt = Date.now();
  await converged(havoc.live);
  console.log(`all run once ${Date.now() - calmAt} ms after the last deed`);
  const shown = await Promise.all(havoc.live.map((instance) => instance.shown()));
  const ends = await Promise.all(havoc.live.map((instance) => instance.end("SIGINT")));

  const findings = await Findings.read(kv, havoc, observer);
  console.log(`${findings}`);
  const errorCount = havoc.instances.reduce((sum, instance) => sum + instance.errorCount, 0);
  console.log(
    `pending calls of the library at the end: ${shown.map(({ pendingCalls }) => pendingCalls).join(", ")}; ` +
      `${errorCount} lines on stderr`,
  );
  if (Deno.env.has("CHAOS_LOG")) console.log(havoc.deeds, observer.outages, findings.printed(/./).sort().join("\n"));
  assertEquals(findings.violations.slice(0, 20), []);
  assertEquals(findings.slotGaps("kill").filter(isLate).slice(0, 20), []);
  assertEquals(findings.printed(/ twice /), [], "a process ran twice in one instance");
  assertEquals(ends.map(({ code }) => code), ends.map(() => 0));
  assertEquals(havoc.failed.map(({ output }) => output), [], "a restart did not end with code 0");
  return findings;
}
