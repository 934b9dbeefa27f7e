import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Cluster, LocalDatabaseError } from "../../src/cluster/mod.ts";
import { failLocked, failWith, hang } from "../../src/testing/mod.ts";
import { openFile } from "../kv/fixtures.ts";
import { ErrorConsole } from "../supervisor/fixtures/mod.ts";
import { heartbeatMs, manyKeys, openWorldOnFile, settleMs, timeoutMs, ttlMs, untilUp, World } from "./fixtures.ts";

const oops = new Error("oops");

Deno.test("Cluster.run() rejects with LocalDatabaseError on a database in memory", async () => {
  using kv = await Deno.openKv(":memory:");
  const error = await assertRejects(() => new Cluster(kv).run(() => {}), LocalDatabaseError, "current path is none");
  assert(error.message.includes("allowLocal"), error.message);
  assertEquals(error.path, undefined);
});

Deno.test("Cluster.run() rejects with LocalDatabaseError on a database in memory that is called so", async () => {
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { path: ":memory:" });
  const error = await assertRejects(() => cluster.run(() => {}), LocalDatabaseError, 'current path is ":memory:"');
  assertEquals(error.path, ":memory:");
});

Deno.test("Cluster.run() does not call back when it refuses the database, and leaves nothing there", async () => {
  using kv = await Deno.openKv(":memory:");
  let callbacks = 0;
  await assertRejects(() => new Cluster(kv).run(() => void callbacks++), LocalDatabaseError);
  assertEquals([callbacks, await Array.fromAsync(kv.list({ prefix: [] }))], [0, []]);
});

Deno.test("Cluster.run() rejects with LocalDatabaseError when the path is that of another database", async () => {
  await using file = await openFile(1);
  await using other = await openFile(1);
  const cluster = new Cluster(file.kvs[0], { path: other.path });
  await assertRejects(() => cluster.run(() => {}), LocalDatabaseError, JSON.stringify(other.path));
  assertEquals(await Array.fromAsync(file.kvs[0].list({ prefix: [] })), []);
});

Deno.test("Cluster.run() tells of a database that it refuses by its rejection alone", async () => {
  await using world = await World.open();
  const one = world.instance("a", { allowLocal: false, path: ":memory:" });
  one.begin({ bare: true });
  await world.until(() => one.run.fate !== "pending");
  assertEquals([one.run.fate, one.take()], ["LocalDatabaseError", []]);
});

Deno.test("Cluster.run() can be called again after it has refused the database", async () => {
  await using world = await World.open();
  const one = world.instance("a", { allowLocal: false, path: ":memory:" });
  for (let runs = 0; runs < 2; runs++) {
    one.begin({ bare: true });
    await world.until(() => one.run.fate !== "pending");
    assertEquals([one.run.fate, one.cluster.snapshot().state], ["LocalDatabaseError", "stopped"]);
  }
});

Deno.test("Cluster.run() joins on a database file whose path it is told", async () => {
  await using opened = await openWorldOnFile();
  const { world, options } = opened;
  const one = world.instance("a", options);
  one.begin({ bare: true });
  await untilUp(world, one);
  assertEquals([one.callbacks, one.owned.length], [1, 16]);
  assertEquals(await Array.fromAsync(world.database.raw.list({ prefix: ["@pact/supervisor", '["c"]', "probe"] })), []);
});

Deno.test("Cluster.run() is refused while another run of it looks at the database", async () => {
  await using opened = await openWorldOnFile();
  const { world, options } = opened;
  const one = world.instance("a", options);
  one.begin({ bare: true });
  await assertRejects(() => one.cluster.run(() => {}), Error, "this instance is in it already");
  await untilUp(world, one);
  assertEquals([one.callbacks, await world.database.sessions()], [1, ["a-0"]]);
});

for (
  const [title, fault, type] of [
    ["fails", failWith(oops), "cluster-failed"],
    ["hangs", hang(), "database-unavailable"],
  ] as const
) {
  Deno.test(`Cluster.run() goes on trying while the database ${title} when it is first asked`, async () => {
    await using opened = await openWorldOnFile();
    const { world, options } = opened;
    const one = world.instance("a", options);
    one.kv.break(fault);
    one.begin({ bare: true });
    await world.pass(10 * heartbeatMs);
    assertEquals(one.run.fate, "pending");
    assertEquals(one.events.map(({ type }) => type), [type]);
    one.kv.break();
    const commits = one.kv.count("commit");
    for (let steps = 0; steps < 250 && one.kv.count("commit") === commits; steps++) await world.pass(50);
    await world.until(() => one.of("session-joined").length > 0); // a file is opened meanwhile: no time may pass
    await world.pass(settleMs);
    assertEquals(one.callbacks, 1);
  });
}

Deno.test("Cluster.run() bears a database file that is locked when it is first asked", async () => {
  await using opened = await openWorldOnFile();
  const { world, options } = opened;
  const one = world.instance("a", options);
  one.kv.inject("commit", failLocked(), 3);
  one.begin({ bare: true });
  await world.pass(20);
  await world.until(() => one.of("session-joined").length > 0);
  await world.pass(settleMs);
  assertEquals([one.callbacks, one.take()], [1, ["session a-0, this instance, has joined"]]);
});

Deno.test("Cluster.run() rejects at once in a Web Worker that was told no path", async () => {
  const told = await askWorker(undefined);
  assert(
    told.startsWith("LocalDatabaseError: Cannot run a cluster: in a Web Worker Deno.openKv() without a path"),
    told,
  );
});

