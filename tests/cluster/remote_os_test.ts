import { assert, assertEquals } from "@std/assert";
import { type Fate, KvConnectServer } from "../kv_connect/server.ts";
import { seededRandom } from "../os/random.ts";
import { sized } from "../size.ts";
import { sleep } from "./remote_fleet.ts";
import { allRun, backWithinMs, remoteClusterTests, threeInstances } from "./remote_tests.ts";

/** How long the database is faulty, or away. */
const troubleMs = sized({ short: 4_000, full: 10_000 });
const trouble = `for ${troubleMs / 1_000} s`;

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
  const backMs = await allRun(observations, backWithinMs);
  const { landed, refused, overlaps } = observations;
  console.log(
    `remote faults: ${landed} writes landed, ${refused} were refused, all ran ${Math.round(backMs)} ms later`,
  );
  assertEquals(overlaps, []);
  assert(landed > troubleMs / 20, `only ${landed} writes landed`);
});

remoteClusterTests({
  name: "a remote database",
  start: () => KvConnectServer.start(),
  absences: { away: { begin: (server) => server.stop(), end: (server) => server.restart() } },
  absentMs: troubleMs,
});
