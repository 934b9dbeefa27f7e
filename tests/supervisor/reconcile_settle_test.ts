import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

Deno.test("Supervisor.reconcile() waits for the end of what it stops", async () => {
  await using world = new World({ a: { lingers: true } }, { announces: false });
  await world.begin();
  world.table.delete("a");
  const pass = watch(world.supervisor.reconcile());
  await settle();
  assertEquals([pass.fate, world.stateOf("a")], ["pending", "stopping"]);
  world.bot("a").down.resolve();
  await settle();
  assertEquals([pass.fate, world.stateOf("a")], ["resolved", undefined]);
});

Deno.test("Supervisor.reconcile() waits for the start that follows a replacement", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const pass = watch(world.supervisor.reconcile());
  await settle();
  assertEquals([pass.fate, world.stateOf("a")], ["pending", "starting"]);
  world.bot("a").up.resolve();
  await settle();
  assertEquals([pass.fate, world.stateOf("a")], ["resolved", "running"]);
});

Deno.test("Supervisor.reconcile() waits no longer than initialWaitMs", async () => {
  await using world = new World({ a: { lingers: true } }, { announces: false });
  await world.begin();
  world.table.delete("a");
  const pass = watch(world.supervisor.reconcile());
  await world.time.pass(999);
  assertEquals(pass.fate, "pending");
  await world.time.pass(1);
  assertEquals([pass.fate, world.stateOf("a")], ["resolved", "stopping"]);
});

Deno.test("Supervisor with initialWaitMs 0 waits for nothing and sets no timer for it", async () => {
  await using world = new World({ a: { hangs: true } }, { initialWaitMs: 0 });
  await world.begin();
  assertEquals([world.callbacks, world.stateOf("a"), world.time.now], [1, "starting", 0]);
});

const never = () => new Promise<never>(() => {});

for (const withSignal of [false, true]) {
  Deno.test(`Supervisor.reconcile() settles with the run although the iterator hangs${withSignal ? ", with a signal" : ""}`, async () => {
    await using world = new World({ a: {} }, { announces: false });
    await world.begin();
    world.table.onRow = never;
    const signal = new AbortController().signal;
    const first = watch(world.supervisor.reconcile(withSignal ? { signal } : {}));
    await world.time.pass(1_000);
    const second = watch(world.supervisor.reconcile(withSignal ? { signal } : {}));
    await world.end();
    await world.time.pass(600_000);
    assertEquals([world.run.fate, first.fate, second.fate], ["resolved", "resolved", "resolved"]);
  });
}
