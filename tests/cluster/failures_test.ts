import { assertEquals } from "@std/assert";
import { Failures } from "../../src/cluster/failures.ts";
import { KvTimeoutError, KvUnavailableError } from "../../src/kv/mod.ts";

const timeout = new KvTimeoutError("look", 500);
const unavailable = new KvUnavailableError("look", 2_000);

Deno.test("Failures announces an outage when it begins, and its length when it ends", () => {
  const failures = new Failures();
  assertEquals(failures.answered(0), undefined);
  assertEquals(failures.failed("look", timeout, 1_000), "unavailable");
  assertEquals(failures.failed("look", unavailable, 2_500), undefined);
  assertEquals(failures.failed("heartbeat", timeout, 2_500), undefined);
  assertEquals([failures.answered(10_000), failures.answered(10_000)], [9_500, undefined]);
  assertEquals(failures.failed("join", unavailable, 20_000), "unavailable");
  assertEquals(failures.answered(20_100), 2_100);
});

Deno.test("Failures announces each way in which an operation fails once, until the database has answered", () => {
  const failures = new Failures();
  const told = (operation: string, message: string) => failures.failed(operation, new Error(message), 0);
  assertEquals([told("look", "one"), told("look", "one"), told("join", "one")], ["failed", undefined, "failed"]);
  assertEquals([told("look", "other"), told("look", "other")], ["failed", undefined]);
  failures.answered(0);
  assertEquals([told("look", "other"), told("look", "other")], ["failed", undefined]);
});

Deno.test("Failures announces what fails beside an outage", () => {
  const failures = new Failures();
  failures.failed("look", timeout, 0);
  assertEquals(failures.failed("look", new Error("no"), 0), "failed");
  assertEquals(failures.failed("look", timeout, 0), undefined);
});
