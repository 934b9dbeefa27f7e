import { assertEquals } from "@std/assert";
import { ErrorConsole, settle, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor prints a failure that was announced to a listener who has ended his subscription since", async () => {
  using console = new ErrorConsole();
  const build = () => {
    throw oops;
  };
  await using world = new World({ a: { build } }, { isObserved: false, restart: { limit: 1 } });
  const subscription = world.supervisor.subscribe(() => subscription[Symbol.dispose]());
  await world.begin();
  assertEquals(console.lines.map(([line]) => line), [
    'supervisor: process "a": entry failed: Error: oops',
    'supervisor: process "a": parked after 1 failure: Error: oops',
  ]);
});

Deno.test("Supervisor hands nothing to a listener whose subscription another listener of the event has ended", async () => {
  await using world = new World({ a: {} }, { announces: false });
  const heard: string[] = [];
  world.supervisor.subscribe(() => second[Symbol.dispose]());
  const second = world.supervisor.subscribe(({ type }) => heard.push(type));
  await world.begin();
  await settle();
  assertEquals(heard, []);
});
