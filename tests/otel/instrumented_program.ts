/**
 * A program whose processes start and stop, and which exports what it tells of that without any set-up. The argument says how
 * often. One start is caused by a request, one by a new version, and one process crashes.
 *
 * @module
 */

import { leaf, MapTable, Supervisor } from "@pact/supervisor";
import { instrument } from "@pact/supervisor/otel";
import { delay } from "@std/async/delay";

const starts = Number(Deno.args[0]), batch = 500;
const idle = () => leaf((signal) => delay(2_147_483_647, { signal }));
const keys = Array.from({ length: batch }, (_, index) => `tenant-${index}`);
const table = new MapTable(keys.map((key) => [key, idle()]));
const supervisor = new Supervisor(table, { restart: { limit: 1 } });
using _telemetry = instrument({ supervisor, table });

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

await supervisor.run(async () => {
  for (let started = batch; started < starts; started += batch) {
    await Promise.all(keys.map((key) => supervisor.stop(key)));
    await Promise.all(keys.map((key) => supervisor.start(key)));
    await delay(10); // the exporter takes what there is
  }
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async () => {
    await supervisor.restart("tenant-0");
    return new Response("restarted");
  });
  await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text();
  const before = supervisor.get("tenant-1");
  table.set("tenant-1", idle());
  await until(() => supervisor.status("tenant-1")?.state === "running" && supervisor.get("tenant-1") !== before);
  table.set("broken", leaf(() => Promise.reject(new TypeError("no such host"))));
  await until(() => supervisor.summary().counts.parked === 1);
  await delay(1_000); // metrics are collected
});
await delay(1_000);
