import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

const ownAbort = new DOMException("fetch was aborted", "AbortError");

Deno.test("Supervisor counts a process's own AbortError while running as a failure", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.bot("a").crash(ownAbort);
  await settle();
  assertEquals(world.take().slice(2), ["a exited running failed fetch was aborted 0", "a retrying 1 1000 1000"]);
});

Deno.test("Supervisor counts a process's own AbortError while starting as a failure", async () => {
  await using world = new World({ a: { startError: ownAbort } });
  await world.begin();
  assertEquals(world.take()[1], "a exited starting failed fetch was aborted 0");
});

Deno.test("Supervisor counts a process's own AbortError during a graceful stop as a failure", async () => {
  await using world = new World({ a: { stopError: ownAbort } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await settle();
  assertEquals([stop.error, world.journal.of("exited")[0].outcome], [ownAbort, "failed"]);
});

Deno.test("Supervisor counts the echo of its own abort as a stop", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.supervisor.stop("a");
  assertEquals(world.journal.of("exited").map(({ outcome }) => outcome), ["stopped"]);
});

Deno.test("Supervisor counts another error after its own abort as a failure", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  world.bot("a").crash(new Error("no goodbye"));
  await settle();
  assertEquals([stop.fate, world.journal.of("exited")[0].outcome], ["Error", "failed"]);
});
