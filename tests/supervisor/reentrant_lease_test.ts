import { assertEquals } from "@std/assert";
import { nop } from "@pact/supervisor";
import { watch, type Watched, World } from "./fixtures/mod.ts";

Deno.test("Supervisor.stop() called within lease() of its own key settles", async () => {
  await using world = new World();
  let stop: Watched<void> | undefined;
  const lease = () => {
    stop ??= watch(world.supervisor.stop("a"));
    return { signal: new AbortController().signal, release() {} };
  };
  world.table.set("a", { version: 1, lease, build: () => nop });
  await world.begin();
  await world.end();
  assertEquals([world.run.fate, stop?.fate], ["resolved", "resolved"]);
});

Deno.test("Supervisor.restart() called within lease() of its own key resolves with the process that comes up", async () => {
  await using world = new World();
  let restart: Watched<unknown> | undefined;
  const lease = () => {
    restart ??= watch(world.supervisor.restart("a"));
    return { signal: new AbortController().signal, release() {} };
  };
  world.table.set("a", { version: 1, lease, build: () => nop });
  await world.begin();
  await world.time.pass(100);
  assertEquals([restart?.fate, world.stateOf("a")], ["resolved", "running"]);
});
