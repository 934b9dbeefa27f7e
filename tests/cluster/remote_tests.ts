/**
 * What a cluster does on any remote database: three instances that run all keys, and what takes the database away.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { RemoteDatabase } from "../kv_connect/remote_database.ts";
import { measures, Observations, RemoteInstance, sleep } from "./remote_fleet.ts";

const { heartbeatMs, ttlMs } = measures;
const keys = Array.from({ length: 24 }, (_, index) => `bot-${index}`);
const fenceMs = ttlMs * 2 / 3;
/** How long it may take until all runs again. */
export const backWithinMs = ttlMs + 2 * heartbeatMs + 3_000;

/** A way to take a database away from its clients, and to give it back. */
export interface Absence<Database> {
  begin(database: Database): unknown;
  end(database: Database): unknown;
}

/** What the tests are declared for. */
export interface RemoteSubject<Database> {
  /** What the database is called. */
  readonly name: string;
  /** Starts a server with an empty database. */
  start(): Database | Promise<Database>;
  /** The ways to take it away, by what it is then. */
  readonly absences: Readonly<Record<string, Absence<Database>>>;
  /** How long it is away. */
  readonly absentMs: number;
}

/** Starts three instances and waits until they run all keys. */
export async function threeInstances(server: RemoteDatabase, stack: AsyncDisposableStack) {
  const observations = new Observations();
  using kv = await server.open();
  for (const key of keys) await kv.set(["bots", key], null);
  const instances: RemoteInstance[] = [];
  for (const number of [1, 2, 3]) instances.push(stack.use(await RemoteInstance.start(server, number, observations)));
  await allRun(observations, 10_000);
  return { observations, instances };
}

/** Waits until every key runs in exactly one instance. */
export async function allRun(observations: Observations, withinMs: number): Promise<number> {
  const beganAt = performance.now();
  const isDone = () => {
    const running = observations.running();
    return keys.every((key) => running.get(key)?.length === 1);
  };
  while (!isDone()) {
    const waitedMs = performance.now() - beganAt;
    assert(
      waitedMs < withinMs,
      `after ${Math.round(waitedMs)} ms there run ${JSON.stringify([...observations.running()])}`,
    );
    await sleep(20);
  }
  return performance.now() - beganAt;
}

/** Declares the tests. */
export function remoteClusterTests<Database extends RemoteDatabase>(subject: RemoteSubject<Database>): void {
  const { name, absences, absentMs } = subject;
  for (const [what, { begin, end }] of Object.entries(absences)) {
    Deno.test(`Cluster gives up everything in time when ${name} is ${what}, and takes it back`, async () => {
      await using server = await subject.start();
      await using stack = new AsyncDisposableStack();
      const { observations, instances } = await threeInstances(server, stack);
      await begin(server);
      await sleep(fenceMs + heartbeatMs);
      assertEquals(observations.running(), new Map(), "nothing may run when no heartbeat can have been acknowledged");
      for (const { events } of instances) {
        const fenced = events.filter((event) => event.type === "session-fenced");
        assertEquals(fenced.map(({ cause }) => cause), ["silent"]);
        assert(fenced[0].silentMs < fenceMs + heartbeatMs / 2, `it was silent for ${fenced[0].silentMs} ms`);
      }
      await sleep(absentMs - fenceMs - heartbeatMs);
      await end(server);
      const backMs = await allRun(observations, backWithinMs);
      console.log(`${name}, ${what}: all ran ${Math.round(backMs)} ms after the database was back`);
      assertEquals(observations.overlaps, []);
    });
  }

  Deno.test(`Cluster on ${name}: what a clean stop leaves runs elsewhere within two heartbeats`, async () => {
    await using server = await subject.start();
    await using stack = new AsyncDisposableStack();
    const { observations } = await threeInstances(server, stack);
    const fourth = await RemoteInstance.start(server, 4, observations);
    const isThere = () => [...observations.running().values()].some(([instance]) => instance === 4);
    for (const endAt = performance.now() + 10_000; !isThere() && performance.now() < endAt;) await sleep(20);
    assert(isThere(), "the fourth instance was given nothing");
    await allRun(observations, 5_000);
    await fourth[Symbol.asyncDispose]();
    const goneMs = await allRun(observations, 5_000);
    assert(goneMs < 2 * heartbeatMs, `it took ${goneMs} ms`);
    assertEquals(observations.overlaps, []);
  });
}
