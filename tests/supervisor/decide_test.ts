import { assertEquals } from "@std/assert";
import { type RestartFailure, RetryAfterError, UnrecoverableError } from "@pact/supervisor";
import { settle, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor parks what has thrown an UnrecoverableError at its first failure", async () => {
  await using world = new World({ a: { startError: new UnrecoverableError("401") } });
  await world.begin();
  await world.time.pass(3_600_000);
  assertEquals(world.take(), [
    "a starting restore 1",
    "a exited starting failed 401 0",
    "a parked unrecoverable 1 401",
  ]);
});

Deno.test("Supervisor starts what is unrecoverable when its entry changes", async () => {
  await using world = new World({ a: { startError: new UnrecoverableError("401") } });
  await world.begin();
  world.table.set("a");
  await settle();
  assertEquals(world.take().slice(-3), ["a unparked change", "a starting change 1", "a running 0"]);
});

Deno.test("Supervisor waits as a RetryAfterError says, however often, and never parks because of it", async () => {
  await using world = new World({ a: { startError: new RetryAfterError(90_000) } }, { restart: { limit: 2 } });
  await world.begin();
  await world.time.pass(10 * 90_000);
  const told = world.journal.of("retrying").map(({ failures, delayMs }) => [failures, delayMs]);
  assertEquals([told.length, new Set(told.map(String))], [11, new Set(["0,90000"])]);
  assertEquals(world.journal.of("starting").map(({ attempt }) => attempt), Array(11).fill(1));
});

Deno.test("Supervisor goes on with the backoff that a RetryAfterError has interrupted", async () => {
  const errors: unknown[] = [oops, oops, new RetryAfterError(5), oops];
  await using world = new World({ a: {} });
  world.table.rows.get("a")!.build = () => Promise.reject(errors.shift() ?? oops);
  await world.begin();
  await world.time.pass(5_000);
  assertEquals(world.journal.of("retrying").map(({ failures }) => failures), [1, 2, 2, 3]);
  assertEquals(world.journal.of("retrying").map(({ delayMs }) => delayMs), [1_000, 2_000, 5, 4_000]);
});

Deno.test("Supervisor asks restart.decide at each failure, with the key", async () => {
  const asked: unknown[][] = [];
  const decide = ({ key, phase, failures, uptimeMs }: RestartFailure) => {
    asked.push([key, phase, failures, uptimeMs]);
    return failures === 2 ? "park" as const : 10;
  };
  await using world = new World({ a: {} }, { restart: { decide } });
  await world.begin();
  for (let lives = 0; lives < 2; lives++) {
    await world.time.pass(500);
    world.bot("a").crash(oops);
    await settle();
  }
  assertEquals(asked, [["a", "running", 1, 500], ["a", "running", 2, 490]]);
  assertEquals(world.take().at(-1), "a parked decided 2 oops");
});

Deno.test("Supervisor tells of a delay that cannot be used once for each version, between the exit and its answer", async () => {
  await using world = new World({ a: { startError: oops } }, { restart: { decide: () => -1 } });
  await world.begin();
  await world.time.pass(10_000);
  const told = () => world.journal.of("entry-failed").length;
  assertEquals(world.journal.spell("a").slice(0, 6), "s!!ts!");
  assertEquals([told(), world.journal.of("starting").length], [1, 4]);
  world.table.set("a", { startError: oops });
  await world.time.pass(10_000);
  assertEquals([told(), world.journal.of("starting").length], [2, 8]);
});

Deno.test("Supervisor tells of what decide throws, and takes its own delay", async () => {
  const decide = () => {
    throw new Error("no such field");
  };
  await using world = new World({ a: { startError: oops } }, { restart: { decide } });
  await world.begin();
  assertEquals(world.take().slice(-2), ["a entry-failed no such field", "a retrying 1 1000 1000"]);
});
