import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SupervisorNotRunningError } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

const reason = new Error("end now");

Deno.test("Supervisor.run() rejects with the reason of a signal that has aborted before, and builds nothing", async () => {
  await using world = new World({ a: {} });
  const run = () => world.supervisor.run(() => {}, { signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(run), reason);
  assertEquals(world.bot("a"), undefined);
});

Deno.test("Supervisor.run() rejects with the reason when forced during the restore, without calling back", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  world.force.abort(reason);
  await world.time.pass(0);
  assertEquals([world.run.error, world.callbacks], [reason, 0]);
});

Deno.test("Supervisor.run() aborts what is starting with the reason when forced during the restore", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  world.force.abort(reason);
  assertStrictEquals(world.bot("a").signal?.reason, reason);
  await world.time.pass(0);
});

Deno.test("Supervisor.run() aborts every process with the reason when forced during the callback", async () => {
  await using world = new World({ a: {}, b: { hangs: true } });
  await world.begin();
  await world.time.pass(1_000);
  world.force.abort(reason);
  assertEquals([world.bot("a").signal?.reason, world.bot("b").signal?.reason], [reason, reason]);
});

Deno.test("Supervisor.run() aborts the signal of the callback when forced", async () => {
  await using world = new World();
  const controller = new AbortController();
  const seen: unknown[] = [];
  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(void seen.push(signal.reason))));
  const run = watch(world.supervisor.run(untilAborted, { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await world.time.pass(0);
  assertEquals([seen, run.fate], [[reason], "resolved"]);
});

Deno.test("Supervisor.run() waits for the callback although forced", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.force.abort(reason);
  await world.time.pass(100_000);
  assertEquals(world.run.fate, "pending");
  await world.end();
  assertEquals(world.run.fate, "resolved");
});

Deno.test("Supervisor.run() aborts what is stopping gracefully when forced during the shutdown", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.leave();
  await world.time.pass(1_000);
  assertEquals(world.bot("a").signal?.aborted, false);
  world.force.abort(reason);
  await settle();
  assertEquals([world.bot("a").signal?.reason, world.run.fate, world.time.now], [reason, "resolved", 1_000]);
});

Deno.test("Supervisor.run() gives a process stopTimeoutMs from the force before it is stuck", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } });
  await world.begin();
  await world.leave();
  await world.time.pass(1_000);
  world.force.abort(reason);
  await world.time.pass(3_999);
  assertEquals([world.stateOf("a"), world.run.fate], ["stopping", "pending"]);
  await world.time.pass(1);
  assertEquals([world.stateOf("a"), world.run.fate], ["stuck", "resolved"]);
});

Deno.test("Supervisor.run() does not shorten the budget of a process when forced after its graceful one is spent", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } });
  await world.begin();
  await world.leave();
  await world.time.pass(5_000);
  world.force.abort(reason);
  await world.time.pass(2_999);
  assertEquals(world.stateOf("a"), "stopping");
  world.bot("a").down.resolve();
  await settle();
});

Deno.test("Supervisor.run() starts nothing that was waiting for its turn once it is forced", async () => {
  await using world = new World({}, { startConcurrency: 1 });
  await world.begin();
  world.table.set("a", { hangs: true });
  world.table.set("b");
  await settle();
  world.force.abort(reason);
  await world.time.pass(5_000);
  assertEquals(world.bot("b"), undefined);
});

Deno.test("Supervisor.run() restarts nothing once it is forced although its callback goes on", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash();
  await settle();
  world.force.abort(reason);
  await world.time.pass(200_000);
  assertEquals(world.table.bots.get("a")?.runs, 1);
});

Deno.test("Supervisor.run() ends when forced while its callback waits for a start that nobody answers", async () => {
  await using world = new World();
  const controller = new AbortController();
  world.table.set("a");
  world.table.onIterate = () => Promise.reject(new Error("no list"));
  world.table.onLook = () => new Promise(() => {});
  const callback = () => world.supervisor.start("a");
  const run = watch(world.supervisor.run(callback, { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await world.time.pass(20_000);
  assertEquals(run.fate, "SupervisorNotRunningError");
});

for (let microtasks = 0; microtasks <= 24; microtasks++) {
  Deno.test(`Supervisor.run() is forced by a signal that aborts ${microtasks} microtasks after the call`, async () => {
    await using world = new World({ a: { hangs: true } });
    const controller = new AbortController();
    const run = watch(world.supervisor.run(() => {}, { signal: controller.signal }));
    for (let i = 0; i < microtasks; i++) await undefined;
    controller.abort(reason);
    await world.time.pass(0);
    assertEquals([run.error, world.live.keys], [reason, []]);
  });
}

Deno.test("Supervisor.run() ends when forced while its callback waits for a start that follows a stop", async () => {
  await using world = new World({ a: { lingers: true } });
  const controller = new AbortController();
  const callback = async () => {
    watch(world.supervisor.stop("a"));
    await world.supervisor.ensure("a");
  };
  const run = watch(world.supervisor.run(callback, { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await world.time.pass(0);
  assertEquals(run.fate, "ProcessEndedEarlyError");
});

Deno.test("Supervisor.run() ends when forced while its callback waits for a process that is ending by itself", async () => {
  await using world = new World();
  const controller = new AbortController();
  const run = async (running: (signal: AbortSignal) => unknown, { signal }: { signal: AbortSignal }) => {
    await running(AbortSignal.abort());
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  world.table.set("a", { build: () => ({ run }) });
  const all = watch(world.supervisor.run(() => world.supervisor.ensure("a"), { signal: controller.signal }));
  await settle();
  assertEquals(all.fate, "pending");
  controller.abort(reason);
  await world.time.pass(0);
  assertEquals(all.fate, "ProcessEndedEarlyError");
});

Deno.test("Supervisor.run() waits stopTimeoutMs, not twice, for what it has forced to end during the callback", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } });
  await world.begin();
  world.force.abort(reason);
  await world.leave();
  await world.time.pass(3_999);
  assertEquals(world.run.fate, "pending");
  await world.time.pass(1);
  assertEquals([world.run.fate, world.stateOf("a")], ["resolved", "stuck"]);
});

Deno.test("Supervisor.start() rejects with SupervisorNotRunningError once the run is forced", async () => {
  await using world = new World();
  await world.begin();
  world.force.abort(reason);
  await assertRejects(() => world.supervisor.start("a"), SupervisorNotRunningError);
  assertEquals(world.snapshot.isRunning, false);
});

Deno.test("Supervisor.run() leaves a process that is stuck alone when it is forced", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  world.force.abort(reason);
  await world.time.pass(20_000);
  assertEquals([world.stateOf("a"), world.journal.of("stuck").length], ["stuck", 1]);
});
