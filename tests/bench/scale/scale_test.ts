import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { measureListing } from "./listing.ts";
import { type FleetFigures, type ListingFigures, measureFleet, predict } from "./measures.ts";
import { renderScale } from "./report.ts";

const fleet: FleetFigures = {
  instances: 64,
  entries: 100_000,
  beatsPerSecond: 12.8,
  listingsPerSecond: 13,
  readsPerMonth: 30e6,
  writesPerMonth: 33e6,
  coldStartMs: 2_000,
  lostHalfMs: 20_000,
};
const listing: ListingFigures = { entries: 100_000, restoreMs: 1_000, restoreGapMs: 20, passMs: 600, passGapMs: 11 };

Deno.test("measureFleet() finds a beat and a listing of each instance in a heartbeat, and a whole fleet in time", async () => {
  const { beatsPerSecond, listingsPerSecond, coldStartMs, lostHalfMs } = await measureFleet({
    instances: 4,
    entries: 50,
  });
  assertEquals([Math.round(10 * beatsPerSecond), Math.round(10 * listingsPerSecond)], [8, 8]); // 4 each 5 s
  assert(coldStartMs > 0 && coldStartMs < 20_000, `cold start after ${coldStartMs} ms`);
  assert(lostHalfMs > 10_000 && lostHalfMs < 26_000, `whole after ${lostHalfMs} ms`); // TTL plus two heartbeats
});

Deno.test("measureListing() times a start and a pass of one instance", async () => {
  const { entries, ...times } = await measureListing(100);
  assertEquals(entries, 100);
  for (const [name, ms] of Object.entries(times)) assert(ms > 0 && ms < 10_000, `${name} is ${ms}`);
});

Deno.test("predict() adds a sweep of each instance every 15 minutes, and a pass over the table", () => {
  assertEquals(predict(fleet, listing, 1_000_000), {
    entries: 1_000_000,
    readsPerMonth: 30e6 + 64 * 2_880 * 36_622, // 150 MB in units of 4 KiB
    sweepReadsPerMonth: 64 * 2_880 * 36_622,
    coldStartMs: 12_000,
    lostHalfMs: 30_000,
  });
});

Deno.test("renderScale() shows what was measured and a row for each number of entries", () => {
  const text = renderScale(fleet, listing, [predict(fleet, listing, 100_000), predict(fleet, listing, 1_000_000)]);
  assertStringIncludes(text, "12.8 heartbeats and 13.0\nlistings");
  assertStringIncludes(text, "| 100 000 | 705.2 | 675.2 | 33.0 | 3.0 | 21.0 |");
  assertStringIncludes(text, "| 1 000 000 | 6780.2 | 6750.2 | 33.0 | 12.0 | 30.0 |");
});
