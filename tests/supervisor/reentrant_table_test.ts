import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Lease } from "@pact/supervisor";
import { Bot, settle, watch, World } from "./fixtures/mod.ts";

const reason = new Error("end now");

/** Puts a row "a" in the table whose `lease` does something before it grants the lease; it counts the releases. */
function leaseThat(world: World, act: () => void): { releases: number } {
  const counts = { releases: 0 };
  const lease = (): Lease => {
    act();
    return { signal: new AbortController().signal, release: () => void counts.releases++ };
  };
  const build = () => {
    const bot = new Bot("a", {}, world.live);
    world.table.bots.set("a", bot);
    return bot;
  };
  world.table.rows.set("a", { build, lease });
  return counts;
}

Deno.test("Supervisor does not start an entry whose lease() forces the end of the run", async () => {
  await using world = new World();
  leaseThat(world, () => world.force.abort(reason));
  await world.begin();
  assertEquals([world.bot("a"), world.run.error], [undefined, reason]);
});

Deno.test("Supervisor gives the lease back of an entry whose lease() forces the end of the run", async () => {
  await using world = new World();
  const counts = leaseThat(world, () => world.force.abort(reason));
  await world.begin();
  assertEquals(counts.releases, 1);
});

Deno.test("Supervisor does not start an entry whose lease() stops the process of its key", async () => {
  await using world = new World();
  leaseThat(world, () => watch(world.supervisor.stop("a")));
  await world.begin();
  assertEquals([world.bot("a"), world.supervisor.keys()], [undefined, []]);
});

Deno.test("Supervisor runs a process once whose lease() has stopped the process of its key before", async () => {
  await using world = new World();
  let isFirst = true;
  leaseThat(world, () => {
    if (isFirst) watch(world.supervisor.stop("a"));
    isFirst = false;
  });
  await world.begin();
  watch(world.supervisor.reconcile());
  await settle();
  assertEquals([world.live.keys, world.live.overlaps], [["a"], []]);
});

Deno.test("Supervisor.start() rejects with the reason when table.get() aborts its signal", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a");
  const controller = new AbortController();
  world.table.onLook = () => controller.abort(reason);
  const start = watch(world.supervisor.start("a", { signal: controller.signal }));
  await settle();
  assertStrictEquals(start.error, reason);
});

Deno.test("Supervisor.run() ends when the table.get() forces it that its callback waits for", async () => {
  await using world = new World({}, { announces: false });
  const controller = new AbortController();
  world.table.onLook = () => controller.abort(reason);
  const run = watch(world.supervisor.run(() => world.supervisor.ensure("a"), { signal: controller.signal }));
  await settle();
  assertEquals(run.fate, "SupervisorNotRunningError");
});
