import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

const reason = new Error("no longer");

for (const operation of ["start", "ensure", "restart", "reconcile"] as const) {
  Deno.test(`Supervisor.${operation}() rejects with the reason of a signal that has aborted before, and does nothing`, async () => {
    await using world = new World({}, { announces: false });
    await world.begin();
    world.table.set("a");
    const options = { signal: AbortSignal.abort(reason) };
    const { supervisor } = world;
    const call = () => operation === "reconcile" ? supervisor.reconcile(options) : supervisor[operation]("a", options);
    assertStrictEquals(await assertRejects(call), reason);
    await settle();
    assertEquals(world.bot("a"), undefined);
  });
}

Deno.test("Supervisor.start() stops the process and rejects with the reason when its signal aborts", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const controller = new AbortController();
  const start = watch(world.supervisor.start("a", { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await settle();
  assertEquals([start.error, world.supervisor.keys(), world.live.keys], [reason, [], []]);
});

Deno.test("Supervisor.start() rejects only after the process that it has stopped has ended", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true, deaf: true });
  const controller = new AbortController();
  const start = watch(world.supervisor.start("a", { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await settle();
  assertEquals(start.fate, "pending");
  world.bot("a").crash();
  await settle();
  assertStrictEquals(start.error, reason);
});

Deno.test("Supervisor.start() gives up a look at the table when its signal aborts", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  const gate = Promise.withResolvers<void>();
  world.table.onAnswer = () => gate.promise;
  const controller = new AbortController();
  const start = watch(world.supervisor.start("a", { signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await settle();
  assertStrictEquals(start.error, reason);
  gate.resolve();
  await settle();
  assertEquals([world.supervisor.keys(), world.bot("a")], [[], undefined]);
});

Deno.test("Supervisor.start() does not heed its signal once the process is up", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  const controller = new AbortController();
  await world.supervisor.start("a", { signal: controller.signal });
  controller.abort(reason);
  await settle();
  assertEquals(world.stateOf("a"), "running");
});

for (let microtasks = 0; microtasks <= 16; microtasks++) {
  Deno.test(`Supervisor.start() whose signal aborts after ${microtasks} microtasks either rejects and stops or neither`, async () => {
    await using world = new World({}, { announces: false });
    await world.begin();
    world.table.set("a");
    const controller = new AbortController();
    const start = watch(world.supervisor.start("a", { signal: controller.signal }));
    for (let i = 0; i < microtasks; i++) await undefined;
    controller.abort(reason);
    await settle();
    assertEquals(world.supervisor.keys(), start.fate === "resolved" ? ["a"] : []);
  });
}

Deno.test("Supervisor.stop() forces the end when its signal aborts", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const controller = new AbortController();
  const stop = watch(world.supervisor.stop("a", { signal: controller.signal }));
  await settle();
  assertEquals(world.bot("a").signal?.aborted, false);
  controller.abort(reason);
  await settle();
  assertEquals([world.bot("a").signal?.reason, stop.fate], [reason, "resolved"]);
});

Deno.test("Supervisor.stop() forces the end at once when its signal has aborted before", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  await world.supervisor.stop("a", { signal: AbortSignal.abort(reason) });
  assertStrictEquals(world.bot("a").signal?.reason, reason);
});

Deno.test("Supervisor.stop() still awaits the end of a process that it forces", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a", { signal: AbortSignal.abort(reason) }));
  await world.time.pass(3_999);
  assertEquals(stop.fate, "pending");
  world.bot("a").down.resolve();
  await settle();
  assertEquals(stop.fate, "resolved");
});

Deno.test("Supervisor.stop() forces the end for one of two callers without failing the other", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const patient = watch(world.supervisor.stop("a"));
  const hasty = watch(world.supervisor.stop("a", { signal: AbortSignal.abort(reason) }));
  await settle();
  assertEquals([patient.fate, hasty.fate], ["resolved", "resolved"]);
});

Deno.test("Supervisor.reconcile() ends the wait, not the pass, when its signal aborts", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  const gate = Promise.withResolvers<void>();
  world.table.onIterate = () => gate.promise;
  const controller = new AbortController();
  const reconcile = watch(world.supervisor.reconcile({ signal: controller.signal }));
  await settle();
  controller.abort(reason);
  await settle();
  assertStrictEquals(reconcile.error, reason);
  gate.resolve();
  await settle();
  assertEquals(world.supervisor.keys(), ["a"]);
});
