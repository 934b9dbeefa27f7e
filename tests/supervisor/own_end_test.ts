import { assertEquals } from "@std/assert";
import type { RunCallback, RunOptions } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

/** A process that ends by itself when its work does, and then does not come to its end. */
async function worldOfOne(isDeaf: boolean) {
  const works: AbortController[] = [];
  const world = new World({}, { announces: false });
  world.table.set("a", {
    build: () => {
      const work = new AbortController();
      works.push(work);
      return {
        async run(running: RunCallback, { signal }: RunOptions) {
          await running(work.signal);
          await new Promise<void>((resolve) => isDeaf || signal.addEventListener("abort", () => resolve()));
        },
      };
    },
  });
  await world.begin();
  works[0].abort();
  await settle();
  return { world, works };
}

Deno.test("Supervisor aborts a process that ends by itself and takes longer than a stop may, and starts it again", async () => {
  const { world: all, works } = await worldOfOne(false);
  await using world = all;
  const ensured = watch(world.supervisor.ensure("a"));
  await world.time.pass(3_999);
  const before = world.stateOf("a");
  await world.time.pass(1_001);
  assertEquals([before, world.stateOf("a"), ensured.fate, works.length], ["stopping", "running", "resolved", 2]);
});

Deno.test("Supervisor names a process stuck that ends by itself and never comes to its end", async () => {
  const { world: all } = await worldOfOne(true);
  await using world = all;
  const ensured = watch(world.supervisor.ensure("a"));
  await world.time.pass(8_000);
  assertEquals([world.stateOf("a"), ensured.fate], ["stuck", "ProcessStuckError"]);
});