Deno.test("Cluster.run() rejects in a Web Worker on a database in memory", async () => {
  const told = await askWorker(":memory:");
  assert(
    told.startsWith("LocalDatabaseError: Cannot run a cluster: what is opened with this path is another database"),
    told,
  );
});

async function askWorker(path: string | undefined): Promise<string> {
  const worker = new Worker(import.meta.resolve("./refusal_worker.ts"), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  worker.addEventListener("message", ({ data }) => resolve(data));
  worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  worker.postMessage({ path });
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

/** Sets or removes the timeline of this program until it is disposed of. */
function onTimeline(timeline: string | undefined): Disposable {
  const before = Deno.env.get("DENO_TIMELINE");
  const put = (value: string | undefined) =>
    value === undefined ? Deno.env.delete("DENO_TIMELINE") : Deno.env.set("DENO_TIMELINE", value);
  put(timeline);
  return { [Symbol.dispose]: () => put(before) };
}

const joining: readonly (readonly [title: string, timeline: string | undefined, allowed: string | undefined])[] = [
  ["on the timeline that may", "production", "production"],
  ["outside of Deno Deploy", undefined, "production"],
  ["on any timeline when none is told", "preview/x1", undefined],
];
for (const [title, timeline, allowed] of joining) {
  Deno.test(`Cluster.run() joins ${title}`, async () => {
    using _timeline = onTimeline(timeline);
    await using world = await World.open(["acme"]);
    const one = await world.member("a", { timeline: allowed });
    assertEquals([one.keys, one.of("cluster-idle")], [["acme"], []]);
  });
}

Deno.test("Cluster.run() on another timeline owns nothing, announces that once and does not touch the database", async () => {
  using _timeline = onTimeline("git-branch/next");
  await using world = await World.open(manyKeys(5));
  const one = world.instance("a", { timeline: "production" });
  one.begin({ bare: true });
  await world.pass(10 * ttlMs);
  assertEquals([one.callbacks, one.owned, one.cluster.snapshot().state], [1, [], "idle"]);
  assertEquals(one.take(), ["this instance stays out of the cluster: its timeline is git-branch/next"]);
  assertEquals([one.kv.count("commit"), one.kv.count("list"), one.kv.count("set")], [0, 0, 0]);
});

Deno.test("Cluster on another timeline gives a supervisor an empty table", async () => {
  using _timeline = onTimeline("preview/x1");
  await using world = await World.open(manyKeys(5));
  const one = world.instance("a", { timeline: "production" });
  one.begin();
  await world.pass(ttlMs);
  assertEquals([one.callbacks, one.keys, one.bots.size], [1, [], 0]);
});

Deno.test("Cluster.run() on another timeline does not mind a database that others cannot see", async () => {
  using _timeline = onTimeline("preview/x1");
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { timeline: "production" });
  using _heard = cluster.subscribe(() => {});
  let callbacks = 0;
  await cluster.run(() => void callbacks++);
  assertEquals([callbacks, cluster.snapshot().state], [1, "stopped"]);
});

Deno.test("Cluster.run() on another timeline is refused while it is in progress, and ends as its callback does", async () => {
  using _timeline = onTimeline("preview/x1");
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { timeline: "production" });
  using _heard = cluster.subscribe(() => {});
  const { promise, reject } = Promise.withResolvers<void>();
  const run = assertRejects(() => cluster.run(() => promise));
  await assertRejects(() => cluster.run(() => {}), Error, "in it already");
  reject(oops);
  assertStrictEquals(await run, oops);
});

Deno.test("Cluster.run() on another timeline hands its signal on", async () => {
  using _timeline = onTimeline("preview/x1");
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { timeline: "production" });
  using _heard = cluster.subscribe(() => {});
  const { signal } = new AbortController();
  let given: AbortSignal | undefined;
  await cluster.run((each) => void (given = each), { signal });
  assertStrictEquals(given, signal);
});

Deno.test("Cluster prints that it stays out while there are no subscribers", async () => {
  using _timeline = onTimeline("preview/x1");
  using kv = await Deno.openKv(":memory:");
  using console = new ErrorConsole();
  await new Cluster(kv, { timeline: "production" }).run(() => {});
  assertEquals(console.lines, [["cluster: this instance stays out of the cluster: its timeline is preview/x1"]]);
});

Deno.test("Cluster.run() joins when it is run again on the timeline that may", async () => {
  await using world = await World.open();
  const one = world.instance("a", { timeline: "production" });
  {
    using _timeline = onTimeline("preview/x1");
    one.begin({ bare: true });
    one.leave();
    await world.settle();
  }
  assertEquals(one.run.fate, "resolved");
  using _timeline = onTimeline("production");
  one.begin({ bare: true });
  await world.pass(settleMs);
  assertEquals(one.owned.length, 16);
});

Deno.test("Cluster.run() joins although it cannot delete what it looked for in the database, which expires", async () => {
  await using opened = await openWorldOnFile();
  const { world, options } = opened;
  const one = world.instance("a", options);
  one.kv.inject("commit", (call) => call());
  one.kv.inject("commit", hang());
  one.begin({ bare: true });
  await world.until(() => one.kv.count("commit") === 2);
  await world.pass(timeoutMs);
  await world.until(() => one.of("session-joined").length > 0);
  assertEquals(one.of("cluster-failed"), []);
});
