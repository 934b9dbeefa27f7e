import { assertEquals, assertRejects } from "@std/assert";
import { countingSignal } from "../process/signals.ts";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor.run() stops every process when its callback has settled, all at the same time", async () => {
  await using world = new World({ a: { lingers: true }, b: { lingers: true }, c: { hangs: true } });
  await world.begin();
  await world.time.pass(1_000);
  await world.leave();
  assertEquals(world.snapshot.counts, { stopping: 2 });
  assertEquals(world.bot("c").signal?.aborted, true);
});

Deno.test("Supervisor.run() awaits the last process", async () => {
  await using world = new World({ a: { lingers: true }, b: { lingers: true } });
  await world.begin();
  await world.leave();
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.run.fate, "pending");
  world.bot("b").down.resolve();
  await settle();
  assertEquals([world.run.fate, world.time.now], ["resolved", 0]);
});

Deno.test("Supervisor.run() aborts after stopTimeoutMs what does not end gracefully", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.leave();
  await world.time.pass(3_999);
  assertEquals(world.bot("a").signal?.aborted, false);
  await world.time.pass(1);
  assertEquals([world.bot("a").signal?.aborted, world.run.fate], [true, "resolved"]);
});

Deno.test("Supervisor.run() sets one timer for the stop of all processes", async () => {
  const rows = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { lingers: true }]));
  await using world = new World(rows);
  await world.begin();
  await settle();
  const before = world.time.timersSet;
  await world.leave();
  assertEquals(world.time.timersSet - before, 1);
});

Deno.test("Supervisor.run() starts nothing any more when its callback has settled", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.leave();
  world.take();
  world.table.set("b");
  world.table.set("a");
  await world.time.pass(3_000);
  assertEquals([world.take(), world.table.looks], [[], []]);
});

Deno.test("Supervisor.run() calls restarts off when its callback has settled", async () => {
  await using world = new World({ a: { startError: oops }, b: { lingers: true } });
  await world.begin();
  await world.leave();
  await world.time.pass(3_000);
  assertEquals(world.journal.of("starting").length, 2);
});

Deno.test("Supervisor.run() restarts nothing that crashes during the shutdown, and announces it", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.leave();
  world.take();
  world.bot("a").crash(oops);
  await settle();
  assertEquals([world.take(), world.run.fate], [["a exited running failed oops 0"], "resolved"]);
});

Deno.test("Supervisor.run() calls what waits for its turn off when its callback has settled", async () => {
  await using world = new World({}, { startConcurrency: 1 });
  await world.begin();
  world.table.set("a", { hangs: true });
  world.table.set("b");
  await settle();
  await world.leave();
  await world.time.pass(10_000);
  assertEquals([world.bot("b"), world.supervisor.keys()], [undefined, []]);
});

Deno.test("Supervisor.run() leaves no timer when it ends with processes that wait for their turn", async () => {
  await using world = new World({ a: { hangs: true }, b: {}, c: {} }, { startConcurrency: 1 });
  await world.begin();
  world.force.abort();
  await world.time.pass(0);
  assertEquals([world.run.fate, world.time.timers], ["AbortError", 0]);
});

Deno.test("Supervisor.run() does not replace a process whose replacement had begun, when it ends", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  world.table.set("a");
  await settle();
  await world.leave();
  old.down.resolve();
  await settle();
  assertEquals([world.run.fate, world.bot("a") === old], ["resolved", true]);
});

for (const operation of ["start", "ensure", "restart"] as const) {
  Deno.test(`Supervisor.${operation}() rejects with SupervisorNotRunningError when the run ends before the process is up`, async () => {
    await using world = new World({}, { announces: false });
    await world.begin();
    world.table.set("a", { hangs: true });
    const call = watch<unknown>(world.supervisor[operation]("a"));
    await settle();
    await world.leave();
    assertEquals([call.fate, world.run.fate], ["SupervisorNotRunningError", "resolved"]);
  });

  Deno.test(`Supervisor.${operation}() rejects with SupervisorNotRunningError when the run ends during its look`, async () => {
    await using world = new World({}, { announces: false });
    await world.begin();
    const gate = Promise.withResolvers<void>();
    world.table.onAnswer = () => gate.promise;
    const call = watch<unknown>(world.supervisor[operation]("a"));
    await settle();
    await world.leave();
    assertEquals(call.fate, "SupervisorNotRunningError");
    gate.resolve();
  });
}

