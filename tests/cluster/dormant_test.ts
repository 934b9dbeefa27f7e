import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { RetryAfterError, UnrecoverableError } from "@pact/supervisor";
import { heartbeatMs, manyKeys, World } from "./fixtures.ts";

/** An instance that runs every key, of which none is well, and another one that is given its share of them. */
async function handedOver(errors: readonly unknown[]) {
  const keys = manyKeys(20);
  const world = await World.open(keys);
  const fail = (startError: unknown) => keys.forEach((key) => world.manners.set(key, { startError }));
  const startedAt = new Map<string, number>();
  fail(errors[0]);
  const one = await world.member("a");
  await world.pass(500);
  for (const error of errors.slice(1)) {
    fail(error);
    await world.pass(1_000);
  }
  const failedAt = one.supervisor.status(keys[0])?.lastError?.at ?? 0;
  const other = world.instance("b");
  other.supervisor.subscribe((event) => {
    if (event.type === "starting" && !startedAt.has(event.key)) startedAt.set(event.key, event.at);
  });
  other.begin();
  await world.pass(6 * heartbeatMs);
  const moved = keys.filter((key) => other.cluster.sessionOf(key)?.isSelf);
  assert(moved.length > 0, "nothing is handed over");
  return { world, one, other, moved, startedAt, failedAt };
}

Deno.test("Supervisor in a cluster forgets keys that do not run when their slot is handed over", async () => {
  const { world, one, other, moved } = await handedOver([new UnrecoverableError("revoked")]);
  await using _world = world;
  assertEquals(moved.map((key) => one.supervisor.status(key)), moved.map(() => undefined));
  assertEquals(moved.map((key) => other.supervisor.status(key)?.state), moved.map(() => "parked"));
});

Deno.test("Supervisor in a cluster tells what is due of keys that wait before their slot is handed over", async () => {
  // The first failure is told at once, the second one not for ten seconds: it is shorter than that.
  const { world, moved, startedAt, failedAt } = await handedOver([new Error("oops"), new RetryAfterError(9_000)]);
  await using _world = world;
  await world.pass(10_000);
  for (const key of moved) assertGreaterOrEqual(startedAt.get(key)!, failedAt + 9_000, key);
});
