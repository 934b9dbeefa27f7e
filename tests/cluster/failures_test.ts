import { assertEquals } from "@std/assert";
import { Failures } from "../../src/cluster/failures.ts";
import { KvTimeoutError, KvUnavailableError } from "../../src/kv/mod.ts";
import { hang } from "../../src/testing/mod.ts";
import { heartbeatMs, World } from "./fixtures.ts";

const timeout = new KvTimeoutError("look", 500);
const unavailable = new KvUnavailableError("look", 2_000);
const quietMs = 3_000;

Deno.test("Failures announces an outage when it begins, and its length when it ends", () => {
  const failures = new Failures(quietMs);
  assertEquals(failures.answered(0), undefined);
  assertEquals(failures.failed("look", timeout, 1_000), "unavailable");
  assertEquals(failures.failed("look", unavailable, 2_500), undefined);
  assertEquals(failures.failed("heartbeat", timeout, 2_500), undefined);
  assertEquals([failures.answered(10_000), failures.answered(10_000)], [9_500, undefined]);
  assertEquals(failures.failed("join", unavailable, 20_000), "unavailable");
  assertEquals(failures.answered(20_100), 2_100);
});

Deno.test("Failures announces that an outage is back that seemed to be over, and its end when nothing has failed for a while", () => {
  const failures = new Failures(quietMs);
  assertEquals([failures.failed("look", timeout, 1_000), failures.answered(2_000)], ["unavailable", 1_500]);
  assertEquals([failures.failed("look", timeout, 3_000), failures.answered(3_100)], ["unavailable", undefined]);
  assertEquals([failures.failed("look", timeout, 6_000), failures.answered(6_500)], [undefined, undefined]);
  assertEquals([failures.answered(9_400), failures.answered(9_500)], [undefined, 4_000]);
  assertEquals([failures.failed("look", timeout, 20_000), failures.answered(20_000)], ["unavailable", 500]);
});

Deno.test("Failures announces each way in which an operation fails once, until it has not failed so for a while", () => {
  const failures = new Failures(quietMs);
  const told = (operation: string, message: string, atMs: number) =>
    failures.failed(operation, new Error(message), atMs);
  assertEquals([told("look", "one", 0), told("look", "one", 0), told("join", "one", 0)], [
    "failed",
    undefined,
    "failed",
  ]);
  assertEquals([told("look", "other", 0), told("look", "one", 2_000), told("look", "other", 2_000)], [
    "failed",
    undefined,
    undefined,
  ]);
  failures.answered(2_000);
  assertEquals([told("look", "other", 4_999), told("look", "one", 5_000)], [undefined, "failed"]);
});

Deno.test("Failures announces what fails beside an outage", () => {
  const failures = new Failures(quietMs);
  failures.failed("look", timeout, 0);
  assertEquals(failures.failed("look", new Error("no"), 0), "failed");
  assertEquals(failures.failed("look", timeout, 0), undefined);
});

Deno.test("Cluster announces few outages while the database answers reads and no writes", async () => {
  await using world = await World.open();
  const one = await world.member("a", {}, { bare: true });
  await world.pass(5 * heartbeatMs);
  one.kv.break(hang(), "commit");
  await world.pass(200 * heartbeatMs);
  const told = () => one.events.map(({ type }) => type).filter((type) => type.startsWith("database-"));
  assertEquals(told(), ["database-unavailable", "database-available", "database-unavailable"]);
  one.kv.break();
  await world.pass(600 * heartbeatMs); // the gates open later and later, as long as they have been closed
  assertEquals([told().slice(3), one.owned.length], [["database-available"], 16]);
});
