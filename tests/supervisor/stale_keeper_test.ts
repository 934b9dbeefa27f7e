import { assertEquals } from "@std/assert";
import { nop } from "@pact/supervisor";
import { settle, watch, type Watched, World } from "./fixtures/mod.ts";

Deno.test("Supervisor.start() whose key was removed does not stop what was started of it since when its signal aborts", async () => {
  await using world = new World({ a: { startError: new Error("oops") } }, { announces: false });
  await world.begin(); // "a" waits for its restart
  world.table.rows.delete("a");
  const controller = new AbortController();
  watch(world.supervisor.start("a", { signal: controller.signal }));
  let ensure: Watched<unknown> | undefined;
  world.supervisor.subscribe(({ type }) => {
    if (type !== "removed") return;
    world.table.rows.set("a", { build: () => nop });
    ensure = watch(world.supervisor.ensure("a"));
    controller.abort();
  });
  await settle();
  assertEquals([ensure?.fate, world.stateOf("a")], ["resolved", "running"]);
});
