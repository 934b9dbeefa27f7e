import { assert, assertEquals } from "@std/assert";
import { MapTable, nop, Supervisor } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new TypeError("oops");

Deno.test("Supervisor.snapshot() is empty before the first run", async () => {
  await using world = new World({ a: {} });
  await world.time.pass(5);
  assertEquals(world.snapshot, { at: 5, isRunning: false, counts: {}, processes: [], abandoned: [] });
});

Deno.test("Supervisor.snapshot() shows each key with its state, since when, version and failures", async () => {
  await using world = new World({ a: {} });
  await world.time.pass(10);
  await world.begin();
  await world.time.pass(90);
  assertEquals(world.snapshot, {
    at: 100,
    isRunning: true,
    counts: { running: 1 },
    pass: { at: 10, durationMs: 0, failed: 0 },
    processes: [{ key: "a", state: "running", sinceAt: 10, version: 1, failures: 0 }],
    abandoned: [],
  });
});

const states: [string, object, (world: World) => unknown][] = [
  ["starting", { hangs: true }, () => {}],
  ["starting", { build: () => new Promise(() => {}) }, () => {}],
  ["running", {}, () => {}],
  ["stopping", { lingers: true }, (world) => watch(world.supervisor.stop("a"))],
  ["stuck", { lingers: true, deaf: true }, (world) => {
    watch(world.supervisor.stop("a"));
    return world.time.pass(8_000);
  }],
  ["retrying", {}, (world) => world.bot("a").crash(oops)],
  ["resting", {}, (world) => world.bot("a").leave()],
  ["parked", {}, async (world) => {
    for (let failures = 0; failures < 3; failures++) {
      world.bot("a").crash(oops);
      await world.time.pass(5_000);
    }
  }],
];
for (const [state, manners, act] of states) {
  const title = "build" in manners ? `${state} while its runnable is built` : state;
  Deno.test(`Supervisor.snapshot() shows and counts a key that is ${title}`, async () => {
    await using world = new World({ a: manners, b: {} }, { restart: { on: "failure", limit: 3 } });
    await world.begin();
    await act(world);
    await settle();
    const { counts, processes } = world.snapshot;
    assertEquals(
      [counts, processes[0].state],
      state === "running" ? [{ running: 2 }, state] : [
        { [state]: 1, running: 1 },
        state,
      ],
    );
  });
}

Deno.test("Supervisor.snapshot() shows a key that waits for its turn", async () => {
  await using world = new World({ a: { hangs: true }, b: {} }, { startConcurrency: 1 });
  await world.begin();
  assertEquals(world.snapshot.processes[1], { key: "b", state: "queued", sinceAt: 0, failures: 0 });
});

Deno.test("Supervisor.snapshot() shows a process that ends by itself as stopping", async () => {
  await using world = new World();
  const own = new AbortController();
  const gate = Promise.withResolvers<void>();
  const run = async (running: (signal: AbortSignal) => unknown) => {
    await running(own.signal);
    await gate.promise;
  };
  world.table.set("a", { build: () => ({ run }) });
  await world.begin();
  own.abort();
  assertEquals(world.stateOf("a"), "stopping");
  gate.resolve();
  await settle();
});

Deno.test("Supervisor.snapshot() shows when a restart is due and what the last failure was", async () => {
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  const [process] = world.snapshot.processes;
  const lastError = { name: "TypeError", message: "oops", causes: [], at: 0 };
  assertEquals(process, {
    key: "a",
    state: "retrying",
    sinceAt: 0,
    version: 1,
    failures: 1,
    retryAt: 1_000,
    lastError,
  });
});

Deno.test("Supervisor.snapshot() shows the last failure of a process that runs again", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash(oops);
  await world.time.pass(1_000);
  const [process] = world.snapshot.processes;
  const lastError = { name: "TypeError", message: "oops", causes: [], at: 0 };
  assertEquals(process, { key: "a", state: "running", sinceAt: 1_000, version: 1, failures: 1, lastError });
});

for (const [version, isShown] of [["v1", true], [7, true], [7n, false], [{}, false], [undefined, false]] as const) {
  Deno.test(`Supervisor.snapshot() ${isShown ? "shows" : "leaves out"} a version like ${String(version)}`, async () => {
    await using world = new World();
    world.table.set("a", { version, build: () => nop });
    await world.begin();
    const [process] = world.snapshot.processes;
    assertEquals(["version" in process, process.version], isShown ? [true, version] : [false, undefined]);
  });
}

Deno.test("Supervisor.snapshot() is plain data fit for JSON", async () => {
  await using world = new World({ a: {}, b: { startError: oops }, c: { hangs: true } });
  await world.begin();
  assertEquals(JSON.parse(JSON.stringify(world.snapshot)), world.snapshot);
});

Deno.test("Supervisor.snapshot() shares nothing with the supervisor", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const before = world.snapshot;
  const copy = structuredClone(before);
  await world.supervisor.stop("a");
  assertEquals(before, copy);
});

Deno.test("Supervisor.snapshot() says that the supervisor is not running once its callback has ended", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.leave();
  assertEquals([world.run.fate, world.snapshot.isRunning], ["pending", false]);
});

Deno.test("Supervisor.summary() is the snapshot without its lists", async () => {
  await using world = new World({ a: {}, b: { hangs: true } });
  await world.begin();
  await world.time.pass(90);
  const { processes: _processes, abandoned: _abandoned, ...rest } = world.snapshot;
  assertEquals(world.supervisor.summary(), rest);
  assertEquals(rest.counts, { running: 1, starting: 1 });
});

for (const key of ["text", 7, 7n, true]) {
  Deno.test(`Supervisor takes a ${typeof key} as a key`, async () => {
    const supervisor = new Supervisor(new MapTable([[key, nop]]));
    await supervisor.run(async () => {
      assertEquals([supervisor.keys(), supervisor.snapshot().processes[0].key], [[key], key]);
      assert(supervisor.get(key) === nop);
      await supervisor.stop(key);
    });
  });
}
