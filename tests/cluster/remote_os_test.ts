import { assert, assertEquals } from "@std/assert";
import { type Fate, KvConnectServer } from "../kv_connect/server.ts";
import { seededRandom } from "../os/random.ts";
import { sized } from "../size.ts";
import { measures, Observations, RemoteInstance, sleep } from "./remote_fleet.ts";

const { heartbeatMs, ttlMs } = measures;
const keys = Array.from({ length: 24 }, (_, index) => `bot-${index}`);
const fenceMs = ttlMs * 2 / 3;
/** How long the database is faulty, or away. */
const troubleMs = sized({ short: 4_000, full: 10_000 });
const trouble = `for ${troubleMs / 1_000} s`;

/** Three instances that run all keys. */
async function threeInstances(server: KvConnectServer, stack: AsyncDisposableStack) {
  const observations = new Observations();
  using kv = await server.open();
  for (const key of keys) await kv.set(["bots", key], null);
  const instances: RemoteInstance[] = [];
  for (const number of [1, 2, 3]) instances.push(stack.use(await RemoteInstance.start(server, number, observations)));
  await allRun(observations, 10_000);
  return { observations, instances };
}

/** Waits until every key runs in exactly one instance. */
async function allRun(observations: Observations, withinMs: number): Promise<number> {
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

Deno.test(`Cluster keeps every process in one instance while a remote database is faulty ${trouble}`, async () => {
  await using server = KvConnectServer.start();
  await using stack = new AsyncDisposableStack();
  const { observations } = await threeInstances(server, stack);
  const random = seededRandom(4);
  server.onRequest = (kind): Fate => {
    const chance = random();
    if (kind === "metadata") return "pass";
    if (kind === "write" && chance < 0.15) return "lose-reply";
    if (kind === "write" && chance < 0.2) return "garble-reply";
    return chance > 0.97 ? "hang" : chance > 0.9 ? "refuse" : "pass";
  };
  await sleep(troubleMs);
  server.onRequest = () => "pass";
  const backMs = await allRun(observations, ttlMs + 2 * heartbeatMs + 3_000);
  const { landed, refused, overlaps } = observations;
  console.log(
    `remote faults: ${landed} writes landed, ${refused} were refused, all ran ${Math.round(backMs)} ms later`,
  );
  assertEquals(overlaps, []);
  assert(landed > troubleMs / 20, `only ${landed} writes landed`);
});

Deno.test(`Cluster gives up everything in time when a remote database is away ${trouble}, and takes it back`, async () => {
  await using server = KvConnectServer.start();
  await using stack = new AsyncDisposableStack();
  const { observations, instances } = await threeInstances(server, stack);
  await server.stop();
  await sleep(fenceMs + heartbeatMs);
  assertEquals(observations.running(), new Map(), "nothing may run when no heartbeat can have been acknowledged");
  for (const { events } of instances) {
    const fenced = events.filter((event) => event.type === "session-fenced");
    assertEquals(fenced.map(({ cause }) => cause), ["silent"]);
    assert(fenced[0].silentMs < fenceMs + heartbeatMs / 2, `it was silent for ${fenced[0].silentMs} ms`);
  }
  await sleep(troubleMs - fenceMs - heartbeatMs);
  await server.restart();
  const backMs = await allRun(observations, ttlMs + 2 * heartbeatMs + 3_000);
  console.log(`remote restart: all ran ${Math.round(backMs)} ms after the database was back`);
  assertEquals(observations.overlaps, []);
});

Deno.test("Cluster on a remote database: what a clean stop leaves runs elsewhere within two heartbeats", async () => {
  await using server = KvConnectServer.start();
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
