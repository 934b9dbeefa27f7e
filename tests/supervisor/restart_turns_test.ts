import { assert } from "@std/assert";
import { watch, World } from "./fixtures/mod.ts";

Deno.test("Supervisor gives the event loop turns while a listener starts what fails again and again", async () => {
  await using world = new World({ a: { startError: new Error("oops") } }, { announces: false });
  let calls = 0;
  world.supervisor.subscribe(({ type }) => {
    // Without turns it would go on for ever, and this test with it.
    if (type === "retrying" && calls++ < 10_000) watch(world.supervisor.ensure("a"));
  });
  await world.begin();
  assert(calls < 10_000, `${calls} starts within a few turns`);
});