Deno.test("Supervisor.ensure() rejects when the run ends before the process that it waits for has stopped", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  watch(world.supervisor.stop("a"));
  const ensure = watch(world.supervisor.ensure("a"));
  await world.leave();
  assertEquals(ensure.fate, "SupervisorNotRunningError");
});

Deno.test("Supervisor.reconcile() resolves when the run ends during its pass", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const reconcile = watch(world.supervisor.reconcile());
  await settle();
  await world.leave();
  assertEquals(reconcile.fate, "resolved");
});

Deno.test("Supervisor.stop() works on during the shutdown", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.leave();
  const stop = watch(world.supervisor.stop("a", { signal: AbortSignal.abort(oops) }));
  await settle();
  assertEquals([stop.fate, world.bot("a").signal?.reason, world.run.fate], ["resolved", oops, "resolved"]);
});

Deno.test("Supervisor.stop() rejects when the process fails during the shutdown", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await world.leave();
  world.bot("a").crash(oops);
  await settle();
  assertEquals(stop.error, oops);
});

Deno.test("Supervisor.run() frees the iterator of a pass that it cuts short", async () => {
  await using world = new World({ a: {}, b: {}, c: {} });
  let isFreed = false;
  const gate = Promise.withResolvers<void>();
  const rows = world.table[Symbol.asyncIterator].bind(world.table);
  world.table[Symbol.asyncIterator] = async function* () {
    try {
      for await (const entry of rows()) {
        yield entry;
        await gate.promise;
      }
    } finally {
      isFreed = true;
    }
  };
  await world.begin();
  await world.time.pass(1_000);
  await world.leave();
  assertEquals([isFreed, world.run.fate], [false, "pending"]);
  gate.resolve();
  await settle();
  assertEquals([isFreed, world.run.fate], [true, "resolved"]);
});

Deno.test("Supervisor.run() leaves nothing of its processes in a snapshot when it has ended", async () => {
  await using world = new World({ a: {}, b: { startError: oops }, c: { hangs: true } }, { restart: { limit: 1 } });
  await world.begin();
  await world.time.pass(1_000);
  await world.end();
  const { counts, processes } = world.snapshot;
  assertEquals([counts, processes], [{}, []]);
});

Deno.test("Supervisor.run() leaves no listener on its signal", async () => {
  await using world = new World({ a: {} });
  const { signal, listeners } = countingSignal();
  let listening = 0;
  await world.supervisor.run(() => void (listening = listeners()), { signal });
  assertEquals([listening > 0, listeners()], [true, 0]);
});

Deno.test("Supervisor.run() can be called again while the callback of another one fails", async () => {
  await using world = new World({ a: {} });
  const first = watch(world.supervisor.run(() => Promise.reject(oops)));
  let keys: string[] = [];
  await world.supervisor.run(() => void (keys = world.supervisor.keys()));
  assertEquals([first.error, keys], [oops, ["a"]]);
  await assertRejects(() => world.supervisor.start("a"));
});

Deno.test("Supervisor.run() lets nobody start while it stops one after the other of many", async () => {
  await using world = new World({}, { startConcurrency: 1 });
  await world.begin();
  for (let i = 0; i < 600; i++) world.table.set(`k${i}`, { hangs: true });
  await settle();
  await world.leave();
  assertEquals([world.journal.of("starting").length, world.run.fate], [1, "resolved"]);
});

Deno.test("Supervisor.run() schedules no restart for a crash while it stops one after the other of many", async () => {
  const rows = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, {}]));
  await using world = new World(rows);
  await world.begin();
  for (let i = 0; i < 20; i++) await settle();
  world.supervisor.subscribe((event) => event.type === "exited" && event.key === "k0" && world.bot("k599").crash());
  await world.leave();
  assertEquals([world.journal.of("retrying").length, world.run.fate], [0, "resolved"]);
});
