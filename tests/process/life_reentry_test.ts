import { assertEquals } from "@std/assert";
import type { RunCallback } from "@pact/supervisor";
import { settle, watch, World } from "../supervisor/fixtures/mod.ts";
import { begin, lifeOf } from "./life_fixture.ts";

/** Calls back as soon as its signal aborts, and ends when the gate opens. */
const callBackWhenAborted = (gate: Promise<void>) => (running: RunCallback, signal: AbortSignal) => {
  signal.addEventListener("abort", () => running(signal));
  return gate;
};

Deno.test("Life is not up when a listener to the abort of its stop calls the callback", async () => {
  const gate = Promise.withResolvers<void>();
  const { life, told } = lifeOf(callBackWhenAborted(gate.promise));
  await begin(life);
  life.stop();
  assertEquals([told, life.state, life.wasUp], [[], "stopping", false]);
  gate.resolve();
  await settle();
});

Deno.test("Supervisor.stop() calls a start-up stuck that calls back while it is aborted and goes on", async () => {
  const gate = Promise.withResolvers<void>();
  const run = callBackWhenAborted(gate.promise);
  await using world = new World();
  world.table.set("a", {
    build: () => ({ run: (running: RunCallback, options: { signal: AbortSignal }) => run(running, options.signal) }),
  });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(4_000);
  assertEquals([stop.fate, world.journal.spell("a")], ["ProcessStuckError", "sk"]);
  gate.resolve();
  await settle();
});
