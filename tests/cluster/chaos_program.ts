/**
 * One instance of a cluster: runs its share of the table, in which every process appends lines to its history, each
 * under the check of its claim, and shows on localhost which processes run. The arguments are the path or URL of the
 * database, a number that no other instance has, and the pace. With CHAOS_UNGUARDED in the environment the check is left out, which the test must notice.
 *
 * @module
 */

import { chain, describeEvent, leaf, main, Supervisor } from "@pact/supervisor";
import { Cluster, describeClusterEvent } from "@pact/supervisor/cluster";
import type { Claim } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";
import { httpServer } from "../../examples/uptime/http_server.ts";
import { chaosTable, clusterPrefix, type Line, lineKey, type Pace, pauseMs, type Shown } from "./chaos.ts";
import { TallyKv } from "./tally_kv.ts";

const [path, owner, paceText] = Deno.args;
const pace: Pace = JSON.parse(paceText);
const isGuarded = Deno.env.get("CHAOS_UNGUARDED") === undefined;
/** The last acknowledged line of each key. */
const last = new Map<string, Line>();
const live = new Set<string>();

using database = await open();
// What the processes write is not counted.
const kv = new TallyKv(database);
const table = chaosTable(kv, (key, { claim }) => leaf((signal) => work(key, claim!, signal)), path);
const newId = () => `${owner}-${crypto.randomUUID()}`;
const cluster = new Cluster(kv, { path, prefix: clusterPrefix, newId, ...pace });
const supervisor = new Supervisor(cluster.own(table));

cluster.subscribe((event) => {
  if (event.type !== "slot-claimed" && event.type !== "slot-released") log(describeClusterEvent(event));
});
supervisor.subscribe((event) => {
  if (event.type === "exited" && event.outcome === "failed") log(describeEvent(event));
  if (event.type.endsWith("-failed") || event.type === "stuck") log(describeEvent(event));
});

await main(chain(cluster, supervisor, httpServer("instance", 0, () => Response.json(shown()))));

/** Opens the database. A server that is away is asked again, as the platform would start a program again. */
async function open(): Promise<Deno.Kv> {
  for (;;) {
    try {
      return await Deno.openKv(path);
    } catch (error) {
      if (!URL.canParse(path)) throw error;
      await delay(100);
    }
  }
}

function shown(): Shown {
  return { running: [...live], pendingCalls: kv.pendingCalls, rows: kv.rows };
}

async function work(key: string, claim: Claim, signal: AbortSignal): Promise<void> {
  if (live.has(key)) log(`twice ${key}`);
  live.add(key);
  try {
    while (!signal.aborted) {
      await append(key, claim, signal);
      await delay(pauseMs.min + Math.random() * (pauseMs.max - pauseMs.min), { signal });
    }
  } finally {
    live.delete(key);
  }
}

/** Appends a line. A write in progress is never abandoned: whether it has landed must be known before the next one. */
async function append(key: string, { check, token, signal: lost }: Claim, signal: AbortSignal): Promise<void> {
  const before = last.get(key);
  const seq = before?.token === token ? before.seq + 1 : 1;
  const line: Line = { owner, token, seq, id: crypto.randomUUID() };
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      const atomic = isGuarded ? database.atomic().check(check) : database.atomic();
      const { ok } = await atomic.set(lineKey(key, database.commitVersionstamp()), line).commit();
      if (!ok) {
        log(`refused ${key}`);
        throw lost.reason ?? new Error("another instance owns this process now");
      }
      last.set(key, line);
      return;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("database is locked"))) throw error;
      // Nothing of it was applied. A hundred processes that try again every few ms would keep the heartbeat from its turn.
      await delay(Math.random() * Math.min(5 * 2 ** tries, 200));
    }
  }
}

function log(text: string): void {
  console.log(`${Date.now()} ${text}`);
}
