import { assertEquals } from "@std/assert";
import { Supervisor } from "@pact/supervisor";
import { FaultyKv } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { botTable, never, settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

/** Runs a supervisor over a database that stops answering while it is listed, up to the end of the run. */
async function runWithHangingList() {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock();
  const supervisor = new Supervisor(botTable(kv, { clock }), { clock });
  const failed: string[] = [];
  supervisor.subscribe((event) => event.type === "table-failed" && failed.push(event.operation));
  const run = supervisor.run(async () => {
    const asked = Promise.withResolvers<void>();
    kv.inject("list", () => {
      asked.resolve();
      return never;
    });
    watch(supervisor.reconcile());
    await asked.promise;
  });
  await clock.armed(4_000); // the shutdown waits for the table
  await settle();
  clock.advance(4_000);
  await run;
  return { clock, failed };
}

Deno.test("Supervisor.run() does not wait for a listing of a KvTable that the database never answers", async () => {
  const { failed } = await runWithHangingList();
  assertEquals(failed, []);
});

Deno.test("Supervisor.run() leaves no timer of a KvTable behind that the database never answers", async () => {
  const { clock } = await runWithHangingList();
  assertEquals(clock.pending, 0);
});
