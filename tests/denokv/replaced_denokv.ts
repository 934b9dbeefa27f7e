/** The real self-hosted server is set back to an earlier copy, emptied or replaced by another one, while instances run and write. */

import { assert, assertEquals } from "@std/assert";
import { KvTable } from "@pact/supervisor/kv";
import { Observations, RemoteInstance, sleep } from "../cluster/remote_fleet.ts";
import { maxClientPauseMs } from "../kv_connect/remote_database.ts";
import { TcpSwitch } from "../os/tcp_switch.ts";
import { sized } from "../size.ts";
import { Denokv } from "./server.ts";

/**
 * One of three full runs with Deno 2.9.6 came to a halt after some 60 kills: for 11 minutes the process took a whole core and got
 * no further. What it did is not known.
 */
const rounds = sized({ short: 3, full: 100 });
const pace = { heartbeatMs: 1_000, ttlMs: 3_000, slots: 16 };
const withinMs = 2 * pace.heartbeatMs + maxClientPauseMs;
const keys = Array.from({ length: 24 }, (_, index) => `bot-${index}`);

/** A table that only writes. */
function writerOf(kv: Deno.Kv): KvTable<string, string> {
  return new KvTable(kv, { prefix: ["bots"], create: () => ({ run: async () => {} }) });
}

async function fill(server: Denokv, spec: string): Promise<void> {
  using kv = await server.open();
  for (const key of keys) await writerOf(kv).set(key, spec);
}

/** Waits until every key runs once, with the spec that the table has. Returns how long that has taken, in ms. */
async function right(kv: Deno.Kv, observations: Observations, mostMs: number): Promise<number> {
  const beganAt = performance.now();
  const rows = await Array.fromAsync(kv.list<string>({ prefix: ["bots"] }));
  const wanted = rows.map(({ key, value }) => `${String(key.at(-1))} ${value}`).sort();
  for (;;) {
    const running = [...observations.specs()].map(([key, specs]) => `${key} ${specs}`).sort();
    const takenMs = performance.now() - beganAt;
    if (String(running) === String(wanted)) return takenMs;
    assert(takenMs < mostMs, `after ${Math.round(takenMs)} ms there run ${running}, not ${wanted}`);
    await sleep(10);
  }
}

/** Ends all instances. One may just have asked a second handle whether the database is shared: that is answered, and closed, later. */
async function end(instances: AsyncDisposableStack): Promise<void> {
  await instances.disposeAsync();
  await sleep(2 * maxClientPauseMs);
}

/** Checks that no session has written a key after another one had, in the history that the database has now. */
async function assertOneAfterTheOther(kv: Deno.Kv): Promise<void> {
  const former = new Map<string, Set<string>>();
  const last = new Map<string, string>();
  for await (const { key: [, key], value: session } of kv.list<string>({ prefix: ["written"] })) {
    const name = String(key), before = last.get(name);
    if (before === session) continue;
    const gone = former.get(name) ?? new Set();
    assert(!gone.has(session), `${session} has written ${name} after ${before} had`);
    if (before !== undefined) former.set(name, gone.add(before));
    last.set(name, session);
  }
}

Deno.test(`three instances are right again within two heartbeats, ${rounds} times, when denokv is set back, emptied or replaced`, async () => {
  await using server = await Denokv.start();
  await using other = await Denokv.start();
  await fill(server, "first");
  await fill(other, "strange");
  await using stranger = await other.backUp();
  await using stack = new AsyncDisposableStack();
  const observations = new Observations();
  for (const number of [1, 2, 3]) {
    const path = server.url;
    stack.use(await RemoteInstance.start(server, number, observations, { ...pace, path, allowLocal: false }));
  }
  using kv = await server.open();
  const table = writerOf(kv);
  await right(kv, observations, 15_000);
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using copy = await server.backUp();
    for (const key of keys) await table.set(key, `lost ${round}`);
    await sleep(Math.random() * 2 * pace.heartbeatMs);
    await server.restore([copy, undefined, stranger][round % 3]);
    for (const key of keys.slice(0, 12)) await table.set(key, `found ${round}`);
    tookMs.push(await right(kv, observations, withinMs));
    await sleep(pace.heartbeatMs);
    await assertOneAfterTheOther(kv);
  }
  const sorted = tookMs.toSorted((a, b) => a - b).map(Math.round);
  console.log(
    `denokv set back, emptied, replaced: right again after ${sorted[rounds >> 1]} ms in half of ${rounds} rounds, ${
      sorted.at(-1)
    } ms at most`,
  );
  assert(observations.landed > 0);
  await end(stack);
});

Deno.test("nothing runs twice after two heartbeats when another denokv takes over a URL", async () => {
  await using first = await Denokv.start();
  await using second = await Denokv.start();
  for (const server of [first, second]) await fill(server, "same");
  await using address = new TcpSwitch(first.port);
  await using stack = new AsyncDisposableStack();
  const observations = new Observations();
  const options = { ...pace, path: address.url, allowLocal: false };
  const start = async (number: number) => {
    return stack.use(
      await RemoteInstance.start({ open: () => Deno.openKv(address.url) }, number, observations, options),
    );
  };
  const old = [await start(1), await start(2)];
  using kv = await first.open();
  await right(kv, observations, 15_000);
  address.target = second.port;
  await start(3);
  await sleep(withinMs);
  const causes = old.map(({ events }) =>
    events.flatMap((event) => event.type === "database-replaced" ? [event.cause] : [])
  );
  assert(
    causes.every((each) => each.length > 0),
    `the instances of the first server have told of ${JSON.stringify(causes)}`,
  );
  for (let checks = 0; checks < 100; checks++) {
    const twice = [...observations.specs()].filter(([, specs]) => specs.length > 1);
    assertEquals(twice, [], "these run twice");
    await sleep(20);
  }
  await end(stack);
});
